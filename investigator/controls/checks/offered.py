"""Which tools an agent was given, by what its own model calls record of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from investigator.controls.required_evidence import unseen
from investigator.ground.canonical_json import JsonValue
from investigator.readings.conversation import Action
from investigator.readings.reading import Readings
from investigator.signals.offered_tools import OfferedTool, read_definition
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import ToolDefinition, tool_definitions_of


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that was offered, where, and the schema of its arguments where that can be read."""

    name: str
    span: Span
    schema: Mapping[str, JsonValue] | None


class Offers:
    """The tools offered in each agent's loop of a trace, in the order of the requests."""

    def __init__(self, subject: Readings) -> None:
        self._view = subject.view
        self._by_scope: dict[str | None, list[Offer]] = {}
        self._read: dict[ToolDefinition, OfferedTool | None] = {}
        self.unreadable: list[Span] = []
        for span in subject.trace.spans:
            for definition in tool_definitions_of(span):
                self._add(span, definition)

    def _add(self, span: Span, definition: ToolDefinition) -> None:
        if definition not in self._read:
            self._read[definition] = read_definition(definition)
        tool = self._read[definition]
        if tool is None:
            self.unreadable.append(span)
            return
        cut = unseen(definition.json_schema) is not None
        offer = Offer(tool.name, span, None if cut else tool.schema)
        own = span.span_id if span.kind is SpanKind.AGENT else self._view.scope(span)
        self._by_scope.setdefault(own, []).append(offer)

    def of(self, action: Action) -> tuple[Offer, ...]:
        """The definitions that a call may be of, one for each schema.

        Those of the request that the call answers, else of the last one before it in its loop;
        without any there, those of the first after it, and then those that other agents had.
        """
        own = [
            offer
            for offer in self._by_scope.get(self.scope_of(action), ())
            if offer.name == action.tool
        ]
        place = self._view.position(action.span)
        before = [offer for offer in own if self._view.position(offer.span) <= place]
        nearest = before[-1:] or own[:1]
        found = (
            [one for one in own if one.span is nearest[0].span]
            if nearest
            else [
                offer
                for offers in self._by_scope.values()
                for offer in offers
                if offer.name == action.tool
            ]
        )
        distinct: list[Offer] = []
        for offer in found:
            if all(offer.schema != other.schema for other in distinct):
                distinct.append(offer)
        return tuple(distinct)

    def to(self, action: Action) -> Mapping[str, Offer]:
        """The tools that the agent of a call was given; empty where that is not recorded."""
        return self._named(self.scope_of(action))

    def _named(self, scope: str | None) -> dict[str, Offer]:
        """The tools of a loop by name, each by its first offer."""
        return {offer.name: offer for offer in reversed(self._by_scope.get(scope, ()))}

    @property
    def all(self) -> dict[str, Offer]:
        """Every tool that any agent was given."""
        return {name: one for scope in self._by_scope for name, one in self._named(scope).items()}

    def scope_of(self, action: Action) -> str | None:
        """The agent's loop that a call was made in."""
        return self._view.scope(action.span)


def calls_by_name(action: Action) -> bool:
    """Whether the name of the tool was recorded, and not taken from the name of a span."""
    return action.span.kind is not SpanKind.TOOL or action.tool != action.span.name
