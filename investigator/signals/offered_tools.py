"""Calls are checked against the tools that the model was offered in the same request.

A name that was not offered is an unknown tool; arguments that are not JSON, lack a required
property or hold one that the schema does not know are bad arguments. Where a request records no
tools, nothing is known and nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from investigator.canonical import JsonValue, json_object
from investigator.inspection.evidence import span_evidence
from investigator.signals.building import build_signal
from investigator.signals.model import Fault, Signal
from investigator.signals.recovery import ReusedValues
from investigator.signals.view import TraceView
from investigator.traces.model import REDACTED, Span, ToolCall
from investigator.traces.openinference import ToolDefinition, tool_definitions_of


class OfferedTool(NamedTuple):
    """What is known of a tool's parameters; `properties` is None where they are not closed."""

    properties: frozenset[str] | None
    required: tuple[str, ...]
    schemas: Mapping[str, JsonValue] = MappingProxyType({})
    """The schema of each property that has one."""


class _Problem(NamedTuple):
    call: ToolCall
    fault: Fault
    reason: str


def detect_bad_calls(view: TraceView) -> Iterator[Signal]:
    """Calls of model spans to tools not offered, or with arguments that cannot be right."""
    successes = _Successes(view)
    reused = ReusedValues(view)
    for span in view.model_calls:
        for problem in _problems(view, span):
            yield build_signal(
                view,
                detector=problem.fault.value,
                fault=problem.fault,
                span=span,
                evidence=[view.spoken_evidence(span), span_evidence(span)],
                summary=f"the model called {problem.call.name} {problem.reason}",
                strength=0.8,
                recovered_by=successes.after(span, problem.call.name)
                or reused.after(span, problem.call.arguments),
            )


def _problems(view: TraceView, span: Span) -> Iterator[_Problem]:
    calls = [call for message in view.outputs(span) for call in message.tool_calls]
    offered = offered_tools(span) if calls else {}
    for call in calls:
        if offered and call.name and call.name not in offered:
            reason = f"which is none of the {len(offered)} tools offered"
            yield _Problem(call, Fault.UNKNOWN_TOOL, reason)
            continue
        problem = argument_problem(call.arguments, offered.get(call.name))
        if problem is not None:
            yield _Problem(call, Fault.BAD_ARGUMENTS, f"with {problem}")


class _Successes:
    """When each tool last worked in each loop; a bad call before that was made good."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._last = {
            (view.scope(attempt.span), attempt.tool): attempt.span
            for attempt in view.attempts
            if attempt.failure is None
        }

    def after(self, span: Span, tool: str) -> str | None:
        """The last success of the tool in the loop of `span`, if it came after `span`."""
        last = self._last.get((self._view.scope(span), tool))
        later = last is not None and self._view.position(last) > self._view.position(span)
        return last.span_id if last is not None and later else None


def offered_tools(span: Span) -> dict[str, OfferedTool]:
    """The tools of a request by name; empty unless every one of them could be read."""
    offered: dict[str, OfferedTool] = {}
    for definition in tool_definitions_of(span):
        read = _read_definition(definition)
        if read is None:
            return {}
        offered[read[0]] = read[1]
    return offered


def _read_definition(definition: ToolDefinition) -> tuple[str, OfferedTool] | None:
    value = json_object(definition.json_schema)
    if value is None:
        return None
    inner = value.get("function")
    function = inner if isinstance(inner, dict) else value
    name = function.get("name") or definition.name
    if not isinstance(name, str):
        return None
    schema = next(
        (
            found
            for key in ("parameters", "input_schema", "inputSchema")
            if isinstance(found := function.get(key), dict)
        ),
        None,
    )
    return name, _read_schema(schema or {})


def _read_schema(schema: Mapping[str, JsonValue]) -> OfferedTool:
    properties, required = schema.get("properties"), schema.get("required")
    open_ended = schema.get("additionalProperties") not in (None, False)
    known = isinstance(properties, dict) and not open_ended
    return OfferedTool(
        properties=frozenset(properties) if known and isinstance(properties, dict) else None,
        required=tuple(str(name) for name in required) if isinstance(required, list) else (),
        schemas=properties if isinstance(properties, dict) else {},
    )


def argument_problem(arguments: str, tool: OfferedTool | None) -> str | None:
    """What is wrong with the text of a call's arguments; None where nothing is known to be."""
    text = arguments.strip()
    if not text or REDACTED in text:
        return None
    try:
        value: JsonValue = json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        return "arguments that are not JSON"
    if not isinstance(value, dict):
        return "arguments that are not a JSON object"
    if tool is None:
        return None
    missing = [name for name in tool.required if name not in value]
    if missing:
        return f"no {', '.join(missing)}"
    extra = sorted(set(value) - tool.properties) if tool.properties is not None else []
    return f"unknown argument {', '.join(repr(name) for name in extra)}" if extra else None
