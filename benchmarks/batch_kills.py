"""Does a batch that is killed charge anyone twice, or leave anything behind? Real kills, real HTTP.

    python -m benchmarks.batch_kills [--kills 100] [--traces 6] [--jobs 2] [--seed 1]

A batch asks a model of each trace, over an endpoint of this program that bills every request it
reads. It is ended at a seeded random moment, gone on with by `--continue`, ended again, and in the
end left to finish. Ways: SIGKILL, SIGTERM and SIGINT to the parent, Ctrl-C (SIGINT to the whole
group, as a terminal sends it), SIGTERM where SIGINT is ignored (`&`), SIGKILL and SIGTERM to a
worker. Held against each kill:

- every process of the batch is gone, and its pipes are closed, within a bounded time;
- no more requests are billed after its end than there were workers, each in the middle of one;
- it ends with the exit code and the words of its way.

Held against each batch once it has finished: one finished run for each trace; what was billed for
a trace is its settled turns and those whose hold was booked as lost, so no finished call was
billed twice; every run verifies. On the way a second batch that asks the same is refused while
the first one runs, and `--continue` leaves a run alone whose lock another process holds.

A row a way, then a verdict; exit code 1 where anything did not hold.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from investigator.runs.run_store import StoredRun, list_runs
from investigator.runtime.events import HoldLost, TurnFailed, TurnHeld, TurnSettled
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.verify import verify_files
from investigator.testing.model_server import Answer, ModelServer, ReceivedRequest, Tokens, says

GONE_WITHIN_S = 10.0
"""How long a killed batch may take to vanish; long, since a busy machine is slow to schedule."""
ENDED_WITHIN_S = 120.0
"""How long a batch may take to end by itself, after an interrupt or a worker's death."""
TURNS = 4
"""Of a trace: this many requests, the last one concludes."""
REPLY_S = (0.03, 0.15)
KILLS_A_BATCH = 8

_TRACE = re.compile(r"trace_id: (case-\d+)")
_TURN = re.compile(r"## Turn (\d+)\n")


@dataclass(frozen=True, slots=True)
class Bill:
    """A request that was read, and with that charged for."""

    trace: str
    at: float


class BillingModel:
    """Decides for a `ModelServer`; reads a little and concludes. Every request is billed."""

    def __init__(self, seed: int) -> None:
        self.bills: list[Bill] = []
        self._random = random.Random(seed)

    def __call__(self, request: ReceivedRequest) -> Answer:
        prompt = request.body["messages"][1]["content"]
        trace, turn = _TRACE.findall(prompt)[0], int(_TURN.findall(prompt)[-1])
        self.bills.append(Bill(trace, time.monotonic()))
        action: dict[str, Any] = {
            "type": "tool_call",
            "tool_name": "list_spans",
            "args": {"kind": None, "errors_only": turn % 2 == 1, "offset": 0},
        }
        if turn + 1 >= TURNS or "offered: finalize\n" in prompt:
            output = {"findings": [], "gaps": ["nothing looked wrong"], "summary": "all is well"}
            action = {"type": "finalize", "output": output}
        delay_s = self._random.uniform(*REPLY_S)
        return says(json.dumps({"action": action}), usage=Tokens(1000, 100), delay_s=delay_s)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to end a batch, and what it may then say. `-n`: it died of signal n itself.

    A signal that comes before Python has started kills a process as it does any other, and one
    that comes when all is done finds exit code 0.
    """

    name: str
    send: Callable[[subprocess.Popen[str], random.Random], None]
    exits: tuple[int, ...]
    says: str = ""
    background: bool = False


def _to_parent(number: signal.Signals) -> Callable[[subprocess.Popen[str], random.Random], None]:
    return lambda process, _: process.send_signal(number)


def _to_worker(number: signal.Signals) -> Callable[[subprocess.Popen[str], random.Random], None]:
    def send(process: subprocess.Popen[str], dice: random.Random) -> None:
        workers = [pid for pid, command in members(process.pid) if "spawn_main" in command]
        if workers:
            os.kill(dice.choice(workers), number)

    return send


WAYS = (
    Way("SIGKILL parent", _to_parent(signal.SIGKILL), (-9, 0)),
    Way("SIGKILL worker", _to_worker(signal.SIGKILL), (4, 0), "--continue"),
    Way("SIGTERM parent", _to_parent(signal.SIGTERM), (130, 0, -15), "interrupted"),
    Way("SIGKILL parent", _to_parent(signal.SIGKILL), (-9, 0)),
    Way("SIGINT parent", _to_parent(signal.SIGINT), (130, 0, -2), "interrupted"),
    Way("Ctrl-C", lambda p, _: os.killpg(p.pid, signal.SIGINT), (130, 0, -2), "interrupted"),
    Way("SIGTERM, in &", _to_parent(signal.SIGTERM), (130, 0, -15), "interrupted", background=True),
    Way("SIGTERM worker", _to_worker(signal.SIGTERM), (3, 0)),
)
"""In turn; SIGKILL to the parent most often, since nothing of ours can then tidy up."""


@dataclass(slots=True)
class Tally:
    """What was seen of one way."""

    kills: int = 0
    gone_s: float = 0.0
    closed_s: float = 0.0
    late: int = 0
    exits: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Totals:
    """What was seen of all batches."""

    batches: int = 0
    billed: int = 0
    settled: int = 0
    lost: int = 0
    twice: int = 0
    refused: int = 0
    left_alone: int = 0
    violations: list[str] = field(default_factory=list)
    ways: dict[str, Tally] = field(default_factory=lambda: {way.name: Tally() for way in WAYS})

    @property
    def kills(self) -> int:
        """Of all ways."""
        return sum(tally.kills for tally in self.ways.values())


def members(group: int) -> list[tuple[int, str]]:
    """(pid, command) of the living processes of a process group."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 3) for line in listed.stdout.splitlines())
    return [
        (int(row[0]), row[3] if len(row) > 3 else "")
        for row in rows
        if int(row[1]) == group and not row[2].startswith("Z")
    ]


