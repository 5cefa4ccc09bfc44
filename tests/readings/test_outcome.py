"""The known outcome: who is believed, what decides, what is no outcome of the whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.readings.outcome import KnownOutcome, Sayer, verdict_of
from investigator.readings.reading import Readings
from investigator.runtime.told import UNTOLD, ToldOutcome
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Span, Trace
from tests.builders import REDACTOR, span

FAILED = ToldOutcome(outcome="failed")
PASSED = ToldOutcome(outcome="passed")
ANSWER = {"llm.output_messages.0.message.role": "assistant"}
ANSWER |= {"llm.output_messages.0.message.content": "It is 4."}
RUN = (
    span("root", kind="AGENT", start_ms=0, end_ms=100),
    span("look", parent="root", kind="TOOL", start_ms=10, end_ms=20),
    span("end", parent="root", kind="LLM", start_ms=30, end_ms=40, attributes=ANSWER),
)
ORDER = (Rater.PERSON, Rater.CODE, Rater.MODEL, Rater.UNKNOWN)


def judged(passed: bool | None, rater: Rater = Rater.MODEL, **said: object) -> Evaluation:
    one = Evaluation("t", None, f"by {rater}", rater, passed)
    return replace(one, **said)  # type: ignore[arg-type]


def known(
    *evaluations: Evaluation,
    told: ToldOutcome = UNTOLD,
    spans: tuple[Span, ...] = RUN,
    ignored: bool = False,
) -> KnownOutcome:
    trace = Trace("t", spans, evaluations)
    return Readings(trace, REDACTOR, told, ignore_evaluations=ignored).outcome


def test_nothing_is_known_where_nobody_says_anything() -> None:
    assert known().is_empty
    assert known().ended is None


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)))
def test_people_come_before_code_and_code_before_models(first: Rater, second: Rater) -> None:
    """Whoever comes later and disagrees is named."""
    found = known(judged(True, second), judged(False, first))
    assert (found.ended, found.said_by) == ("failed", Sayer(first.value.lower()))
    assert any(f"by {second}" in line for line in found.contradictions)


@pytest.mark.parametrize("rater", ORDER)
def test_the_caller_comes_first_and_who_disagrees_is_named(rater: Rater) -> None:
    found = known(judged(False, rater), told=PASSED)
    assert (found.ended, found.said_by, found.given) == ("passed", Sayer.CALLER, True)
    assert len(found.contradictions) == 1


def test_who_agrees_contradicts_nobody() -> None:
    assert known(judged(False), told=FAILED).contradictions == ()


def test_whoever_tells_a_symptom_says_that_it_failed() -> None:
    assert known(told=ToldOutcome(symptom="the total is wrong")).failed
    assert known(told=ToldOutcome(expected="42")).ended is None


def test_a_run_passes_only_if_all_that_a_source_judged_passed() -> None:
    found = known(judged(True, name="tone"), judged(False, name="correctness"))
    assert found.failed
    assert found.contradictions == ()
    assert [one.name for one in found.decided_by] == ["correctness"]


def test_one_source_that_says_both_of_one_thing_contradicts_itself() -> None:
    found = known(judged(True, label="pass"), judged(False, label="fail"))
    assert found.failed
    assert found.contradictions


@given(
    score=st.floats(allow_nan=True, allow_infinity=True),
    threshold=st.floats(allow_nan=True, allow_infinity=True) | st.none(),
    higher=st.booleans() | st.none(),
)
def test_a_number_decides_with_a_threshold_and_a_direction_alone(
    score: float, threshold: float | None, higher: bool | None
) -> None:
    one = judged(None, score=score, threshold=threshold, higher_is_better=higher)
    verdict = verdict_of(one)
    finite = threshold is not None and abs(score) < float("inf") and abs(threshold) < float("inf")
    if threshold is None or higher is None or not finite:
        assert verdict is None
    else:
        assert verdict is (score >= threshold if higher else score <= threshold)


def test_what_does_not_decide_is_shown() -> None:
    found = known(judged(None, name="quality", score=0.2), judged(None, name="tone", label="dry"))
    assert found.ended is None
    assert len(found.shown) == 2
    assert not found.is_empty


@pytest.mark.parametrize(("place", "counts"), [("root", True), ("end", True), ("look", False)])
def test_a_verdict_on_a_step_on_the_way_is_none_on_the_run(place: str, counts: bool) -> None:
    assert known(judged(False, span_id=place)).failed is counts


def test_a_verdict_on_a_span_that_is_not_there_is_none_on_the_run() -> None:
    assert known(judged(False, span_id="gone")).ended is None


@pytest.mark.parametrize(
    ("at_ms", "counts"),
    [(25, False), (30, False), (45, True), (10_000, True), (-5, True)],
    ids=["midway", "as the next step begins", "after", "long after", "by another clock"],
)
def test_a_verdict_that_the_run_went_on_from_is_its_own(at_ms: int, counts: bool) -> None:
    assert known(judged(False, ts_ns=at_ms * 1_000_000)).failed is counts


def _evaluator(name: str, start_ms: int, label: str) -> Span:
    output = {"output.value": f'{{"label": "{label}"}}'}
    return span(
        name,
        parent="root",
        kind="EVALUATOR",
        start_ms=start_ms,
        end_ms=start_ms + 2,
        attributes=output,
    )


def test_of_evaluators_in_a_loop_the_last_word_counts() -> None:
    """The first sent the run back to work; a model that the last one asks is no step of it."""
    asked = span("asked", parent="e2", kind="LLM", start_ms=51, end_ms=52)
    spans = (*RUN, _evaluator("e1", 22, "incorrect"), _evaluator("e2", 50, "correct"), asked)
    found = known(spans=spans)
    assert (found.ended, found.contradictions) == ("passed", ())


def test_answers_of_people_to_the_investigator_are_no_outcomes() -> None:
    assert known(judged(False, Rater.PERSON, name="rca.primary")).is_empty
    assert known(judged(False, Rater.PERSON, name="compliance.control.x.evidence")).is_empty


def test_evaluations_can_be_ignored_and_the_caller_is_still_heard() -> None:
    assert known(judged(False), ignored=True).is_empty
    assert known(judged(True), told=FAILED, ignored=True).contradictions == ()


def test_no_line_shows_a_secret() -> None:
    secret = "password: hunter2secret"
    found = known(
        judged(False, explanation=secret),
        judged(True, Rater.CODE, explanation=secret),
        judged(None, name="n", label=secret),
        told=ToldOutcome(symptom=secret, expected=secret),
    )
    assert "hunter2" not in repr((found.line, found.symptom, found.expected))
    assert "hunter2" not in repr((found.decided, found.shown, found.contradictions))


@pytest.mark.parametrize(("judged_span", "ended"), [(None, "failed"), ("look", None)])
def test_a_verdict_on_a_run_whose_parents_lead_in_a_circle_is_read(
    judged_span: str | None, ended: str | None
) -> None:
    """Looking for what encloses its spans comes to an end, whatever was judged."""
    circle = tuple(replace(one, parent_id=one.parent_id or "root") for one in RUN)

    assert known(judged(False, span_id=judged_span), spans=circle).ended == ended
