"""A run from Python: what it needs, what it leaves, and how it goes on after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import investigator
from investigator import (
    RCA,
    RunResult,
    Settings,
    ainvestigate,
    investigate,
    list_runs,
    read_record,
    replay_run,
    resume_run,
    verify_run,
)
from investigator.claims.report import Report
from investigator.controls.library import load_library
from investigator.errors import (
    BudgetTooSmall,
    RunExists,
    RunNotFound,
    SourceUnavailable,
    TraceNotFound,
    UsageError,
)
from investigator.rca.report import Outcome, RCAReport
from investigator.rca.taxonomy import load_taxonomy
from investigator.runs.trace_names import trace_named
from investigator.runtime.budget import Budget
from investigator.runtime.clock import Clock
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import FILE, Journal, read_entries
from investigator.runtime.record import RECORD_FILE
from investigator.runtime.status import RunStatus
from investigator.runtime.verify import verify_files
from investigator.samples import SAMPLE_TRACES, SAMPLES
from investigator.store.memory import MemoryInspectionAPI
from investigator.store.open import OpenedSource
from investigator.traces.model import Trace
from tests.builders import span
from tests.otlp import TRACE, hex_id, otlp_file, otlp_span, tool_span

EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Desk:
    """A source, a runs folder and a cache."""

    source: Path
    runs: Path
    cache: Path

    def investigate(
        self, run_id: str = "run", *, budget: Budget | None = None
    ) -> RunResult[RCAReport]:
        """Investigate the source's one trace."""
        return investigate(
            self.source,
            RCA(),
            Settings(run_id=run_id, runs_dir=self.runs, cache_dir=self.cache, budget=budget),
        )

    def resume(self, run_id: str = "run") -> RunResult[Report]:
        """Go on with a run."""
        return resume_run(run_id, self.runs, cache_dir=self.cache)

    def problems(self, run_id: str = "run") -> list[str]:
        """What verify and replay find wrong."""
        found = verify_run(run_id, self.runs, cache_dir=self.cache)
        difference = replay_run(run_id, self.runs, cache_dir=self.cache).difference
        return [*found.problems, *found.unchecked, *([] if difference is None else [difference])]

    def cut(self, run_id: str, lines: int, *, torn: bytes = b"") -> None:
        """Make a run of the first lines of the journal of `run`, as a dead process leaves it."""
        whole = (self.runs / "run" / FILE).read_bytes().splitlines(keepends=True)
        (self.runs / run_id).mkdir()
        (self.runs / run_id / FILE).write_bytes(b"".join(whole[:lines]) + torn)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """One trace with three faults of three agents, so that a run has three children."""
    spans = []
    errors = ("TimeoutError: no answer", "401 Unauthorized", "KeyError: 'total'")
    for number, error in enumerate(errors):
        first = 10 * number + 1
        spans += [
            otlp_span(first, kind="AGENT", name=f"agent {number}"),
            tool_span(first + 1, first, error=error),
            tool_span(first + 2, first, error=f"{error} again"),
        ]
    source = otlp_file(tmp_path / "trace.json", *spans)
    return Desk(source, tmp_path / "runs", tmp_path / "cache")


def test_a_run_from_plain_code(desk: Desk) -> None:
    """A result with its report; record, journal and report are in the run's folder."""
    result = desk.investigate()
    assert (result.status, result.error, result.run_id) == (RunStatus.SUCCEEDED, None, "run")
    assert result.report is not None
    assert result.report.outcome is Outcome.FAILURE
    assert result.record == read_record("run", desk.runs)
    assert result.record.input_ref.trace_ids == (TRACE,)
    assert result.record.dataset_ref.dataset_hash
    assert {path.name for path in result.run_dir.iterdir()} >= {FILE, RECORD_FILE, OUTPUT_FILE}
    assert desk.problems() == []


def test_a_run_from_within_a_running_event_loop(desk: Desk) -> None:
    """As in a notebook: plain calls work there too, and give the same."""
    plain = desk.investigate()

    async def cell() -> tuple[RunResult[RCAReport], list[str]]:
        return desk.investigate("cell"), desk.problems("cell")

    result, problems = asyncio.run(cell())
    assert problems == []
    assert result.report == plain.report


def test_a_run_that_is_awaited(desk: Desk) -> None:
    """`ainvestigate` is the same run; two may be awaited side by side."""

    async def both() -> list[RunResult[RCAReport]]:
        runs = (
            ainvestigate(
                desk.source, RCA(), Settings(run_id=name, runs_dir=desk.runs, cache_dir=desk.cache)
            )
            for name in ("one", "two")
        )
        return list(await asyncio.gather(*runs))

    first, second = asyncio.run(both())
    assert first.report == second.report == desk.investigate().report


