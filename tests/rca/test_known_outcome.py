"""What is known beforehand and what is reported: a known failure is never denied."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from investigator import RCA, Settings, investigate, replay_run, verify_run
from investigator.rca.report import Outcome, RCAReport, StatedOutcome
from investigator.runs.investigation import RunResult
from investigator.runtime.told import Ending
from investigator.traces.evidence import EvidenceKind
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.signals.steps import agent, llm, tool

HEALTHY = (agent(), llm("ask", "Hi, it is 4.", at=1), tool("t", at=2))
BROKEN = (agent(), llm("ask", at=1), tool("t", error="TimeoutError: no answer", at=2))
VERDICT = {
    "trace.evaluations.0.evaluation.name": "correctness",
    "trace.evaluations.0.evaluation.label": "incorrect",
    "trace.evaluations.0.evaluation.annotator_kind": "LLM",
}
JUDGED = (
    span("root", kind="AGENT", start_ms=0, end_ms=9, attributes=VERDICT),
    llm("end", "It is 5.", at=1, parent="root"),
)


def asked(tmp_path: Path, spans: tuple[Span, ...], **told: object) -> RunResult[RCAReport]:
    source = tmp_path / "spans.parquet"
    write_spans(spans, source)
    settings = Settings(runs_dir=tmp_path / "runs", run_id="run")
    return investigate(source, RCA(**told), settings)  # type: ignore[arg-type]


def report(tmp_path: Path, spans: tuple[Span, ...], **told: object) -> RCAReport:
    found = asked(tmp_path, spans, **told).report
    assert found is not None
    return found


@pytest.mark.parametrize("spans", [HEALTHY, BROKEN, JUDGED], ids=["healthy", "broken", "judged"])
@pytest.mark.parametrize("told", [{"outcome": "failed"}, {"symptom": "The total is wrong."}])
def test_a_known_failure_is_never_acquitted(
    tmp_path: Path, spans: tuple[Span, ...], told: dict[str, object]
) -> None:
    found = report(tmp_path, spans, **told)
    assert found.outcome is not Outcome.NO_FAILURE
    assert found.known_outcome is not None
    assert (found.known_outcome.outcome, found.known_outcome.given) == ("failed", True)
    if found.findings:
        assert (found.outcome, found.confidence) == (Outcome.FAILURE, 1.0)


def test_a_report_that_denies_a_known_failure_is_no_report() -> None:
    known = StatedOutcome(outcome="failed", said_by="caller", given=True)
    with pytest.raises(ValidationError, match="known to have failed"):
        RCAReport(
            trace_id="t",
            outcome=Outcome.NO_FAILURE,
            primary_label=None,
            summary="fine",
            confidence=0.7,
            known_outcome=known,
        )


def test_findings_stay_where_the_caller_says_that_it_passed(tmp_path: Path) -> None:
    """The report says that the outcome is contradicted."""
    without = report(tmp_path / "a", BROKEN)
    found = report(tmp_path / "b", BROKEN, outcome="passed")
    assert found.findings == without.findings
    assert found.outcome is Outcome.FAILURE
    assert found.known_outcome is not None
    assert "contradicted by the findings" in found.known_outcome.contradictions[-1]


def test_a_run_fails_by_its_own_evaluations_at_its_answer(tmp_path: Path) -> None:
    found = report(tmp_path, JUDGED)
    assert found.outcome is Outcome.FAILURE
    assert found.findings[0].span_id == "end"
    assert found.findings[0].confidence < 0.5
    assert EvidenceKind.EVALUATION in {ref.kind for ref in found.findings[0].evidence_refs}
    assert found.known_outcome is not None
    assert (found.known_outcome.said_by, found.known_outcome.given) == ("model", False)


def test_evaluations_that_are_ignored_say_nothing(tmp_path: Path) -> None:
    found = report(tmp_path, JUDGED, ignore_evaluations=True)
    assert found.known_outcome is None
    assert not any("correctness" in finding.description for finding in found.findings)


def test_a_fault_that_was_seen_comes_before_what_an_evaluation_says(tmp_path: Path) -> None:
    failed = tool("t", error="TimeoutError: no answer", at=2)
    found = report(tmp_path, (span("e1", kind="AGENT", end_ms=9, attributes=VERDICT), failed))
    assert found.findings[0].confidence >= 0.5
    assert found.findings[0].span_id != "e1"


@pytest.mark.parametrize("outcome", ["passed", "failed"])
def test_a_run_that_was_told_something_is_made_again_to_the_byte(
    tmp_path: Path, outcome: Ending
) -> None:
    """What was told is in the record, without its secret."""
    ran = asked(tmp_path, BROKEN, outcome=outcome, symptom="my password: hunter2secret")
    known = ran.record.input_ref.known_outcome
    assert known is not None
    assert known.told[0].outcome == outcome
    assert known.said_by == ("caller",)
    replay_run("run", tmp_path / "runs")
    assert verify_run("run", tmp_path / "runs").problems == ()
    for path in ran.run_dir.iterdir():
        assert b"hunter2" not in path.read_bytes()


def test_what_is_not_told_leaves_no_trace_in_the_record(tmp_path: Path) -> None:
    assert asked(tmp_path, HEALTHY).record.input_ref.known_outcome is None


def test_the_planner_is_told_as_the_word_of_the_caller(tmp_path: Path) -> None:
    ran = asked(tmp_path, HEALTHY, outcome="failed", symptom="It is slow.", expected="Haste.")
    opened = (ran.run_dir / "events.jsonl").read_text()
    assert "the caller says" in opened
    assert "symptom, as the caller tells it" in opened
    assert "expected, as the caller tells it" in opened


def test_a_report_of_the_version_before_is_read(tmp_path: Path) -> None:
    old = report(tmp_path, BROKEN).model_dump(mode="json")
    old.pop("known_outcome")
    old["schema_version"] = "1.0.0"
    assert RCAReport.model_validate(old).known_outcome is None


@pytest.mark.parametrize("ignored", [True, False])
def test_evaluations_that_were_not_looked_at_are_not_told_as_read(
    tmp_path: Path, ignored: bool
) -> None:
    """The check says that they were ignored, and so does the report."""
    found = report(tmp_path, JUDGED, ignore_evaluations=ignored)
    check = next(one for one in found.checks if one.name == "no bad outcome is known")
    assert ("1 evaluation ignored, as asked" in check.looked_at) == ignored
    assert ("0 evaluations" in check.looked_at) == ignored
    assert ("ignored, as asked: 1 evaluation in the data" in found.gaps) == ignored


def test_nothing_is_ignored_where_there_is_nothing(tmp_path: Path) -> None:
    """A run without evaluations has none to ignore."""
    found = report(tmp_path, HEALTHY, ignore_evaluations=True)
    check = next(one for one in found.checks if one.name == "no bad outcome is known")
    assert "ignored" not in check.looked_at
