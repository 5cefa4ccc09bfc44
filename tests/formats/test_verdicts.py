"""The same verdict gives the same evaluation, whichever system it is kept in.

A system joins by a way to write a trace with a verdict on it: add it to `SYSTEMS`. What a system
cannot say is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from investigator.formats.registry import read_document
from investigator.ground.canonical_json import JsonValue
from investigator.store.open import ingest_files, open_files
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Trace
from tests.formats.test_format_values import SMALLEST

TRACE, SPAN, START = "0" * 31 + "1", "0" * 15 + "1", "2026-01-01T00:00:00Z"
Record = dict[str, JsonValue]

VERDICTS = {
    "a person's failing label": Evaluation(
        TRACE, None, "quality", Rater.PERSON, passed=False, label="fail", explanation="made up"
    ),
    "a boolean of code": Evaluation(TRACE, None, "exact match", Rater.CODE, passed=True),
    "a failed boolean of code": Evaluation(TRACE, None, "exact match", Rater.CODE, passed=False),
    "a model's score without a threshold": Evaluation(
        TRACE, None, "faithful", Rater.MODEL, score=0.25, explanation="half of it"
    ),
    "a whole score": Evaluation(TRACE, None, "stars", Rater.PERSON, score=1.0),
    "a label of another sort": Evaluation(TRACE, None, "tone", Rater.MODEL, label="formal"),
    "a boolean of what is to be absent": Evaluation(
        TRACE, None, "toxicity", Rater.CODE, label="true"
    ),
}
OTLP_VALUE = {str: "stringValue", float: "doubleValue", bool: "boolValue", int: "intValue"}


def is_boolean(one: Evaluation) -> bool:
    """Whether it is a boolean, in systems that have those."""
    return one.label == "true" or (one.passed is not None and one.label is None)


def truth(one: Evaluation) -> bool:
    """The boolean that it is."""
    return one.label == "true" if one.passed is None else one.passed


def without_none(fields: Mapping[str, JsonValue]) -> Record:
    """What is said."""
    return {key: value for key, value in fields.items() if value is not None}


def text_fields(one: Evaluation) -> Record:
    """A verdict in a system without booleans, which writes them as a label and a score."""
    boolean = is_boolean(one)
    return without_none(
        {
            "label": str(truth(one)).lower() if boolean else one.label,
            "score": float(truth(one)) if boolean else one.score,
            "explanation": one.explanation,
        }
    )


def otlp_pairs(fields: Mapping[str, JsonValue]) -> list[JsonValue]:
    """Attributes as OTLP has them."""
    return [
        {"key": key, "value": {OTLP_VALUE[type(value)]: value}} for key, value in fields.items()
    ]


def otlp(attributes: Record, events: list[JsonValue]) -> JsonValue:
    """One span."""
    span: Record = {"traceId": TRACE, "spanId": SPAN, "name": "x", "events": events}
    span["attributes"] = otlp_pairs(attributes)
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def otel_event(one: Evaluation) -> JsonValue:
    """OTel's event."""
    keys = {"label": "score.label", "score": "score.value", "explanation": "explanation"}
    said = {f"gen_ai.evaluation.{keys[key]}": value for key, value in text_fields(one).items()}
    named: Record = {"gen_ai.evaluation.name": one.name, **said}
    return otlp({}, [{"name": "gen_ai.evaluation.result", "attributes": otlp_pairs(named)}])


def openinference(one: Evaluation) -> JsonValue:
    """Attributes of the span, on the trace."""
    kind = {Rater.PERSON: "HUMAN", Rater.CODE: "CODE", Rater.MODEL: "LLM"}[one.rater]
    said: Record = {"name": one.name, "annotator_kind": kind, **text_fields(one)}
    return otlp({f"trace.annotations.0.annotation.{key}": said[key] for key in said}, [])


def phoenix(one: Evaluation) -> JsonValue:
    """A span of Phoenix's with its annotations."""
    kind = {Rater.PERSON: "HUMAN", Rater.CODE: "CODE", Rater.MODEL: "LLM"}[one.rater]
    given: Record = {"name": one.name, "annotator_kind": kind, "result": text_fields(one)}
    context: Record = {"trace_id": TRACE, "span_id": SPAN}
    return {"name": "x", "context": context, "span_kind": "AGENT", "annotations": [given]}


