"""A real Phoenix with the demo agent's traces, investigated by all three engines and annotated.

    python -m benchmarks.phoenix [--seed 0] [--port 6006] [--folder DIR] [--traces N] [--once]

Starts the Phoenix of `.venv-phoenix` on loopback (SQLite in a temporary folder, telemetry off),
sends the traces of the demo agent over OTLP, asks why each failed, which controls the first of
them break and what happened in a window, writes the answers back, and prints where to look at
them. It serves until Ctrl-C; with `--once` it ends by itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from investigator.demo_agent.export import send
from investigator.demo_agent.generate import generate
from investigator.demo_agent.runs import Ran
from investigator.errors import SourceUnavailable
from investigator.phoenix.address import phoenix_address
from investigator.phoenix.connection import PhoenixConnection
from investigator.phoenix.source import PhoenixInspectionAPI
from investigator.testing.phoenix_server import PhoenixServer

PATIENCE_S = 120
AUDITED = 3


def sent(server: PhoenixServer, runs: Sequence[Ran]) -> list[str]:
    """Send runs over OTLP and wait until all are readable; the projects that they are in."""
    spans = [span for ran in runs for span in ran.spans]
    expected: dict[str, int] = {}
    for span in spans:
        name = str(span.resource.attributes["openinference.project.name"])
        expected[name] = expected.get(name, 0) + 1
    send(runs, f"{server.base_url}/v1/traces")
    for project, count in expected.items():
        _wait_for(server.address(project), count)
    return list(expected)


def _wait_for(address: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with PhoenixConnection(phoenix_address(address)) as connection:
        api = PhoenixInspectionAPI(connection)
        while _readable(api) < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"{address} did not show {count} spans within {PATIENCE_S} s")
            time.sleep(0.5)


def _readable(api: PhoenixInspectionAPI) -> int:
    """How many spans are there; a project is there with its first."""
    try:
        return sum(1 for _ in api.spans())
    except SourceUnavailable:
        return 0


def asked(*command: str) -> None:
    """Run a command of the investigator and show it; what it finds is no failure of ours."""
    print(f"\n$ investigator {' '.join(command)}", flush=True)
    ended = subprocess.run([sys.executable, "-m", "investigator", *command], check=False)
    if ended.returncode not in (0, 1, 3):
        raise SystemExit(ended.returncode)


def investigated(server: PhoenixServer, project: str, trace_ids: Sequence[str], runs: Path) -> None:
    """Ask the three questions of a project, and write the answers back."""
    address = server.address(project)
    kept = ("--runs-dir", str(runs), "--write-back")
    asked("rca", address, "--all", *kept)
    for trace_id in trace_ids[:AUDITED]:
        asked("compliance", address, "--trace-id", trace_id, *kept)
    asked("incident", address, *kept)


def main() -> None:
    """Start, send, ask, print the links."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=6006)
    parser.add_argument("--folder", type=Path, help="where Phoenix and the runs are kept")
    parser.add_argument("--traces", type=int, default=40, help="how many are sent")
    parser.add_argument("--once", action="store_true", help="end when all is written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="investigator-phoenix-") as temporary:
        folder = arguments.folder or Path(temporary)
        print("starting Phoenix", flush=True)
        with PhoenixServer(folder / "phoenix", port=arguments.port) as server:
            chosen = generate(arguments.seed).runs[: arguments.traces]
            for project in sent(server, chosen):
                trace_ids = [ran.trace_id for ran in chosen]
                investigated(server, project, trace_ids, folder / "runs")
            print("\nlook at the annotated traces:")
            for ran in chosen[:AUDITED]:
                print(f"  {server.base_url}/redirects/traces/{ran.trace_id}")
            print(f"  {server.base_url}/projects")
            if not arguments.once:
                print("Phoenix serves until Ctrl-C", flush=True)
                with suppress(KeyboardInterrupt):
                    while True:
                        time.sleep(3600)


if __name__ == "__main__":
    main()
