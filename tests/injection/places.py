"""Traces that hold a text in one place of many, or in all of them, and are else the same.

Every text of such a trace has the mark in it, names and ids included: where the mark stands,
a trace is quoted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import SpanEvent, Trace
from tests.builders import exception_event, span

MARK = "qx7z"
NEUTRAL = f"{MARK} parcel 4711 left the depot"
"""What stands in each place besides the text."""

PLACES: tuple[str, ...] = (
    "tool_output",
    "tool_arguments",
    "user_message",
    "assistant_message",
    "tool_message",
    "document",
    "document_id",
    "exception_message",
    "status_message",
    "attribute_value",
    "attribute_name",
    "span_name",
    "tool_description",
    "event_name",
    "event_attribute",
    "project_name",
    "model_name",
    "user_id",
    "metadata",
)
"""Where a text may stand. All traces of a kind have all of these, but for the fault's own."""

SAID_TOGETHER = {"assistant_message": "document"}
"""An agent that repeats a text has read it: else its answer says what no document holds."""

IDLE = tuple(place for place in PLACES if place not in ("assistant_message", "document"))
"""Where a text may stand alone: no agent's words go, nor what they are grounded in."""


class Way(StrEnum):
    """How a text stands to what is said in its place anyway."""

    AFTER = "{plain}\n{text}"
    BEFORE = "{text}\n{plain}"
    ALONE = "{text}"


@dataclass(frozen=True, slots=True)
class Told:
    """A text, the places where it is said, and how."""

    text: str = ""
    at: Collection[str] = ()
    way: Way = Way.AFTER

    def says(self, place: str, plain: str = NEUTRAL) -> str:
        """What stands in a place."""
        assert place in PLACES, place
        said = {*self.at, *(SAID_TOGETHER.get(other, other) for other in self.at)}
        if place not in said or not self.text:
            return plain
        return self.way.value.format(plain=plain, text=f"{MARK} {self.text}")


NOTHING = Told()


@dataclass(frozen=True, slots=True)
class Step:
    """One span: its name and kind, and what it says."""

    id: str
    kind: str
    name: str
    attributes: Mapping[str, JsonValue]
    status: str = "OK"
    message: str = ""
    events: Sequence[SpanEvent] = ()


def agent_trace(
    told: Told = NOTHING, *, failing: bool, trace_id: str = f"{MARK}-trace", start_ms: int = 0
) -> Trace:
    """An agent that reads documents and looks up a parcel; the lookup fails or it does not."""
    steps = [
        _root(told, failing),
        _model(told, "plan", calls=True),
        _retriever(told),
        _tool(told, failing),
        _model(told, "answer", calls=False, failing=failing),
    ]
    return Trace(
        trace_id,
        [
            span(
                f"{MARK}-{step.id}",
                trace_id=trace_id,
                parent=None if step.id == "root" else f"{MARK}-root",
                kind=step.kind,
                name=step.name,
                start_ms=start_ms + 100 * number,
                end_ms=start_ms + (600 if number == 0 else 100 * number + 80),
                status=step.status,
                message=step.message,
                attributes=step.attributes,
                events=step.events,
            )
            for number, step in enumerate(steps)
        ],
    )


def window(told: Told = NOTHING, *, failing: bool) -> list[Trace]:
    """Eight traces, one a minute, that all say the text; of a failing window the later half."""
    return [
        agent_trace(
            told,
            failing=failing and number >= 4,
            trace_id=f"{MARK}-trace-{number}",
            start_ms=number * 60_000,
        )
        for number in range(8)
    ]


def _root(told: Told, failing: bool) -> Step:
    noted = {f"{MARK}.note": told.says("event_attribute")}
    return Step(
        id="root",
        kind="AGENT",
        name=told.says("span_name", f"{MARK} answer"),
        events=(SpanEvent(told.says("event_name"), 0, noted),),
        attributes={
            "input.value": told.says("user_message", f"{MARK} Where is parcel 4711?"),
            "output.value": _answer(told, failing),
            "resource.openinference.project.name": told.says("project_name"),
            "service.name": f"{MARK}-support",
            "user.id": told.says("user_id"),
            f"{MARK}.note": told.says("attribute_value"),
            told.says("attribute_name", f"{MARK}.flag"): True,
            "metadata": json.dumps({MARK: told.says("metadata")}),
        },
    )


def _answer(told: Told, failing: bool) -> str:
    plain = (
        f"{MARK} I could not look parcel 4711 up, the depot did not answer."
        if failing
        else f"{MARK} parcel 4711 left the depot"
    )
    return told.says("assistant_message", plain)


def _model(told: Told, id_: str, *, calls: bool, failing: bool = False) -> Step:
    offered = {
        "name": f"{MARK}_lookup",
        "description": told.says("tool_description"),
        "parameters": {
            "type": "object",
            "properties": {"parcel": {"type": "string"}},
            "required": ["parcel"],
        },
    }
    said: dict[str, JsonValue] = {
        "llm.model_name": told.says("model_name", f"{MARK}-small-1"),
        "llm.tools.0.tool.json_schema": json.dumps(offered),
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": f"{MARK} You look parcels up.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": told.says(
            "user_message", f"{MARK} Where is parcel 4711?"
        ),
        "llm.output_messages.0.message.role": "assistant",
    }
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    if calls:
        said[f"{call}.function.name"] = f"{MARK}_lookup"
        said[f"{call}.function.arguments"] = _arguments(told)
    else:
        said["llm.input_messages.2.message.role"] = "tool"
        said["llm.input_messages.2.message.content"] = told.says("tool_message")
        said["llm.output_messages.0.message.content"] = _answer(told, failing)
    return Step(id=id_, kind="LLM", name=f"{MARK} chat", attributes=said)


def _arguments(told: Told) -> str:
    return json.dumps({"parcel": told.says("tool_arguments", f"{MARK} 4711")})


def _retriever(told: Told) -> Step:
    return Step(
        id="documents",
        kind="RETRIEVER",
        name=f"{MARK} documents",
        attributes={
            "input.value": f"{MARK} parcel 4711",
            "retrieval.documents.0.document.content": told.says("document"),
            "retrieval.documents.0.document.id": told.says("document_id", f"{MARK}-d1"),
            "retrieval.documents.0.document.score": 0.9,
        },
    )


def _tool(told: Told, failing: bool) -> Step:
    fault = f"{MARK} the depot timed out"
    found = f"{MARK} none" if failing else NEUTRAL
    tool = Step(
        id="lookup",
        kind="TOOL",
        name=f"{MARK}_lookup",
        attributes={
            "tool.name": f"{MARK}_lookup",
            "input.value": _arguments(told),
            "output.value": told.says("tool_output", found),
        },
    )
    if not failing:
        return tool
    raised = exception_event("TimeoutError", told.says("exception_message", fault))
    message = told.says("status_message", f"TimeoutError: {fault}")
    return replace(tool, status="ERROR", message=message, events=(raised,))