def evaluator(one: Evaluation) -> JsonValue:
    """A span that is an evaluator."""
    kind = {Rater.PERSON: "HUMAN", Rater.CODE: "CODE", Rater.MODEL: "LLM"}[one.rater]
    said: JsonValue = {"name": one.name, "annotator_kind": kind, **text_fields(one)}
    return otlp({"openinference.span.kind": "EVALUATOR", "output.value": json.dumps(said)}, [])


def langfuse(one: Evaluation) -> JsonValue:
    """An export with scores."""
    source = {Rater.PERSON: "ANNOTATION", Rater.CODE: "API", Rater.MODEL: "EVAL"}[one.rater]
    score: Record = {"name": one.name, "source": source, "traceId": TRACE}
    score["comment"] = one.explanation
    if is_boolean(one):
        score |= {"dataType": "BOOLEAN", "value": int(truth(one)), "stringValue": str(truth(one))}
    elif one.label is not None:
        score |= {"dataType": "CATEGORICAL", "value": 0, "stringValue": one.label}
    else:
        score |= {"dataType": "NUMERIC", "value": one.score}
    observation: Record = {"id": "o", "traceId": TRACE, "type": "SPAN", "startTime": START}
    return {"id": TRACE, "observations": [observation], "scores": [score]}


def mlflow(one: Evaluation) -> JsonValue:
    """A trace with assessments; an expectation beside it is no verdict."""
    source = {Rater.PERSON: "HUMAN", Rater.CODE: "CODE", Rater.MODEL: "LLM_JUDGE"}[one.rater]
    value: JsonValue = truth(one) if is_boolean(one) else one.label or one.score
    given: Record = {
        "assessment_name": one.name,
        "source": {"source_type": source, "source_id": "me"},
        "feedback": {"value": value},
        "rationale": one.explanation,
    }
    expected: Record = {"assessment_name": "expected", "expectation": {"value": "four"}}
    attributes: Record = {"mlflow.traceRequestId": f'"tr-{TRACE}"'}
    context: Record = {"trace_id": TRACE, "span_id": SPAN}
    span: Record = {"name": "x", "context": context, "attributes": attributes}
    info: Record = {"trace_id": f"tr-{TRACE}", "assessments": [given, expected]}
    return {"info": info, "data": {"spans": [span]}}


def langsmith(one: Evaluation) -> JsonValue:
    """A run with feedback on it."""
    source = {Rater.PERSON: "app", Rater.CODE: "api", Rater.MODEL: "model"}[one.rater]
    value: JsonValue = truth(one) if is_boolean(one) else one.label
    score: JsonValue = float(truth(one)) if is_boolean(one) else one.score
    given: Record = {"key": one.name, "value": value, "score": score, "comment": one.explanation}
    given["feedback_source"] = {"type": source}
    return {"id": TRACE, "trace_id": TRACE, "run_type": "chain", "name": "x", "feedback": [given]}


@dataclass(frozen=True)
class System:
    """How a system writes a verdict, whose it can say that it is, and of what."""

    write: Callable[[Evaluation], JsonValue]
    on: str | None = None
    raters: frozenset[Rater] = frozenset(Rater)


SYSTEMS = {
    "OTel event": System(otel_event, SPAN, frozenset()),
    "OpenInference attributes": System(openinference),
    "Phoenix export": System(phoenix, SPAN),
    "EVALUATOR span": System(evaluator),
    # What comes over the API of either may be anyone's.
    "Langfuse scores": System(langfuse, None, frozenset({Rater.PERSON, Rater.MODEL})),
    "LangSmith feedback": System(langsmith, TRACE, frozenset({Rater.PERSON, Rater.MODEL})),
    "MLflow assessments": System(mlflow),
}


def expected(one: Evaluation, system: System) -> Evaluation:
    """The verdict, as far as the system can say it."""
    rater = one.rater if one.rater in system.raters else Rater.UNKNOWN
    return replace(one, span_id=system.on, rater=rater)


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_verdict_is_the_same_in_each_system(system: System, name: str, tmp_path: Path) -> None:
    """As a value, out of a file and out of the file that is made of it."""
    one = VERDICTS[name]
    document = system.write(one)
    read = read_document(document, stem="f")
    wanted = (replace(expected(one, system), ts_ns=None),)
    found = Trace(read.spans[0].trace_id, read.spans, read.evaluations)
    assert tuple(replace(each, ts_ns=None) for each in found.evaluations) == wanted
    (tmp_path / "t.json").write_text(json.dumps(document), encoding="utf-8")
    ingested = ingest_files([tmp_path / "t.json"], tmp_path / "t.parquet")
    assert not ingested.unreadable
    for path in ("t.json", "t.parquet"):
        source = open_files([tmp_path / path], cache_dir=tmp_path / "cache")
        assert source.api.get_trace(TRACE).evaluations == found.evaluations
        source.api.close()


