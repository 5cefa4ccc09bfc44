"""A real Phoenix with the demo agent's traces, investigated by all three engines and annotated.

    python -m benchmarks.phoenix [--seed 0] [--port 6006] [--folder DIR] [--traces N] [--once]

Starts the Phoenix of `.venv-phoenix` on loopback (SQLite in a temporary folder, telemetry off),
sends the demo agent's traces and those around a release over OTLP, asks why each run failed, which
controls the first of them break and what happened around the release, writes the answers back, and
prints where to look at them. It serves until Ctrl-C; with `--once` it ends by itself.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from demo.agent.export import send
from demo.agent.generate import Seeded, generate, write
from demo.agent.incidents import Window
from demo.agent.runs import PROJECT, Ran
from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.connectors.phoenix.source import PhoenixInspectionAPI
from investigator.errors import SourceUnavailable
from investigator.testing.phoenix_server import PhoenixServer
from investigator.traces.model import iso_time

PATIENCE_S = 120
AUDITED = 3
_SECOND_NS = 10**9


def sent(server: PhoenixServer, runs: Sequence[Ran]) -> None:
    """Send runs over OTLP and wait until all their spans are readable."""
    with PhoenixConnection(phoenix_address(server.address(PROJECT))) as connection:
        api = PhoenixInspectionAPI(connection)
        expected = _readable(api) + send(runs, f"{server.base_url}/v1/traces")
        deadline = time.monotonic() + PATIENCE_S
        while _readable(api) < expected:
            if time.monotonic() > deadline:
                raise SystemExit(f"Phoenix did not show {expected} spans within {PATIENCE_S} s")
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


def period(runs: Sequence[Ran]) -> tuple[str, ...]:
    """The options that choose the time of the runs, to whole seconds."""
    starts = [span.start_time or 0 for ran in runs for span in ran.spans]
    first, last = min(starts) // _SECOND_NS, max(starts) // _SECOND_NS + 1
    return (
        *("--from", iso_time(first * _SECOND_NS) or ""),
        *("--to", iso_time(last * _SECOND_NS) or ""),
    )


def investigated(server: PhoenixServer, seeded: Seeded, window: Window, folder: Path) -> None:
    """Send the runs and ask why they failed and what they break; then a window: what changed."""
    address = server.address(PROJECT)
    options = ("--runs-dir", str(folder / "runs"), "--write-back")
    sent(server, seeded.runs)
    asked("rca", address, "--all", *options)
    for ran in seeded.runs[:AUDITED]:
        asked("compliance", address, "--trace-id", ran.trace_id, *options)
    sent(server, window.runs)
    snapshots = folder / "seeded" / window.told.folder / "snapshots"
    asked("incident", address, *period(window.runs), "--snapshots", str(snapshots), *options)


def main() -> None:
    """Start Phoenix, show what the investigator does with it, and serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=6006)
    parser.add_argument("--folder", type=Path, help="where Phoenix and the runs are kept")
    parser.add_argument("--traces", type=int, help="send only so many beside those of the release")
    parser.add_argument("--once", action="store_true", help="end when all is written")
    arguments = parser.parse_args()
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="investigator-phoenix-") as temporary,
    ):
        folder = arguments.folder or Path(temporary)
        print("starting Phoenix", flush=True)
        with PhoenixServer(folder / "phoenix", port=arguments.port) as server:
            show(server, generate(arguments.seed), folder, traces=arguments.traces)
            if not arguments.once:
                print("Phoenix serves until Ctrl-C", flush=True)
                while True:
                    time.sleep(3600)


def show(server: PhoenixServer, seeded: Seeded, folder: Path, *, traces: int | None) -> None:
    """Send, ask, print the links."""
    write(seeded, folder / "seeded")
    told = replace(seeded, runs=seeded.runs[:traces])
    window = told.windows[0]
    investigated(server, told, window, folder)
    print("\nlook at the annotated traces:")
    for ran in (*told.runs[:AUDITED], window.runs[-1]):
        print(f"  {server.base_url}/redirects/traces/{ran.trace_id}")
    print(f"  {server.base_url}/projects")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
