"""Which tools an agent was given, by what its own model calls record of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from investigator.canonical import JsonValue
from investigator.controls.checking import Subject
from investigator.controls.conversation import Action
from investigator.controls.required_evidence import unseen
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import ToolDefinition, tool_definitions_of

_SCHEMAS = ("parameters", "input_schema", "inputSchema", "args_schema")


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that was offered, where, and the schema of its arguments where that can be read."""

    name: str
    span: Span
    schema: Mapping[str, JsonValue] | None


class Offers:
    """The tools offered in each agent's loop of a trace, each by its first offer."""

    def __init__(self, subject: Subject) -> None:
        self._view = subject.view
        self._trace = subject.trace
        self._by_scope: dict[str | None, dict[str, Offer]] = {}
        self._read: dict[str, tuple[str, Mapping[str, JsonValue] | None] | None] = {}
        self.unreadable: list[Span] = []
        for span in subject.trace.spans:
            for definition in tool_definitions_of(span):
                self._add(span, definition)

    def _add(self, span: Span, definition: ToolDefinition) -> None:
        text = definition.json_schema
        if text not in self._read:
            self._read[text] = _read(definition)
        read = self._read[text]
        if read is None:
            self.unreadable.append(span)
            return
        name, schema = read
        offers = self._by_scope.setdefault(self._view.scope(span), {})
        offers.setdefault(name, Offer(name, span, schema))

    def to(self, action: Action) -> Mapping[str, Offer]:
        """The tools that the agent of a call was given; empty where that is not recorded."""
        return self._by_scope.get(self.scope_of(action), {})

    def above(self, action: Action) -> dict[str, Offer]:
        """The tools that the agents above the agent of a call were given."""
        found: dict[str, Offer] = {}
        scope = self.scope_of(action)
        while scope is not None:
            holder = self._trace.get(scope)
            scope = None if holder is None else self._view.scope(holder)
            found |= self._by_scope.get(scope, {})
        return found

    @property
    def all(self) -> dict[str, Offer]:
        """Every tool that any agent was given."""
        return {name: one for offers in self._by_scope.values() for name, one in offers.items()}

    def scope_of(self, action: Action) -> str | None:
        """The agent's loop that a call was made in."""
        return self._view.scope(action.span)


def calls_by_name(action: Action) -> bool:
    """Whether the name of the tool was recorded, and not taken from the name of a span."""
    return action.span.kind is not SpanKind.TOOL or action.tool != action.span.name


def _read(definition: ToolDefinition) -> tuple[str, Mapping[str, JsonValue] | None] | None:
    """Name and schema of a definition; None where not even its name can be read."""
    cut = unseen(definition.json_schema) is not None
    try:
        value: JsonValue = {} if cut else json.loads(definition.json_schema)
    except (ValueError, RecursionError):
        value = {}
    inner = value.get("function") if isinstance(value, dict) else None
    function = inner if isinstance(inner, dict) else value if isinstance(value, dict) else {}
    named = function.get("name")
    name = named if isinstance(named, str) else definition.name
    if not name or REDACTED in name:
        return None
    found = (function.get(key) for key in _SCHEMAS)
    return name, next((one for one in found if isinstance(one, dict)), None)
