"""The verdicts that spans themselves carry, and what is none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation, Rater, read_evaluation
from investigator.traces.model import Span, SpanEvent
from tests.builders import span, trace


def judged(name: str = "quality", **attributes: JsonValue) -> SpanEvent:
    """OTel's event of an evaluation."""
    said = {f"gen_ai.evaluation.{key.replace('_', '.')}": at for key, at in attributes.items()}
    return SpanEvent("gen_ai.evaluation.result", 5, {"gen_ai.evaluation.name": name, **said})


def only(*spans: Span) -> Evaluation:
    """The one evaluation of a trace."""
    (found,) = trace(*spans).evaluations
    return found


def listed(place: str, name: str = "quality", **fields: JsonValue) -> Mapping[str, JsonValue]:
    """One item of OpenInference's lists."""
    return {f"{place}.{key}": value for key, value in {"name": name, **fields}.items()}


def test_an_event_is_a_verdict_on_its_span() -> None:
    found = only(span("a", events=[judged(score_value=0.2, score_label="fail", explanation="no")]))
    assert (found.span_id, found.name, found.passed) == ("a", "quality", False)
    assert (found.label, found.score, found.explanation, found.ts_ns) == ("fail", 0.2, "no", 5)
    assert found.rater is Rater.UNKNOWN


def test_an_evaluation_that_failed_itself_is_no_verdict() -> None:
    event = judged(score_value=0.0)
    failed = SpanEvent(event.name, 5, {**event.attributes, "error.type": "timeout"})
    assert trace(span("a", events=[failed])).evaluations == ()


@pytest.mark.parametrize(
    ("place", "span_id"),
    [
        ("annotations.0.annotation", "a"),
        ("evaluations.0.evaluation", "a"),
        ("annotations.3", "a"),
        ("trace.annotations.0.annotation", None),
        ("trace.evaluations.0.evaluation", None),
    ],
)
def test_openinference_lists_are_verdicts_on_span_or_trace(place: str, span_id: str | None) -> None:
    fields = listed(place, label="incorrect", score=0, annotator_kind="HUMAN")
    found = only(span("a", attributes=fields))
    assert (found.span_id, found.passed, found.rater) == (span_id, False, Rater.PERSON)


def test_a_verdict_on_a_session_is_none_on_the_trace() -> None:
    fields = listed("session.evaluations.0.evaluation", label="fail")
    assert trace(span("a", attributes=fields)).evaluations == ()


@pytest.mark.parametrize(
    ("output", "passed", "label", "score"),
    [
        ('{"label":"incorrect","score":0}', False, "incorrect", 0.0),
        ('{"passed":false,"reason":"no"}', False, None, None),
        ('{"score":0.4}', None, None, 0.4),
        ("pass", True, "pass", None),
        ("0.25", None, None, 0.25),
    ],
)
def test_an_evaluator_judges_what_it_stands_under(
    output: str, passed: bool | None, label: str | None, score: float | None
) -> None:
    inner = {"output.value": output}
    found = only(
        span("a"),
        span("e", parent="a", kind="EVALUATOR", attributes={}),
        span("judge", parent="e", kind="EVALUATOR", attributes=inner),
    )
    assert (found.span_id, found.passed, found.label, found.score) == ("a", passed, label, score)
    assert found.name == "judge"


def test_an_evaluator_that_asks_a_model_is_a_model() -> None:
    verdict: dict[str, JsonValue] = {"output.value": '{"label":"pass"}'}
    asked = span("l", parent="e", kind="LLM")
    found = only(span("a"), span("e", parent="a", kind="EVALUATOR", attributes=verdict), asked)
    assert found.rater is Rater.MODEL


@pytest.mark.parametrize(
    ("name", "fields", "passed", "label"),
    [
        ("correct", {"label": "yes"}, None, "yes"),
        ("toxicity", {"label": "true"}, None, "true"),
        ("hallucination", {"score": True}, None, "true"),
        ("relevance", {"label": "True", "score": 1}, True, None),
        ("helpful", {"score": False}, False, None),
        ("tests", {"label": "Passed"}, True, "Passed"),
        ("tests", {"label": "FAILURE"}, False, "FAILURE"),
        ("tone", {"label": "formal"}, None, "formal"),
    ],
)
def test_only_booleans_and_labels_of_pass_or_fail_decide(
    name: str, fields: Mapping[str, JsonValue], passed: bool | None, label: str | None
) -> None:
    found = only(span("a", attributes=listed("annotations.0.annotation", name, **fields)))
    assert (found.passed, found.label) == (passed, label)


def test_a_threshold_and_its_direction_are_read_where_stated() -> None:
    metadata = '{"threshold": 0.5, "direction": "minimize"}'
    fields = listed("evaluations.0.evaluation", score=0.7, metadata=metadata)
    found = only(span("a", attributes=fields))
    assert (found.score, found.threshold, found.higher_is_better) == (0.7, 0.5, False)
    assert found.passed is None


@pytest.mark.parametrize(
    "name", ["rca.primary", "rca.evidence", "compliance.overall", "incident.dossier"]
)
def test_what_the_investigator_wrote_back_is_no_verdict(name: str) -> None:
    fields = listed("annotations.0.annotation", name, label="failure")
    assert trace(span("a", attributes=fields)).evaluations == ()


def test_an_evaluation_comes_back_from_its_json_and_a_whole_score_too() -> None:
    found = only(span("a", events=[judged(score_value=1)]))
    said = {k: v for k, v in found.to_json().items() if k not in ("trace_id", "span_id")}
    again = read_evaluation(found.trace_id, found.span_id, {**said, "score": 1})
    assert again == found
    assert again.content_hash == found.content_hash
