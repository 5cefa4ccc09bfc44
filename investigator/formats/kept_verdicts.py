"""What systems keep beside spans as verdicts, in each one's own terms, as evaluations.

Read are Phoenix's annotations, Langfuse's scores, MLflow's assessments that are feedback (an
expectation is no verdict, and neither is one that another replaced) and LangSmith's feedback with
its statistics. They stand in the export of a trace, or by themselves in a file beside it: then each
names its trace, or at least its span.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    first,
    hex_id,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation, Rater, evaluation_of, rater_of

_TIMES = ("created_at", "createdAt", "timestamp", "create_time", "updated_at")
_WORDS = {1: "true", 0: "false"}


def phoenix_annotation(item: Record, trace_id: str, span_id: str | None) -> Evaluation | None:
    """An annotation as Phoenix's REST API and exports give it, on a span or a trace."""
    result = record(item.get("result"))
    said = {**item, **{key: at for key, at in result.items() if at is not None}}
    said["name"] = first(item, "name", "annotation_name")
    return evaluation_of(said, trace_id=trace_id, span_id=span_id, ts_ns=_time(item))


def phoenix_annotations(given: JsonValue, trace_id: str, span_id: str) -> Iterator[Evaluation]:
    """The annotations that a span was exported with."""
    found = (phoenix_annotation(item, trace_id, span_id) for item in records(given))
    yield from (one for one in found if one is not None)


def langfuse_scores(given: JsonValue, trace_id: str) -> Iterator[Evaluation]:
    """Langfuse's scores on a trace or its observations; those on a session are on no trace.

    An evaluator of Langfuse's own is a model; what came over the API may be anyone's.
    """
    for score in records(given):
        of_trace = text(score.get("traceId")) or trace_id
        if not of_trace:
            continue
        found = evaluation_of(
            {
                "name": score.get("name"),
                **_langfuse_value(score),
                "explanation": score.get("comment"),
                "metadata": score.get("metadata"),
            },
            trace_id=of_trace,
            span_id=text(score.get("observationId")) or None,
            rater=rater_of(score.get("source")),
            ts_ns=_time(score),
        )
        if found is not None:
            yield found


def _langfuse_value(score: Record) -> dict[str, JsonValue]:
    value, said = score.get("value"), score.get("stringValue")
    match text(score.get("dataType")).upper():
        case "BOOLEAN":
            is_number = isinstance(value, int | float) and value in _WORDS
            return {"label": _WORDS[int(value)] if is_number else first(score, "stringValue")}  # type: ignore[arg-type]
        case "CATEGORICAL" | "TEXT":
            return {"label": said if isinstance(said, str) else value}
        case _:
            return {"score": value} if not isinstance(value, str) else {"label": value}


def mlflow_assessments(given: JsonValue, trace_id: str) -> Iterator[Evaluation]:
    """MLflow's feedback on a trace or one of its spans."""
    for item in records(given):
        feedback = record(item.get("feedback"))
        if item.get("valid") is False or not feedback or feedback.get("error"):
            continue
        source = record(item.get("source"))
        found = evaluation_of(
            {
                "name": first(item, "assessment_name", "name"),
                **_typed(feedback.get("value")),
                "explanation": item.get("rationale"),
                "metadata": item.get("metadata"),
            },
            trace_id=trace_id,
            span_id=hex_id(item.get("span_id"), SPAN_ID_BYTES),
            rater=rater_of(source.get("source_type")),
            ts_ns=_time(item),
        )
        if found is not None:
            yield found


def _typed(value: JsonValue) -> dict[str, JsonValue]:
    """A value of any type: a boolean or a text is a label, a number is a score."""
    return {"label": value} if isinstance(value, bool | str) else {"score": value}


def langsmith_feedback(item: Record, trace_id: str, run_id: str) -> Evaluation | None:
    """One item of LangSmith's feedback on a run."""
    source = record(item.get("feedback_source"))
    value, score = item.get("value"), item.get("score")
    said: dict[str, JsonValue] = {"score": score}
    if isinstance(value, bool | str):
        said["label"] = value
    elif score is None:
        said["score"] = value
    return evaluation_of(
        {"name": item.get("key"), **said, "explanation": item.get("comment")},
        trace_id=trace_id,
        span_id=run_id,
        rater=rater_of(source.get("type")),
        ts_ns=_time(item),
    )


def langsmith_verdicts(run: Record, trace_id: str, run_id: str) -> Iterator[Evaluation]:
    """The feedback that a run was exported with; of what is only counted, the statistics.

    Statistics say nothing of who judged. Their average is a score; where all gave one value, that
    is the label.
    """
    listed = records(run.get("feedback"))
    found = [langsmith_feedback(item, trace_id, run_id) for item in listed]
    keys = {item.get("key") for item in listed}
    for key, given in record(run.get("feedback_stats")).items():
        counted = record(given)
        values = [value for value, count in record(counted.get("values")).items() if count]
        if key not in keys:
            found.append(
                evaluation_of(
                    {
                        "name": key,
                        "score": counted.get("avg"),
                        "label": values[0] if len(values) == 1 else None,
                    },
                    trace_id=trace_id,
                    span_id=run_id,
                    rater=Rater.UNKNOWN,
                )
            )
    yield from (one for one in found if one is not None)


def is_verdict(value: Record) -> bool:
    """Whether a record is a verdict by itself, of one of these systems."""
    return _is_phoenix(value) or _is_langfuse(value) or _is_mlflow(value) or _is_langsmith(value)


def _is_phoenix(value: Record) -> bool:
    named = isinstance(first(value, "name", "annotation_name"), str)
    return "annotator_kind" in value and named and ("span_id" in value or "trace_id" in value)


def _is_langfuse(value: Record) -> bool:
    keys = ("name", "dataType", "value", "source")
    return "traceId" in value and all(key in value for key in keys)


def _is_mlflow(value: Record) -> bool:
    judged = isinstance(value.get("feedback"), dict) or isinstance(value.get("expectation"), dict)
    return judged and "assessment_name" in value and "trace_id" in value


def _is_langsmith(value: Record) -> bool:
    return "run_id" in value and "key" in value and ("score" in value or "value" in value)


def decode_verdict(item: Record) -> Iterator[Evaluation]:
    """The verdict that a record is by itself; none where it decides nothing."""
    found: Evaluation | None
    trace_id = hex_id(item.get("trace_id"), TRACE_ID_BYTES) or ""
    if _is_phoenix(item):
        found = phoenix_annotation(item, trace_id, hex_id(item.get("span_id"), SPAN_ID_BYTES))
    elif _is_langsmith(item):
        found = langsmith_feedback(item, text(item.get("trace_id")), text(item.get("run_id")))
    elif _is_langfuse(item):
        found = next(langfuse_scores([dict(item)], ""), None)
    else:
        named = text(item.get("trace_id")).removeprefix("tr-")
        found = next(mlflow_assessments([dict(item)], hex_id(named, TRACE_ID_BYTES) or ""), None)
    if found is not None:
        yield found


def _time(item: Record) -> int | None:
    return time_ns(first(item, *_TIMES))


FORMAT = Format(
    name="verdict beside a trace",
    reads="Phoenix annotations, Langfuse scores, MLflow assessments and LangSmith feedback, each"
    " by itself, in files beside the traces that they are on",
    looks_like=is_verdict,
    decode=lambda record, _: decode_verdict(record),
)
