"""Toy runs for the tests of the runtime: small scripts, counted calls, journals cut anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import anyio

from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.clock import Clock
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import AnyEvent, RunError, Usage
from investigator.runtime.journal import FILE, Journal, read_entries
from investigator.runtime.planner import PlannerCallFailed, Reply, TurnBound, View
from investigator.runtime.record import RunRecord
from investigator.runtime.replay import Replay, replay
from investigator.runtime.runner import resume, start, write_record
from investigator.runtime.status import ErrorCode
from investigator.runtime.strategy import Brief, Plan, Run
from investigator.runtime.verify import verify_files
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import Cells, delegate, finalize, read, synthesize
from investigator.testing.virtual_time import in_virtual_time
from tests.running import adds_up

EventT = TypeVar("EventT", bound=AnyEvent)
Script = Mapping[str, Sequence[str | PlannerCallFailed]]

FAMILY: Script = {
    "0": [
        read(0),
        delegate("a", "b", "c"),
        read(1),
        synthesize("so far", "e1"),
        delegate("d"),
        finalize("all", "e1", "e2"),
    ],
    "0/0": [read(10), read(11), delegate("x", "y"), read(10), finalize("a", "e1")],
    "0/0/0": [read(20), synthesize("x", "e1"), finalize("x", "e1")],
    "0/0/1": [read(20), read(-1), finalize("y", "e1")],
    "0/1": [synthesize("b"), read(30), finalize("b", "e1")],
    "0/2": [read(40), read(41), read(42), finalize("c", "e1", "e3")],
    "0/3": [read(1), finalize("d", "e1")],
}
"""Two levels of children, a repeat, a tool error, drafts: something of everything."""

SIBLINGS: Script = {
    "0/0": [read(1), synthesize("so far", "e1"), finalize("all", "e1")],
    "0/1": [read(10), read(11), finalize("a", "e1", "e2")],
    "0/2": [read(20), delegate("x", "y"), finalize("b", "e1")],
    "0/2/0": [read(30), finalize("x", "e1")],
    "0/2/1": [read(31), read(32), finalize("y", "e1")],
    "0/3": [synthesize("c"), read(40), finalize("c", "e1")],
}
"""The scopes of `THREE_AND_ALL`; one of them delegates."""

THREE_AND_ALL = Plan(
    scopes=(Brief("a"), Brief("b", context="of b"), Brief("c")), synthesis=Brief("all")
)
"""An engine's plan: three scopes side by side and a synthesis over them."""

PAID = Usage(llm_calls=1, tokens_in=10, tokens_out=5, cost=3)
PAID_BOUND = TurnBound(Amounts(iterations=1, tokens=20, cost=5), max_tokens_out=8)


class Deciding(ScriptedPlanner):
    """A planner over the wire whose turn is a function of the view, `latency_s` seconds away."""

    def __init__(self, decide: Callable[[View], str], *, latency_s: float) -> None:
        super().__init__({}, latency_s=latency_s)
        self._decide = decide
        self._latency = latency_s

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """What was decided, after a while."""
        self.asked.append(view)
        await anyio.sleep(self._latency)
        return Reply(self._decide(view), Usage())


class CountedCells(Cells):
    """Cells that remember each read of theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[int] = []

    def __getitem__(self, cell: int) -> str:
        self.reads.append(cell)
        return super().__getitem__(cell)


def free(script: Script = FAMILY) -> ScriptedPlanner:
    """A planner that is local and costs nothing."""
    return ScriptedPlanner(script)


def paid(script: Script = FAMILY, latency_s: float = 0.0) -> ScriptedPlanner:
    """A planner that is asked over the wire and charges tokens and money."""
    return ScriptedPlanner(script, usage=PAID, bound=PAID_BOUND, latency_s=latency_s)


def failing(
    code: ErrorCode = ErrorCode.MODEL_CALL_FAILED, *, retryable: bool = True
) -> PlannerCallFailed:
    """A turn without a reply, charged all the same."""
    error = RunError(code=code, message="the model is down", stage="planner", retryable=retryable)
    return PlannerCallFailed(error, Usage(llm_calls=1, tokens_in=2))


def run_toy(run: Run, run_dir: Path) -> RunRecord:
    """Drive a new run to its end, in virtual time; what its scopes used adds up."""
    record = in_virtual_time(start(run, run_dir))
    adds_up(record)
    return record


def resume_toy(run: Run, run_dir: Path, budget: Budget | None = None) -> RunRecord:
    """Go on with a run, in virtual time."""
    return in_virtual_time(resume(run, run_dir, budget))


def replay_toy(run: Run, run_dir: Path) -> Replay:
    """Make a run again from its files."""
    return in_virtual_time(replay(run, read_entries(run_dir), output_of(run_dir)))


def output_of(run_dir: Path) -> bytes | None:
    """The report, where there is one."""
    path = run_dir / OUTPUT_FILE
    return path.read_bytes() if path.is_file() else None


def sound(run: Run, run_dir: Path) -> None:
    """What holds of every run that has ended: verified, and replayed to the same."""
    assert verify_files(run_dir) == []
    assert replay_toy(run, run_dir).difference is None


def events(run_dir: Path, kind: type[EventT], scope: str | None = None) -> list[EventT]:
    """The events of one type, in order, of one scope or of all."""
    found = (entry.event for entry in read_entries(run_dir))
    return [e for e in found if isinstance(e, kind) and scope in (None, e.scope)]


def lines_of(run_dir: Path) -> list[bytes]:
    """The journal's lines, each with its end."""
    return (run_dir / FILE).read_bytes().splitlines(keepends=True)


def cut(lines: Sequence[bytes], run_dir: Path, *, torn: bytes = b"") -> Path:
    """What a process leaves that was killed after these lines, perhaps inside the next."""
    run_dir.mkdir()
    (run_dir / FILE).write_bytes(b"".join(lines) + torn)
    return run_dir


def rechained(events: Sequence[AnyEvent], run_dir: Path) -> Path:
    """A journal of these events whose chain is in order, as a forger would write it."""

    async def write() -> None:
        with Journal.create(run_dir, Clock()) as journal:
            for event in events:
                journal.append(event)
            write_record(run_dir, journal)

    in_virtual_time(write())
    return run_dir
