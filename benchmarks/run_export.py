"""How fast is a long run exported, with every prompt made again from its journal?

    python -m benchmarks.run_export [--turns 2500] [--dir DIR]

A model on this machine reads one page of the bundled sample after another, each turn another
offset, then concludes: four events a turn. The export is timed as the command does it: the
journal is read, the prompts are made again by a replay, the text is written. The middle line is
what it takes without prompts, as for a run whose source is gone. The last is how long our own
reader takes for the file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from investigator import RCA, Settings, investigate
from investigator.formats.otlp import decode_otlp
from investigator.runs.export.export import export_run
from investigator.runs.export.spans import run_spans
from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget
from investigator.runtime.events import RunOpened
from investigator.runtime.journal import read_entries
from investigator.runtime.llm_client import ModelSettings
from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest, Tokens, says

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
RUN_ID = "long"
ENDS = {"type": "finalize", "output": {"findings": [], "gaps": ["read"], "summary": "nothing"}}

T = TypeVar("T")


class Reader:
    """A model that reads `turns` pages, another offset each turn, then concludes."""

    def __init__(self, turns: int) -> None:
        self._left = turns

    def __call__(self, request: ReceivedRequest) -> Behaviour:  # noqa: ARG002
        """The next action."""
        self._left -= 1
        args = {"kind": None, "errors_only": False, "offset": self._left}
        reads = {"type": "tool_call", "tool_name": "list_spans", "args": args}
        return says(
            json.dumps({"action": reads if self._left > 0 else ENDS}), usage=Tokens(1000, 100)
        )


def long_run(turns: int, runs_dir: Path) -> None:
    """One run of so many turns of a model."""
    budget = Budget(
        iterations=turns + 10,
        tool_calls=turns + 10,
        tokens=turns * 20_000,
        subcalls=10,
        wall_time_s=3600,
    )
    with ModelServer(Reader(turns)) as server:
        model = ModelSettings(model="scripted", base_url=server.base_url, timeout_s=30)
        investigate(
            SAMPLE_TRACES,
            RCA(trace_id=TRIP),
            Settings(
                planner=PlannerChoice(planner="model", model=model),
                budget=budget,
                runs_dir=runs_dir,
                run_id=RUN_ID,
            ),
        )


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """How long it took, in seconds, and what came out."""
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def measure(runs_dir: Path) -> None:
    """Export the run and say how fast."""
    entries = read_entries(runs_dir / RUN_ID)
    opened = entries[0].event
    assert isinstance(opened, RunOpened)
    whole_s, (missing, text) = timed(lambda: _exported(runs_dir))
    bare_s, _ = timed(lambda: run_spans(opened, entries, {}, {}))
    read_s, read = timed(lambda: list(decode_otlp(json.loads(text))))
    prompts = sum("llm.input_messages.0.message.role" in s.attributes for s in read)
    print(
        f"{len(entries):,} events, {len(read):,} spans, {prompts:,} with their prompt, "
        f"{len(text) / 1e6:.1f} MB"
    )
    print(f"exported        {whole_s:6.1f} s  {len(entries) / whole_s:8,.0f} events/s")
    print(f"without prompts {bare_s:6.1f} s  {len(entries) / bare_s:8,.0f} events/s")
    print(f"read again      {read_s:6.1f} s  {len(read) / read_s:8,.0f} spans/s")
    if missing is not None:
        print(missing)


def _exported(runs_dir: Path) -> tuple[str | None, str]:
    made = export_run(RUN_ID, runs_dir)
    return made.without_prompts, made.text


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=2500, help="turns of the model")
    parser.add_argument("--dir", type=Path, help="where the run is kept; a temporary folder else")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = args.dir or Path(folder)
        long_run(args.turns, runs_dir)
        measure(runs_dir)


if __name__ == "__main__":
    main()
