"""A run is made again only over the verdicts that it read, as over the traces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from investigator import RCA, Request, Settings, investigate, replay_run, resume_run, verify_run
from investigator.errors import UsageError
from investigator.runs.continuing import remaining_of
from investigator.runs.sources import open_source
from investigator.runtime.journal import FILE
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.parquet import write_spans
from tests.builders import span

CALL = span("call", kind="TOOL", attributes={"tool.name": "fetch", "output.value": "404"})
BAD = Evaluation("t", None, "correctness", Rater.PERSON, passed=False)
GOOD = Evaluation("t", None, "correctness", Rater.PERSON, passed=True)
CHANGES = pytest.mark.parametrize(
    ("before", "after"), [((), (BAD,)), ((BAD,), ()), ((BAD,), (GOOD,)), ((BAD,), (BAD, GOOD))]
)


class Desk:
    """A source whose verdicts change after a run, and the runs."""

    def __init__(self, folder: Path) -> None:
        self.source, self.runs = folder / "spans.parquet", folder / "runs"
        self.question = RCA(trace_id="t")

    def judged(self, *verdicts: Evaluation) -> None:
        write_spans([CALL, *verdicts], self.source)

    def investigate(self) -> None:
        settings = Settings(runs_dir=self.runs, run_id="run")
        assert investigate(self.source, self.question, settings).report is not None

    def cut(self) -> None:
        """A run that died after its first turns."""
        lines = (self.runs / "run" / FILE).read_bytes().splitlines(keepends=True)
        (self.runs / "cut").mkdir()
        (self.runs / "cut" / FILE).write_bytes(b"".join(lines[:5]))

    def to_do_again(self) -> bool:
        """Whether a batch that goes on would make the run again."""
        request = Request(self.source, self.question, Settings(runs_dir=self.runs))
        opened = open_source(self.source, cache_dir=self.runs.parent / "cache")
        try:
            return bool(remaining_of([request], opened).requests)
        finally:
            opened.api.close()


@CHANGES
def test_a_run_does_not_go_on_over_changed_verdicts(
    tmp_path: Path, before: tuple[Evaluation, ...], after: tuple[Evaluation, ...]
) -> None:
    """Replay and resume are refused with both hashes; verify and a batch that goes on see it."""
    desk = Desk(tmp_path)
    desk.judged(*before)
    desk.investigate()
    desk.cut()
    assert replay_run("run", desk.runs).identical
    assert not desk.to_do_again()
    desk.judged(*after)
    again: list[Callable[[], object]] = [
        lambda: replay_run("run", desk.runs),
        lambda: resume_run("cut", desk.runs),
    ]
    for go_on in again:
        with pytest.raises(UsageError, match=r"said of trace 't'.*changed.*evaluations_hash"):
            go_on()
    (problem,) = verify_run("run", desk.runs).problems
    assert "evaluations_hash" in problem
    assert desk.to_do_again()
