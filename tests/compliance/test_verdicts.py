"""The rule from what was found and said to a result, whoever says what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from investigator.compliance.outputs import CheckedControl
from investigator.compliance.report import ControlResult, JudgedBy
from investigator.compliance.verdicts import Stated, control_result
from investigator.controls.checking import Violation
from investigator.controls.evaluate import ControlEvaluation
from investigator.controls.library import load_library
from investigator.controls.terms import Verdict
from investigator.traces.evidence import EvidenceRef, span_evidence
from tests.builders import span

CONTROL = load_library("judgement-v1").controls[0]
REFS: tuple[EvidenceRef, ...] = (span_evidence(span("a")), span_evidence(span("b")))
BREACH = Violation("a", "code saw it", REFS[:1], 0.7)


def stated(verdict: Verdict, refs: tuple[EvidenceRef, ...]) -> CheckedControl:
    """One finding as it stands after its check; a fail has evidence."""
    fails = verdict is Verdict.FAIL
    return CheckedControl(
        verdict=verdict,
        span_id="a" if fails else None,
        description=f"I say {verdict}",
        confidence=0.9,
        evidence_refs=refs or (REFS[:1] if fails else ()),
    )


said = st.builds(
    stated,
    st.sampled_from([Verdict.PASS, Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE]),
    st.sampled_from([(), REFS[:1], REFS]),
)
by_model = st.lists(said, max_size=3).map(tuple)


def found(
    *, breach: bool = False, missing: bool = False, question: str | None = None
) -> ControlEvaluation:
    """What code knows of a control."""
    return ControlEvaluation(
        control_id=CONTROL.control_id,
        verdict=Verdict.FAIL if breach else Verdict.INSUFFICIENT_EVIDENCE,
        confidence=0.0,
        reason="what code says",
        violations=(BREACH,) if breach else (),
        missing_evidence=("a page is hidden",) if missing else (),
        to_judge=question,
    )


def result(evaluation: ControlEvaluation, *findings: CheckedControl) -> ControlResult:
    """What becomes of it where a model says this."""
    return control_result(
        CONTROL, evaluation, Stated(by_model=findings), trace_id="t", produced_by=str
    )


@given(by_model)
def test_a_model_counts_only_where_it_was_asked(findings: tuple[CheckedControl, ...]) -> None:
    """Not of a control of code alone, nor where evidence is missing."""
    for evaluation in (found(), found(missing=True, question="Is it?")):
        told = result(evaluation, *findings)
        assert (told.pass_fail, told.judged_by) == (
            Verdict.INSUFFICIENT_EVIDENCE,
            JudgedBy.CODE,
        )


@given(by_model, st.booleans())
def test_what_code_found_stays_a_fail_by_code(
    findings: tuple[CheckedControl, ...], missing: bool
) -> None:
    """Whatever else is said or not seen."""
    told = result(found(breach=True, missing=missing, question="Is it?"), *findings)
    assert (told.pass_fail, told.judged_by) == (Verdict.FAIL, JudgedBy.CODE)
    assert told.evidence_refs[:1] == REFS[:1]


@given(by_model)
def test_a_models_word_stands_on_what_it_cites(findings: tuple[CheckedControl, ...]) -> None:
    """Any breach is a fail; a pass has no doubt beside it, and evidence; else it stays open."""
    told = result(found(question="Is it?"), *findings)
    verdicts = {finding.verdict for finding in findings}
    refs = [ref for finding in findings for ref in finding.evidence_refs]
    if Verdict.FAIL in verdicts:
        expected = Verdict.FAIL
    elif verdicts == {Verdict.PASS} and refs:
        expected = Verdict.PASS
    else:
        expected = Verdict.INSUFFICIENT_EVIDENCE
    assert told.pass_fail is expected
    assert told.judged_by is (JudgedBy.MODEL if findings else JudgedBy.CODE)
    if expected is Verdict.PASS:
        assert told.evidence_refs
        assert (told.confidence > 0.49) is (len(told.evidence_refs) == len(REFS))
