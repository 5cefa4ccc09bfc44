"""What spans themselves say of verdicts: an event, attributes, or a span that is an evaluator.

Read are OTel's `gen_ai.evaluation.result` (name, score value and label, explanation; one that
ended in an `error.type` gave no verdict), OpenInference's `annotations` and `evaluations` of spans
and traces (those of a session are of no trace), Phoenix's `eval.<name>.label` columns, and spans of
kind EVALUATOR. An evaluator judges what it stands under: the nearest span above that is none
itself; without one, the trace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.traces.evaluations import Evaluation, Rater, evaluation_of

EVENT = "gen_ai.evaluation.result"
_GEN_AI = "gen_ai.evaluation."
_GEN_AI_FIELDS = {
    "name": "gen_ai.evaluation.name",
    "score": "gen_ai.evaluation.score.value",
    "label": "gen_ai.evaluation.score.label",
    "explanation": "gen_ai.evaluation.explanation",
}
_EVALUATOR = "EVALUATOR"
_LISTED = re.compile(
    r"(?P<of>trace\.)?(?P<list>(?:annotations|evaluations)\.\d+)\.(?:(?:annotation|evaluation)\.)?"
    r"(?P<field>\w+)"
)
_STARTS = ("trace.", "annotations.", "evaluations.", "eval.")
"""How their keys start: a span may have thousands of others."""
_COLUMN = re.compile(r"eval\.(?P<name>.+)\.(?P<field>label|score|explanation)")
_PASSED = ("passed", "pass", "success", "is_correct", "correct")
_LABELS = ("label", "verdict", "result", "value")
_REASONS = ("explanation", "reason", "rationale", "reasoning", "comment")
_NAMES = ("evaluation.name", "evaluator.name", "eval.name")


class JudgedEvent(Protocol):
    """An event, as far as it is read here."""

    @property
    def name(self) -> str: ...
    @property
    def time_ns(self) -> int | None: ...
    @property
    def attributes(self) -> Mapping[str, JsonValue]: ...


class JudgedSpan(Protocol):
    """A span, as far as it is read here."""

    @property
    def trace_id(self) -> str: ...
    @property
    def span_id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def end_ns(self) -> int | None: ...
    @property
    def attributes(self) -> Mapping[str, JsonValue]: ...
    @property
    def events(self) -> Sequence[JudgedEvent]: ...


def evaluations_in(spans: Sequence[JudgedSpan]) -> Iterator[Evaluation]:
    """The verdicts that the spans of one trace carry, in their order."""
    by_id: dict[str, JudgedSpan] = {}
    asking = set()
    for span in spans:
        by_id.setdefault(span.span_id, span)
        if span.kind == "LLM":
            asking.add(span.parent_id)
    for span in spans:
        found: Iterable[Evaluation | None]
        if span.kind == _EVALUATOR or f"{_GEN_AI}name" in span.attributes:
            rater = _rater(span, asks_model=span.span_id in asking)
            found = _of_evaluator(span, _judged_by(span, by_id), rater)
        else:
            found = _of_span(span)
        yield from (one for one in found if one is not None)


def _judged_by(span: JudgedSpan, by_id: Mapping[str, JudgedSpan]) -> str | None:
    passed: set[str] = {span.span_id}
    above = by_id.get(span.parent_id or "")
    while above is not None and above.kind == _EVALUATOR and above.span_id not in passed:
        passed.add(above.span_id)
        above = by_id.get(above.parent_id or "")
    return None if above is None or above.span_id in passed else above.span_id


def _rater(span: JudgedSpan, *, asks_model: bool) -> Rater | None:
    """A model where the evaluator asked one and does not say who judged; else what it says."""
    says = any(key.endswith("annotator_kind") for key in span.attributes)
    return Rater.MODEL if not says and (asks_model or "llm.model_name" in span.attributes) else None


def _of_span(span: JudgedSpan) -> Iterator[Evaluation | None]:
    for event in span.events:
        if event.name == EVENT:
            yield _of_event(span, event, span.span_id, None)
    yield from _listed(span, span.span_id)


def _of_evaluator(
    span: JudgedSpan, judged: str | None, rater: Rater | None
) -> Iterator[Evaluation | None]:
    events = [event for event in span.events if event.name == EVENT]
    listed = list(_listed(span, judged))
    yield from listed
    for event in events:
        yield _of_event(span, event, judged, rater)
    if not events and not listed and "error.type" not in span.attributes:
        said = _said_by_evaluator(span)
        yield evaluation_of(
            said, trace_id=span.trace_id, span_id=judged, rater=rater, ts_ns=span.end_ns
        )


def _of_event(
    span: JudgedSpan, event: JudgedEvent, judged: str | None, rater: Rater | None
) -> Evaluation | None:
    if event.attributes.get("error.type"):
        return None
    said = {field: event.attributes.get(key) for field, key in _GEN_AI_FIELDS.items()}
    return evaluation_of(
        said, trace_id=span.trace_id, span_id=judged, rater=rater, ts_ns=event.time_ns
    )


def _listed(span: JudgedSpan, judged: str | None) -> Iterator[Evaluation | None]:
    """OpenInference's lists, and the columns that Phoenix makes of evaluations."""
    found: dict[tuple[str, str], dict[str, JsonValue]] = {}
    for key, value in span.attributes.items():
        if not key.startswith(_STARTS):
            continue
        if (listed := _LISTED.fullmatch(key)) is not None:
            place = (listed["of"] or "", listed["list"])
            found.setdefault(place, {})[listed["field"]] = value
        elif (column := _COLUMN.fullmatch(key)) is not None:
            fields = found.setdefault(("", key.rpartition(".")[0]), {"name": column["name"]})
            fields[column["field"]] = value
    for (of_trace, _), fields in found.items():
        yield evaluation_of(fields, trace_id=span.trace_id, span_id=None if of_trace else judged)


def _said_by_evaluator(span: JudgedSpan) -> dict[str, JsonValue]:
    """The verdict of an evaluator: its attributes before its output, its own name last."""
    output = span.attributes.get("output.value")
    read = (embedded_json(output) if isinstance(output, str) else None) or {}
    fields = read if isinstance(read, dict) else {}
    given = {
        field: span.attributes.get(key, span.attributes.get(f"evaluation.{field}"))
        for field, key in _GEN_AI_FIELDS.items()
    }
    plain = output if isinstance(output, str | bool | int | float) and not fields else None
    is_number = isinstance(plain, int | float) or (isinstance(plain, str) and _is_number(plain))
    said = {
        "name": _first(span.attributes, _NAMES) or fields.get("name") or span.name,
        "label": None if is_number else _first(fields, _LABELS) if fields else plain,
        "score": float(plain) if is_number and plain is not None else fields.get("score"),
        "explanation": _first(fields, _REASONS),
        "passed": next((fields[k] for k in _PASSED if isinstance(fields.get(k), bool)), None),
        "annotator_kind": span.attributes.get("evaluation.annotator_kind")
        or fields.get("annotator_kind"),
        "threshold": fields.get("threshold"),
        "direction": fields.get("direction"),
    }
    return said | {field: value for field, value in given.items() if value is not None}


def _first(holder: Mapping[str, JsonValue], keys: Sequence[str]) -> JsonValue:
    return next((holder[key] for key in keys if holder.get(key) is not None), None)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text.strip()) is not None