def test_the_package_offers_what_it_names() -> None:
    """Every public name is there, and no other."""
    for name in investigator.__all__:
        assert getattr(investigator, name) is not None
    with pytest.raises(AttributeError, match="no_such"):
        _ = investigator.no_such


def test_several_traces_and_none_named_says_what_to_do(tmp_path: Path) -> None:
    """How many there are, and the three ways on."""
    with pytest.raises(UsageError) as refused:
        investigate(
            SAMPLE_TRACES, RCA(), Settings(runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache")
        )
    for word in (str(SAMPLE_TRACES), "9 traces", "--trace-id", "--all", "`investigator traces`"):
        assert word in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_a_trace_that_is_not_there_starts_no_run(desk: Desk) -> None:
    """What was asked, what there is, what is like it, and how to see all; nothing is guessed."""
    settings = Settings(run_id="run", runs_dir=desk.runs, cache_dir=desk.cache)
    with pytest.raises(TraceNotFound) as refused:
        investigate(desk.source, RCA(trace_id="abc"), settings)
    for word in ("'abc'", str(desk.source), "(1 trace)", "`investigator traces`"):
        assert word in str(refused.value)
    assert not (desk.runs / "run").exists()


def test_the_beginning_of_an_id_names_its_trace() -> None:
    """Where no other begins so; a whole id is that trace, whatever begins with it."""
    ids = ("ab", "abc", "abd", "xyz")
    api = MemoryInspectionAPI([Trace(one, [span("s", trace_id=one)]) for one in ids])
    opened = OpenedSource(api, ())
    assert [trace_named(opened, name) for name in ("x", "abc", "ab")] == ["xyz", "abc", "ab"]
    with pytest.raises(UsageError, match="'ab', 'abc', 'abd'; write more"):
        trace_named(opened, "a")
    with pytest.raises(TraceNotFound, match="like it are 'xyz'"):
        trace_named(opened, "xyzz")


def test_a_source_that_is_not_there_starts_no_run(tmp_path: Path) -> None:
    """Nothing to record: the path is named."""
    with pytest.raises(SourceUnavailable, match=r"missing\.json"):
        investigate(tmp_path / "missing.json", RCA(), Settings(runs_dir=tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


def test_a_run_id_is_never_used_twice(desk: Desk) -> None:
    """The first run stays as it is."""
    before = desk.investigate().run_dir.joinpath(FILE).read_bytes()
    with pytest.raises(RunExists, match="never overwritten"):
        desk.investigate()
    assert (desk.runs / "run" / FILE).read_bytes() == before


@pytest.mark.parametrize("run_id", ["", "..", "../out", "a/b", "-x", "a b", "x" * 129])
def test_a_run_id_names_a_folder_among_the_runs(desk: Desk, run_id: str) -> None:
    """And nothing else."""
    with pytest.raises(UsageError, match="names a folder"):
        desk.investigate(run_id)
    assert not desk.runs.exists()


@pytest.mark.parametrize(
    ("budget", "limit"),
    [(Budget(iterations=1), "--max-iterations"), (Budget(wall_time_s=0.01), "--max-wall-time")],
)
def test_a_budget_too_small_names_the_limit(desk: Desk, budget: Budget, limit: str) -> None:
    """And leaves no run behind."""
    with pytest.raises(BudgetTooSmall, match=limit):
        desk.investigate(budget=budget)
    assert list_runs(desk.runs) == []


@pytest.mark.parametrize("trace_id", EXPECTED)
def test_golden_reports_of_the_samples(
    trace_id: str, tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    """Each sample is told as its story goes, in the bytes of the golden file."""
    result = investigate(
        SAMPLE_TRACES, RCA(trace_id=trace_id), Settings(run_id="run", runs_dir=tmp_path)
    )
    expected = EXPECTED[trace_id]
    assert result.report is not None
    assert result.status is RunStatus.SUCCEEDED
    assert result.report.outcome == expected["outcome"]
    assert result.report.primary_label == expected["label"]
    path = Path(__file__).parent / "golden" / "rca" / f"{expected['story']}.json"
    golden(path, (tmp_path / "run" / OUTPUT_FILE).read_text(encoding="utf-8"))


def own_taxonomy(path: Path, **changes: object) -> Path:
    """A user's taxonomy file."""
    content = load_taxonomy("trail").model_dump(mode="json") | {"name": "ours"} | changes
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_taxonomy_of_ones_own_is_used_and_remembered(desk: Desk, tmp_path: Path) -> None:
    """Its categories are in the findings; replay and verify find it again by its path."""
    taxonomy = own_taxonomy(tmp_path / "ours.json")
    result = investigate(
        desk.source,
        RCA(taxonomy=taxonomy),
        Settings(run_id="run", runs_dir=desk.runs, cache_dir=desk.cache),
    )
    assert result.report is not None
    known = {category.id for category in load_taxonomy("trail").categories}
    assert {finding.category for finding in result.report.findings} <= known
    assert result.report.primary_label is not None
    assert desk.problems() == []


def test_a_run_does_not_go_on_under_a_changed_taxonomy(desk: Desk, tmp_path: Path) -> None:
    """Resume and replay are refused, verify says so, and all name the file."""
    taxonomy = own_taxonomy(tmp_path / "ours.json")
    investigate(
        desk.source,
        RCA(taxonomy=taxonomy),
        Settings(run_id="run", runs_dir=desk.runs, cache_dir=desk.cache),
    )
    desk.cut("cut", 9)
    own_taxonomy(taxonomy, version="other")
    with pytest.raises(UsageError, match=r"ours\.json has changed since run 'run'"):
        desk.resume("cut")
    with pytest.raises(UsageError, match=r"ours\.json has changed"):
        replay_run("run", desk.runs, cache_dir=desk.cache)
    (problem,) = verify_run("run", desk.runs, cache_dir=desk.cache).problems
    assert "has changed" in problem


def test_a_run_does_not_go_on_under_a_changed_policy(desk: Desk, tmp_path: Path) -> None:
    """The library is in the question and the record by its version, and by its hash."""
    path = tmp_path / "policy.json"
    library = load_library("airline-example").model_dump(mode="json", by_alias=True)
    path.write_text(json.dumps(library), encoding="utf-8")
    result = investigate(
        desk.source,
        RCA(controls=path),
        Settings(run_id="run", runs_dir=desk.runs, cache_dir=desk.cache),
    )
    assert result.record is not None
    assert result.record.input_ref.controls_version == library["version"]
    assert replay_run("run", desk.runs, cache_dir=desk.cache).identical
    desk.cut("cut", 9)
    path.write_text(json.dumps(library | {"version": "other"}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"policy\.json has changed since run 'run'"):
        desk.resume("cut")
    with pytest.raises(UsageError, match=r"policy\.json has changed"):
        replay_run("run", desk.runs, cache_dir=desk.cache)


def test_a_run_does_not_go_on_over_changed_data(desk: Desk) -> None:
    """Replay and resume are refused with both hashes; verify finds that nothing resolves."""
    desk.investigate()
    desk.cut("cut", 9)
    otlp_file(desk.source, otlp_span(1), tool_span(2, error="TimeoutError: another answer"))
    for go_on in (
        lambda: replay_run("run", desk.runs, cache_dir=desk.cache),
        lambda: desk.resume("cut"),
    ):
        with pytest.raises(UsageError, match=r"has changed since run .*dataset_hash"):
            go_on()
    (problem,) = verify_run("run", desk.runs, cache_dir=desk.cache).problems
    assert "could not be checked" in problem
    assert "has changed" in problem


def test_a_source_that_is_gone_is_said_by_verify(desk: Desk) -> None:
    """What can be checked without it still is."""
    desk.investigate()
    desk.source.unlink()
    found = verify_run("run", desk.runs, cache_dir=desk.cache)
    (reason,) = found.unchecked
    assert "cannot be checked" in reason
    assert str(desk.source) in reason
    assert found.problems == ()


def test_a_report_that_was_tampered_with_is_found(desk: Desk) -> None:
    """One changed byte in any of the three files."""
    for name in (FILE, RECORD_FILE, OUTPUT_FILE):
        desk.investigate(name)
        path = desk.runs / name / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert verify_run(name, desk.runs, cache_dir=desk.cache).problems


def test_no_such_run_says_where_it_looked(desk: Desk) -> None:
    """And how to see which there are."""
    for look in (
        lambda: read_record("none", desk.runs),
        lambda: verify_run("none", desk.runs),
        lambda: replay_run("none", desk.runs),
        lambda: resume_run("none", desk.runs),
    ):
        with pytest.raises(RunNotFound, match="`investigator runs list`"):
            look()


def test_runs_are_listed_with_their_state(desk: Desk) -> None:
    """Ended ones by their status, one without a record as interrupted, a locked one as running."""
    desk.investigate()
    desk.cut("cut", 9)
    (desk.runs / "no run").mkdir()
    with Journal.create(desk.runs / "live", Clock(monotonic=time.monotonic)) as journal:
        journal.append(read_entries(desk.runs / "run")[0].event)
        states = {run.run_id: run.state for run in list_runs(desk.runs)}
    assert states == {"cut": "interrupted", "live": "running", "run": "succeeded"}
    with pytest.raises(RunNotFound, match="was interrupted"):
        read_record("cut", desk.runs)
    assert list_runs(desk.runs / "nowhere") == []


def test_a_run_that_stopped_before_its_end_is_resumed_before_it_is_replayed(desk: Desk) -> None:
    """There is no end to compare with; the message says what to do."""
    desk.investigate()
    desk.cut("cut", 9)
    with pytest.raises(UsageError, match="`investigator runs resume cut`"):
        replay_run("cut", desk.runs)


def test_a_run_that_succeeded_is_left_as_it_is(desk: Desk) -> None:
    """To resume it does nothing."""
    desk.investigate()
    before = {path.name: path.read_bytes() for path in (desk.runs / "run").iterdir()}
    assert desk.resume().status is RunStatus.SUCCEEDED
    assert {path.name: path.read_bytes() for path in (desk.runs / "run").iterdir()} == before


@pytest.mark.slow
def test_a_run_killed_at_any_event_ends_with_the_same_report(desk: Desk) -> None:
    """Every prefix of the journal resumes to the same bytes and usage, and verifies."""
    whole = desk.investigate()
    output = (whole.run_dir / OUTPUT_FILE).read_bytes()
    entries = read_entries(whole.run_dir)
    assert len(entries) >= 60
    assert whole.record.runtime_ref.usage.subcalls == 3
    for lines in range(1, len(entries)):
        run_id = f"at-{lines}"
        desk.cut(run_id, lines, torn=b'{"seq":' if lines % 2 else b"")
        result = desk.resume(run_id)
        assert (result.status, result.error) == (RunStatus.SUCCEEDED, None)
        assert (result.run_dir / OUTPUT_FILE).read_bytes() == output
        assert result.record.runtime_ref.usage == whole.record.runtime_ref.usage
        assert verify_files(result.run_dir) == []
        if lines % 8 == 0:
            assert desk.problems(run_id) == []


def test_a_run_killed_before_it_could_say_what_it_is_cannot_be_resumed(desk: Desk) -> None:
    """An empty journal names no source; the message says so."""
    desk.investigate()
    desk.cut("cut", 0, torn=b'{"seq":0')
    with pytest.raises(UsageError, match="does not begin with the opening of a run"):
        desk.resume("cut")


INVESTIGATE = """
import sys
from pathlib import Path
from investigator import RCA, Settings, investigate
source, runs, cache = sys.argv[1:]
investigate(source, RCA(), Settings(run_id="killed", runs_dir=runs, cache_dir=cache))
"""


def started(desk: Desk) -> subprocess.Popen[bytes]:
    """A process that investigates the desk's trace as run `killed`."""
    places = [str(place) for place in (desk.source, desk.runs, desk.cache)]
    env = {**os.environ, "PYTHONPATH": str(Path(investigator.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", INVESTIGATE, *places], env=env)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 20, 40])
def test_a_process_that_is_killed_leaves_a_run_that_goes_on(desk: Desk, lines: int) -> None:
    """SIGKILL as soon as the journal has some lines; the report is that of an undisturbed run."""
    whole = desk.investigate()
    journal = desk.runs / "killed" / FILE
    with started(desk) as process:
        until = time.monotonic() + 60
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            assert time.monotonic() < until
            assert process.poll() is None or journal.exists()
        process.send_signal(signal.SIGKILL)
    state = {run.run_id: run.state for run in list_runs(desk.runs)}["killed"]
    assert state in ("interrupted", "succeeded")
    result = desk.resume("killed")
    assert result.report == whole.report
    assert desk.problems("killed") == []


def test_a_run_can_be_moved_with_its_folder(desk: Desk, tmp_path: Path) -> None:
    """What is in a run does not depend on where it lies."""
    desk.investigate()
    shutil.move(desk.runs, tmp_path / "elsewhere")
    moved = Desk(desk.source, tmp_path / "elsewhere", desk.cache)
    assert moved.problems() == []


def test_the_cause_of_the_desk_is_its_first_failed_tool(desk: Desk) -> None:
    """The trace that these tests use fails as it was made to."""
    report = desk.investigate().report
    assert report is not None
    assert report.findings[0].span_id == hex_id(2)