class Batch:
    """One process of a batch in a group of its own, its pipes read to their ends."""

    def __init__(self, argv: list[str], *, background: bool = False) -> None:
        at_ctrl_c = signal.SIG_IGN if background else signal.SIG_DFL
        self.process = subprocess.Popen(
            [sys.executable, "-m", "investigator", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, at_ctrl_c),
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._told: list[str] = []
        self._closed_at: list[float] = []
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, into), daemon=True)
            for pipe, into in ((self.process.stdout, []), (self.process.stderr, self._told))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: IO[str], into: list[str]) -> None:
        with pipe:
            into.extend(pipe)
        self._closed_at.append(time.monotonic())

    def ended(self) -> tuple[int, float]:
        """The exit code, and when that was."""
        code = self.process.wait(ENDED_WITHIN_S)
        return code, time.monotonic()

    def told(self) -> str:
        """What it said on stderr."""
        return "".join(self._told)

    def closed_at(self) -> float | None:
        """When both pipes were closed; None where one still is open."""
        for reader in self._readers:
            reader.join(GONE_WITHIN_S)
        return max(self._closed_at) if len(self._closed_at) == len(self._readers) else None

    def gone_at(self) -> float | None:
        """When no process of it was left; None where one still is."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while time.monotonic() < deadline:
            if not members(self.process.pid):
                return time.monotonic()
            time.sleep(0.005)
        return None


@dataclass(slots=True)
class Chain:
    """One batch: started, ended some times, gone on with until it is done."""

    model: BillingModel
    argv: list[str]
    runs: Path
    traces: int
    jobs: int
    dice: random.Random
    totals: Totals
    started: list[Batch] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        """Note what did not hold."""
        self.totals.violations.append(what)
        print(f"! {what}", flush=True)

    def start(self, *more: str, background: bool = False) -> Batch:
        batch = Batch([*self.argv, *more], background=background)
        self.started.append(batch)
        return batch

    def end(self) -> None:
        """Leave nothing running, whatever came in between."""
        for batch in self.started:
            with suppress(ProcessLookupError):
                if members(batch.process.pid):
                    os.killpg(batch.process.pid, signal.SIGKILL)

    def follow(self, ways: list[Way], seed: int) -> None:
        """Start, end and go on; every fourth batch meets a second one, every other a locked run."""
        go_on: tuple[str, ...] = ()
        if seed % 4 == 0:
            self.second_batch()
            go_on = ("--continue",)
        for way in ways:
            self.kill(way, *go_on)
            go_on = ("--continue",)
        if seed % 2 == 0:
            self.locked_run()
        self.finish()

    def kill(self, way: Way, *more: str) -> None:
        """Start the batch, end it at a random moment, and look at what is left of it."""
        batch = self.start(*more, background=way.background)
        self._wait_for_the_moment(batch)
        way.send(batch.process, self.dice)
        code, ended = batch.ended()
        gone, closed = batch.gone_at(), batch.closed_at()
        tally = self.totals.ways[way.name]
        tally.kills += 1
        tally.exits[code] += 1
        if gone is None or closed is None:
            left = [command.split("import ")[-1] for _, command in members(batch.process.pid)]
            self.wrong(f"{way.name}: left {left}, pipes closed: {closed is not None}")
            with suppress(ProcessLookupError):
                os.killpg(batch.process.pid, signal.SIGKILL)
            return
        late = sum(bill.at > ended for bill in self.model.bills)
        tally.gone_s, tally.closed_s = (
            max(tally.gone_s, gone - ended),
            max(tally.closed_s, closed - ended),
        )
        tally.late += late
        if late > self.jobs or any(bill.at > gone + 1.0 for bill in self.model.bills):
            self.wrong(f"{way.name}: {late} requests were billed after its end")
        told = batch.told()
        if code not in way.exits or (code > 0 and way.says not in told):
            self.wrong(f"{way.name}: exit code {code}, {told!r}")
        if code >= 0 and "Traceback" in told:
            self.wrong(f"{way.name}: {told}")

    def _wait_for_the_moment(self, batch: Batch) -> None:
        """A random number of requests from now, and then some; or while it still starts."""
        before = len(self.model.bills)
        left = max(0, self.traces * TURNS - before)
        waited_for = self.dice.randint(0, left * 3 // 4)
        deadline = time.monotonic() + ENDED_WITHIN_S
        while batch.process.poll() is None and time.monotonic() < deadline:
            if len(self.model.bills) - before >= waited_for:
                break
            time.sleep(0.002)
        time.sleep(self.dice.uniform(0, 0.2) if waited_for else self.dice.uniform(0.5, 6.0))

    def second_batch(self) -> None:
        """While the batch runs, the same is refused; the first one is then killed."""
        first = self.start()
        deadline = time.monotonic() + ENDED_WITHIN_S
        while not list(self.runs.glob(".batch-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        second = self.start("--continue")
        code, _ = second.ended()
        second.closed_at()
        was_running = first.process.poll() is None
        if was_running and (code != 2 or "another batch" not in second.told()):
            self.wrong(f"a second batch ended with {code}: {second.told()!r}")
        self.totals.refused += was_running
        first.process.kill()
        first.ended()
        if first.gone_at() is None:
            self.wrong("SIGKILL while a second batch started: not gone")

    def locked_run(self) -> None:
        """`--continue` while another process holds the lock of an interrupted run."""
        cut_off = [run for run in list_runs(self.runs) if run.state == "interrupted"]
        if not cut_off:
            return
        run = self.dice.choice(cut_off)
        if not read_entries(run.run_dir):
            return
        journal = (run.run_dir / FILE).read_bytes()
        with _lock_of(run):
            batch = self.start("--continue")
            code, _ = batch.ended()
            batch.closed_at()
        self.totals.left_alone += 1
        if code != 3 or "1 of" not in batch.told() or "left alone" not in batch.told():
            self.wrong(f"a locked run: exit code {code}, {batch.told()!r}")
        if (run.run_dir / FILE).read_bytes() != journal:
            self.wrong(f"a locked run was written to: {run.run_id}")

    def finish(self) -> None:
        """Go on to the end, and hold what was billed against what was booked."""
        batch = self.start("--continue")
        code, _ = batch.ended()
        batch.closed_at()
        if code != 0:
            self.wrong(f"the last --continue ended with {code}: {batch.told()!r}")
        billed = Counter(bill.trace for bill in self.model.bills)
        runs = list_runs(self.runs)
        finished = Counter(
            trace for run in runs if run.record for trace in run.record.input_ref.trace_ids
        )
        if sorted(finished.values()) != [1] * self.traces:
            self.wrong(f"finished runs a trace: {dict(finished)}")
        for run in runs:
            self._check_run(run, billed)
        self.totals.batches += 1
        self.totals.billed += billed.total()

    def _check_run(self, run: StoredRun, billed: Counter[str]) -> None:
        if run.record is None:
            if any(isinstance(e.event, TurnHeld) for e in read_entries(run.run_dir)):
                self.wrong(f"{run.run_id} has asked and was not gone on with")
            return
        (trace,) = run.record.input_ref.trace_ids
        events = [entry.event for entry in read_entries(run.run_dir)]
        settled = sum(isinstance(event, TurnSettled) for event in events)
        lost = sum(
            (isinstance(event, HoldLost) and event.lost) or isinstance(event, TurnFailed)
            for event in events
        )
        twice = max(0, billed[trace] - settled - lost)
        self.totals.settled += settled
        self.totals.lost += lost
        self.totals.twice += twice
        problems = verify_files(run.run_dir)
        if twice or settled != TURNS or billed[trace] < settled or problems:
            self.wrong(
                f"{run.run_id}: {billed[trace]} billed, {settled} settled, {lost} lost; {problems}"
            )


@contextmanager
def _lock_of(run: StoredRun) -> Iterator[None]:
    with (run.run_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_traces(path: Path, count: int) -> None:
    """So many small traces, as chat transcripts."""
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    rows = [{"run_id": f"case-{number:03}", "messages": talk} for number in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def chain(
    folder: Path, *, ways: list[Way], traces: int, jobs: int, seed: int, totals: Totals
) -> None:
    """One batch that is ended in these ways, one after the other, and then finishes."""
    dice, model, source = random.Random(seed), BillingModel(seed), folder / "chats.jsonl"
    write_traces(source, traces)
    with ModelServer(model) as server:
        argv = ["rca", str(source), "--all", "--jobs", str(jobs), "--runs-dir"]
        argv += [str(folder / "runs"), "--planner", "model", "--model", "billing"]
        argv += ["--base-url", server.base_url]
        it = Chain(model, argv, folder / "runs", traces, jobs, dice, totals)
        try:
            it.follow(ways, seed)
        finally:
            it.end()


def print_table(totals: Totals) -> None:
    """A row a way, then what was billed, then the verdict."""
    print(f"{'way':<16}{'kills':>6}{'gone after':>12}{'pipes':>9}{'late':>6}  exit codes")
    for name, it in totals.ways.items():
        exits = ", ".join(f"{code}: {times}" for code, times in sorted(it.exits.items()))
        times = f"{it.gone_s:>10.2f} s{it.closed_s:>7.2f} s"
        print(f"{name:<16}{it.kills:>6}{times}{it.late:>6}  {exits}")
    print(
        f"{totals.batches} batches: {totals.billed:,} requests billed, {totals.settled:,} settled, "
        f"{totals.lost:,} lost holds booked, {totals.twice} billed twice; {totals.refused} second "
        f"batches refused, {totals.left_alone} locked runs left alone"
    )
    print(f"{totals.kills} kills: {len(totals.violations)} violations")


def main() -> None:
    """Print a row a way and a verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=104)
    parser.add_argument("--traces", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    totals, left, seed = Totals(), [WAYS[n % len(WAYS)] for n in range(args.kills)], args.seed
    while left:
        ways, left = left[:KILLS_A_BATCH], left[KILLS_A_BATCH:]
        with tempfile.TemporaryDirectory() as folder:
            chain(
                Path(folder),
                ways=ways,
                traces=args.traces,
                jobs=args.jobs,
                seed=seed,
                totals=totals,
            )
        seed += 1
        print(f"{totals.kills} kills", file=sys.stderr, flush=True)
    print_table(totals)
    sys.exit(1 if totals.violations else 0)


if __name__ == "__main__":
    main()