@pytest.mark.parametrize("system", [phoenix, langfuse, mlflow, langsmith])
def test_a_verdict_beside_a_trace_leaves_the_content_of_the_trace_as_it_was(
    system: Callable[[Evaluation], JsonValue],
) -> None:
    """It is hashed apart."""
    one = VERDICTS["a person's failing label"]
    read = [
        read_document(system(each), stem="f") for each in (one, replace(one, explanation="else"))
    ]
    judged = [Trace(TRACE, each.spans, each.evaluations) for each in read]
    assert len({trace.content_hash for trace in judged}) == 1
    assert len({trace.evaluations_hash for trace in judged}) == 2
    assert "fail" not in json.dumps([dict(span.attributes) for span in judged[0].spans])


BY_THEMSELVES: dict[str, tuple[JsonValue, Record]] = {
    "Phoenix": (
        SMALLEST["Phoenix span"] | {"context.trace_id": TRACE},
        {
            "span_id": SPAN,
            "name": "quality",
            "annotator_kind": "HUMAN",
            "result": {"label": "fail"},
        },
    ),
    "Langfuse": (
        langfuse(VERDICTS["a boolean of code"]),
        {
            "id": "s",
            "traceId": TRACE,
            "name": "quality",
            "dataType": "CATEGORICAL",
            "value": 0,
            "stringValue": "fail",
            "source": "ANNOTATION",
        },
    ),
    "MLflow": (
        mlflow(VERDICTS["a boolean of code"]),
        {
            "trace_id": f"tr-{TRACE}",
            "assessment_name": "quality",
            "source": {"source_type": "HUMAN"},
            "feedback": {"value": "fail"},
        },
    ),
    "LangSmith": (
        langsmith(VERDICTS["a boolean of code"]),
        {
            "run_id": TRACE,
            "key": "quality",
            "score": None,
            "value": "fail",
            "feedback_source": {"type": "app"},
        },
    ),
}


@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_verdicts_in_a_file_of_their_own_join_their_trace(name: str, tmp_path: Path) -> None:
    """By the trace that they name, or else by the span; those on no trace are said."""
    trace, verdict = BY_THEMSELVES[name]
    lost = {key: "f" * 16 if key.endswith(("_id", "Id")) else at for key, at in verdict.items()}
    (tmp_path / "a-verdicts.json").write_text(json.dumps({"data": [verdict, lost]}), "utf-8")
    (tmp_path / "b-trace.json").write_text(json.dumps(trace), "utf-8")
    source = open_files([tmp_path], cache_dir=tmp_path / "cache")
    assert source.api.count_traces() == 1
    found = [one for one in source.api.get_evaluations(TRACE) if one.name == "quality"]
    assert [(one.passed, one.label, one.rater) for one in found] == [(False, "fail", Rater.PERSON)]
    assert source.unreadable == ()
    assert source.clashes == ("1 evaluation is of a trace that is not here; it is left out",)
    source.api.close()


def test_statistics_of_feedback_are_a_score_and_the_label_that_all_gave() -> None:
    """Who judged is not said; of what was given one by one they say nothing more."""
    stats: Record = {
        "stars": {"n": 4, "avg": 3.5, "values": {}},
        "verdict": {"n": 2, "avg": None, "values": {"fail": 2}},
        "mixed": {"n": 2, "avg": None, "values": {"fail": 1, "pass": 1}},
    }
    document: Record = {"id": TRACE, "run_type": "chain", "name": "x", "feedback_stats": stats}
    read = read_document(document, stem="f")
    found = {one.name: (one.score, one.label, one.passed) for one in read.evaluations}
    assert found == {"stars": (3.5, None, None), "verdict": (None, "fail", False)}
    assert {one.rater for one in read.evaluations} == {Rater.UNKNOWN}
