"""One rule makes the verdict: not applicable, else a shown breach, else what is missing, else pass.

The findings are made up; what a check may find at all is the business of its own tests.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.conditions.answers import Condition
from investigator.controls.conditions.any_condition import AnyCondition
from investigator.controls.evaluate import (
    NOT_MET,
    NOTHING_KNOWN,
    PASSED,
    ControlEvaluation,
    evaluate,
)
from investigator.controls.model import CheckSpec, CodeCheck, Control, ModelCheck
from investigator.controls.required_evidence import RequiredEvidence
from investigator.controls.terms import Severity, Verdict
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evidence import EvidenceIndex, EvidenceRef, span_evidence
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings, span, trace
from tests.controls.policy_chat import OUT, chat, says, user

TALK = chat(user("hello"), says("hello to you"))
REFS = tuple(span_evidence(one) for one in TALK.spans)
KEY = "sk-" + "a1B2c3D4" * 6

MET: dict[str, JsonValue] = {"always": True}
NOT_KNOWN: dict[str, JsonValue] = {"app_type": ["chat"]}
NO: dict[str, JsonValue] = {"not": MET}


class MadeUp(CodeCheck):
    """A check that finds what it is told to, known to this control alone."""

    found: Checked

    @property
    def known(self) -> Check[Params]:
        """The check itself."""
        return Check(self.name, Params, lambda _subject, _params: self.found)


def control(
    found: Checked | None,
    *,
    when: dict[str, JsonValue] = MET,
    needs: tuple[RequiredEvidence, ...] = (),
    question: str | None = None,
) -> Control:
    """A control whose check finds this; without a check, only a model can judge it."""
    applies_when: Condition = TypeAdapter(AnyCondition).validate_python(when)
    code = None if found is None else MadeUp.model_construct(name="made-up", params={}, found=found)
    model = None if question is None else ModelCheck(question=question)
    return Control.model_construct(
        control_id="ours.one",
        title="One",
        description="One.",
        severity=Severity.HIGH,
        applies_when=applies_when,
        required_evidence=needs,
        check=CheckSpec.model_construct(code=code, model=model),
        remediation_template="See to it.",
        references=(),
    )


def judged(
    found: Checked | None,
    over: Trace = TALK,
    *,
    when: dict[str, JsonValue] = MET,
    needs: tuple[RequiredEvidence, ...] = (),
    question: str | None = None,
) -> ControlEvaluation:
    """What is said of a trace where the check finds this."""
    return evaluate(control(found, when=when, needs=needs, question=question), readings(over))


def breach(*evidence: EvidenceRef, strength: float = 0.7, summary: str = "it paid") -> Violation:
    """A breach that these references show."""
    return Violation("step-1", summary, evidence, strength)


strengths = st.floats(0, 1)
evidence = st.lists(st.sampled_from(REFS), max_size=3).map(tuple)
breaches = st.builds(Violation, st.just("step-1"), st.text(), evidence, strengths)
findings = st.builds(
    Checked,
    violations=st.lists(breaches, max_size=4).map(tuple),
    missing=st.lists(st.text(), max_size=3).map(tuple),
    scanned=st.sampled_from(["", "2 turns"]),
    evidence=evidence,
)
predicates = st.sampled_from([MET, NOT_KNOWN, NO])
needs = st.sampled_from([(), (RequiredEvidence.USER_MESSAGE,), (RequiredEvidence.MODEL_NAME,)])
questions = st.sampled_from([None, "Is it friendly?"])


@given(findings, predicates, needs, questions)
def test_the_rule_in_its_order(
    found: Checked,
    when: dict[str, JsonValue],
    needed: tuple[RequiredEvidence, ...],
    question: str | None,
) -> None:
    """The first of the four that holds, whatever else does."""
    unseen = RequiredEvidence.MODEL_NAME in needed or question is not None or found.missing
    shown = [one for one in found.violations if one.evidence]
    if when is NO:
        expected = Verdict.NOT_APPLICABLE
    elif shown:
        expected = Verdict.FAIL
    elif unseen or found.violations:
        expected = Verdict.INSUFFICIENT_EVIDENCE
    else:
        expected = Verdict.PASS
    assert judged(found, when=when, needs=needed, question=question).verdict is expected


@given(findings, predicates, needs, questions)
def test_every_verdict_says_what_it_rests_on(
    found: Checked,
    when: dict[str, JsonValue],
    needed: tuple[RequiredEvidence, ...],
    question: str | None,
) -> None:
    """A fail its evidence, a gap what is missing, a pass that nothing is; bounded lines."""
    result = judged(found, when=when, needs=needed, question=question)
    failed = result.verdict is Verdict.FAIL
    assert bool(result.violations) is failed
    assert all(one.evidence for one in result.violations)
    assert not failed or result.evidence
    unseen = bool(result.missing_evidence) or result.is_open
    assert failed or unseen is (result.verdict is Verdict.INSUFFICIENT_EVIDENCE)
    assert len({ref.ref for ref in result.evidence}) == len(result.evidence)
    index = EvidenceIndex(TALK)
    assert all(index.problem(ref) is None for ref in result.evidence)
    assert all("\n" not in line and len(line) <= 300 for line in result.missing_evidence)
    assert len(result.reason) <= 300
    assert 0 <= result.confidence <= 1


@given(findings)
def test_a_fail_is_as_sure_as_its_strongest_breach(found: Checked) -> None:
    """Breaches stand strongest first; what was not seen makes a fail no less sure."""
    result = judged(found, question="Is it friendly?")
    strong = sorted((one.strength for one in found.violations if one.evidence), reverse=True)
    assert [one.strength for one in result.violations] == strong
    assert result.confidence == (strong[0] if strong else NOTHING_KNOWN)


@given(findings, st.sampled_from([trace(), trace(span(kind="LLM"))]))
def test_a_trace_that_shows_nothing_is_never_a_pass(found: Checked, empty: Trace) -> None:
    """Even where a control asks for no evidence and its check misses none."""
    needed = (RequiredEvidence.MESSAGES,)
    assert judged(found, empty, needs=needed).verdict is not Verdict.PASS
    assert judged(found, trace()).verdict is not Verdict.PASS


@pytest.mark.parametrize("text", [REDACTED, f"hi {REDACTED}", "hi…[truncated 90 chars]"])
def test_hidden_evidence_that_is_required_is_never_a_pass(text: str) -> None:
    """Nor is what an exporter cut off."""
    said = {f"{OUT}role": "assistant", f"{OUT}content": text}
    found = trace(span("a", kind="LLM", attributes=dict[str, JsonValue](said)))
    result = judged(Checked(scanned="1 turn"), found, needs=(RequiredEvidence.FINAL_ANSWER,))
    assert result.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert result.confidence == NOTHING_KNOWN
    assert result.reason.startswith("could not be judged: the last answer (a) is ")


def test_a_breach_that_nothing_shows_is_no_fail() -> None:
    """It is no pass either."""
    result = judged(Checked(violations=(breach(),)))
    assert result.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert result.missing_evidence == ("a breach was suspected that nothing in the trace shows",)
    both = judged(Checked(violations=(breach(strength=1.0), breach(REFS[0], strength=0.4))))
    assert (both.verdict, both.confidence) == (Verdict.FAIL, 0.4)


def test_what_does_not_apply_was_asked_and_is_not_looked_at() -> None:
    """A breach beside the point is none; the reason is what the predicate counted."""
    found = Checked(violations=(breach(REFS[0]),), missing=("a page",), scanned="all")
    result = judged(found, when={"tool_calls": True})
    assert result == ControlEvaluation(
        "ours.one", Verdict.NOT_APPLICABLE, NOT_MET, "no tool call in 2 spans"
    )


def test_a_predicate_that_cannot_be_known_is_never_not_applicable() -> None:
    """The control is judged as if it applied."""
    assert judged(Checked(), when=NOT_KNOWN).verdict is Verdict.PASS
    assert judged(Checked(), when={"not": NOT_KNOWN}).verdict is Verdict.PASS


def test_a_pass_says_what_was_looked_at() -> None:
    """With some of the places."""
    result = judged(Checked(scanned="2 turns", evidence=(*REFS, *REFS)))
    assert (result.verdict, result.confidence) == (Verdict.PASS, PASSED)
    assert result.reason == "no breach in 2 turns"
    assert result.evidence == REFS


def test_a_question_for_a_model_stays_open() -> None:
    """Code alone does not answer it, but it may show a breach."""
    told = "a model has to judge: Is it friendly?"
    for found in (None, Checked(scanned="2 turns")):
        result = judged(found, question="Is it friendly?")
        assert (result.verdict, result.reason) == (Verdict.INSUFFICIENT_EVIDENCE, told)
        assert (result.missing_evidence, result.to_judge) == ((), "Is it friendly?")
        assert result.is_open
    failed = judged(Checked(violations=(breach(REFS[0]),)), question="Is it friendly?")
    assert (failed.verdict, failed.is_open) == (Verdict.FAIL, True)


def test_nothing_is_left_to_judge_where_evidence_is_missing() -> None:
    """No answer of a model could make up for what the trace does not show."""
    result = judged(Checked(missing=("a page is hidden",)), question="Is it friendly?")
    assert (result.verdict, result.is_open) == (Verdict.INSUFFICIENT_EVIDENCE, False)
    assert result.reason == "could not be judged: a page is hidden"
    assert not judged(Checked(scanned="2 turns")).is_open


def test_lines_are_few_bounded_and_without_secrets() -> None:
    """However much a check could not see."""
    lines = tuple(f"{KEY} of page {n}" for n in range(50))
    result = judged(Checked(missing=(*lines, *lines)))
    assert len(result.missing_evidence) == 21
    assert result.missing_evidence[-1] == "30 more things that could not be seen"
    assert KEY not in "".join(result.missing_evidence) + result.reason
    assert KEY not in judged(Checked(violations=(breach(REFS[0], summary=KEY),))).reason
