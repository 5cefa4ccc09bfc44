"""Logs of Inspect: each sample is a trace, its messages the turns, its scores verdicts.

The events of a sample say when each model call and each tool ran, what tokens were used and what
failed; they are joined to the messages by the ids that both have. A long text may stand under
`attachments`. A sample is called by its `uuid`, because its `id` repeats from log to log.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, headed
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    make_span,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.formats.model_calls import call_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import TURN_NUMBER, Span, SpanKind

_Fields = dict[str, JsonValue]

_ATTACHMENT = "attachment://"
_GRADES = {"C": True, "I": False}
"""Correct and incorrect; partly (P) and no answer (N) decide nothing."""
_GRADED = "model_graded"
_ABOUT_LOG = ("task", "model", "created", "run_id", "task_id", "dataset")
_ABOUT_SAMPLE = ("id", "epoch", "target", "limit", "metadata", "total_time", "working_time")
_DEEP = 12


def is_inspect(value: Record) -> bool:
    """Whether an object is a log with its samples."""
    samples = records(value.get("samples"))
    return "eval" in value and any("messages" in s or "events" in s for s in samples)


def decode_inspect(log: Record, stem: str) -> Iterator[Span | Evaluation | None]:
    """The turns of every sample, each with its scores."""
    head = record(log.get("eval"))
    yield from nothings(log.get("samples"))
    for number, sample in enumerate(records(log.get("samples"))):
        yield from _sample(sample, head, f"{stem}-{number}" if number else stem)


def _sample(sample: _Fields, head: _Fields, name: str) -> Iterator[Span | Evaluation | None]:
    trace_id = text(first(sample, "uuid", "id")) or name
    attachments = record(sample.get("attachments"))
    output = record(sample.get("output"))
    reading = _Events(records(sample.get("events")), text(head.get("model")), output)
    answers = [record(event.get("output")) for event in records(sample.get("events"))]
    yield from nothings(sample.get("events"), *(a.get("choices") for a in (output, *answers)))
    messages = listed(sample.get("messages"))
    entries = [reading.entry(_resolved(message, attachments)) for message in messages]
    failure = record(sample.get("error"))
    if failure:
        said: _Fields = {"role": "system", "content": text(failure.get("message"))}
        entries.append(DialogueEntry(said=said, error=text(failure.get("message"))))
    about: dict[str, object] = {
        **leftovers({key: head.get(key) for key in _ABOUT_LOG}, (), prefix="source.eval."),
        **leftovers({key: sample.get(key) for key in _ABOUT_SAMPLE}, (), prefix="source.sample."),
    }
    yield from turn_spans(headed(entries, about), Numbering(trace_id))
    for number, event in enumerate(reading.unanswered(entries)):
        yield _grading(event, trace_id, number, attachments)
    for scorer, score in record(sample.get("scores")).items():
        yield from _evaluation(trace_id, scorer, record(score))


def _resolved(value: JsonValue, attachments: Record, depth: int = 0) -> JsonValue:
    """A value with the texts that stand elsewhere in the sample."""
    if isinstance(value, str) and value.startswith(_ATTACHMENT):
        return attachments.get(value.removeprefix(_ATTACHMENT), value)
    if depth < _DEEP and isinstance(value, list):
        return [_resolved(item, attachments, depth + 1) for item in value]
    if depth < _DEEP and isinstance(value, dict):
        return {key: _resolved(item, attachments, depth + 1) for key, item in value.items()}
    return value


class _Events:
    """What the events say of the messages, by the ids of answers and calls."""

    def __init__(self, events: list[_Fields], model: str, output: _Fields) -> None:
        self._model = model
        answers = [record(e.get("output")) for e in events if e.get("event") == "model"]
        self._reasons = {
            text(record(choice.get("message")).get("id")): choice.get("stop_reason")
            for answer in (output, *answers)
            for choice in records(answer.get("choices"))
            if record(choice.get("message")).get("id")
        }
        self._answers: dict[str, _Fields] = {}
        self._calls: dict[str, _Fields] = {}
        for event in events:
            if event.get("event") == "model":
                choices = records(record(event.get("output")).get("choices"))
                for choice in choices:
                    self._answers[text(record(choice.get("message")).get("id"))] = event
            elif event.get("event") == "tool":
                self._calls[text(event.get("id"))] = event

    def entry(self, value: JsonValue) -> DialogueEntry | None:
        """A message with what its event says."""
        message = record(value)
        role = text(message.get("role"))
        if not role:
            return None
        if role == "tool":
            return self._result(message)
        event = self._answers.get(text(message.get("id")), {}) if role == "assistant" else {}
        output = record(event.get("output"))
        reason = self._reasons.get(text(message.get("id"))) if role == "assistant" else None
        said = {key: message.get(key) for key in ("role", "content", "tool_calls")}
        start_ns, end_ns = time_ns(event.get("timestamp")), time_ns(event.get("completed"))
        return DialogueEntry(
            said={key: at for key, at in said.items() if at is not None},
            at_ns=end_ns or start_ns,
            start_ns=start_ns,
            end_ns=end_ns,
            model=text(first(message, "model") or first(output, "model"))
            or (self._model if role == "assistant" else ""),
            usage=output.get("usage"),
            error=text(event.get("error")),
            about={
                **leftovers({"source": message.get("source")}, ()),
                "llm.finish_reason": reason,
            },
        )

    def unanswered(self, entries: list[DialogueEntry | None]) -> list[_Fields]:
        """The calls of a model whose answers are no messages of the sample."""
        known = {entry.start_ns for entry in entries if entry is not None}
        events = {id(event): event for event in self._answers.values()}.values()
        return [event for event in events if time_ns(event.get("timestamp")) not in known]

    def _result(self, message: _Fields) -> DialogueEntry:
        event = self._calls.get(text(message.get("tool_call_id")), {})
        error = record(first(message, "error") or first(event, "error"))
        shown = message.get("content")
        said = answering(
            message.get("tool_call_id"),
            shown if shown not in (None, "", []) else error.get("message"),
            failed=bool(error),
            name=message.get("function"),
        )
        start_ns, end_ns = time_ns(event.get("timestamp")), time_ns(event.get("completed"))
        about = {"source.error_type": error.get("type")}
        return DialogueEntry(
            said=said, at_ns=start_ns, start_ns=start_ns, end_ns=end_ns, about=about
        )


def _grading(event: _Fields, trace_id: str, number: int, attachments: Record) -> Span:
    """A call of a model that is no turn of the dialogue: a scorer's, with its tokens."""
    output = record(_resolved(event.get("output"), attachments))
    attributes = call_attributes(_resolved(event.get("input"), attachments), output)
    said = {key: at for key, at in attributes.items() if not key.startswith("llm.output_messages")}
    return make_span(
        trace_id=trace_id,
        span_id=f"grading-{number}",
        parent_id=None,
        name=text(output.get("model")),
        attributes={
            TURN_NUMBER: number,
            "output.value": text(output.get("completion")) or json_text(output.get("choices")),
            **{key: at for key, at in said.items() if not key.startswith("llm.input_messages")},
        },
        start_ns=time_ns(event.get("timestamp")),
        end_ns=time_ns(event.get("completed")),
        kind=SpanKind.EVALUATOR,
    )


def _evaluation(trace_id: str, scorer: str, score: _Fields) -> Iterator[Evaluation]:
    value = score.get("value")
    if value is None or isinstance(value, dict | list):
        return
    number = (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    )
    yield Evaluation(
        trace_id=trace_id,
        span_id=None,
        name=scorer,
        rater=Rater.MODEL if scorer.startswith(_GRADED) else Rater.CODE,
        passed=value if isinstance(value, bool) else _GRADES.get(text(value)),
        label=None if number is not None else text(value),
        score=number,
        explanation=text(score.get("explanation")) or None,
    )


FORMAT = Format(
    name="Inspect log",
    reads="logs of Inspect (`.eval`, `.json`)",
    looks_like=is_inspect,
    decode=decode_inspect,
)
