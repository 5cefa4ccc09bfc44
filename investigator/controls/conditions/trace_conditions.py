"""Conditions on a trace as a whole: what it holds and what it declares, wherever that stands.

Whether one holds cannot be told where nothing was found and content is hidden or not recorded. So
"no" is always something that was looked at.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from investigator.controls.checking import Params
from investigator.controls.checks.words import Regex, found_in
from investigator.controls.conditions.answers import Condition, ConditionResult
from investigator.controls.conditions.call_facts import CallFacts
from investigator.controls.conditions.history_conditions import Speaker
from investigator.controls.conditions.value_conditions import Plain
from investigator.ground.canonical_json import JsonValue, canonical_json, read_json
from investigator.ground.wording import counted
from investigator.readings.conversation import UNTRUSTED, Source
from investigator.readings.delegation import delegated_agents
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.traces.model import REDACTED, Span, SpanKind


class TraceCondition(Condition):
    """A condition on the whole trace, whichever call it is asked for."""

    @abstractmethod
    def look(self, subject: Readings) -> ConditionResult:
        """Whether it holds of the trace."""

    def ask(self, facts: CallFacts) -> ConditionResult:
        return self.look(facts.read)


class Always(TraceCondition):
    """Every trace."""

    always: Literal[True]

    def look(self, _subject: Readings) -> ConditionResult:
        """Yes."""
        return _told(True, "it applies to every trace")


class HasSpan(TraceCondition):
    """A span of one of these kinds."""

    span_kind: tuple[SpanKind, ...] = Field(min_length=1)

    def look(self, subject: Readings) -> ConditionResult:
        """Kinds are not hidden by redaction, but a source may name none at all."""
        spans = subject.trace.spans
        count = sum(span.kind in self.span_kind for span in spans)
        words = _counted(count, "/".join(self.span_kind) + " span", subject)
        if count == 0 and all(span.kind is SpanKind.UNKNOWN for span in spans):
            return _told(None, f"{words}, and no kind of span is recorded")
        return _told(count > 0, words)


class HasToolCalls(TraceCondition):
    """A tool was called, or a model asked for one."""

    tool_calls: Literal[True]

    def look(self, subject: Readings) -> ConditionResult:
        """Calls are counted once, however often they are written down."""
        return _seen(len(subject.conversation.actions), "tool call", subject)


class HasTool(TraceCondition):
    """A tool whose name matches was called."""

    tool_name: Regex

    def look(self, subject: Readings) -> ConditionResult:
        """Names of tools stand in calls and in TOOL spans."""
        count = sum(
            found_in(self.tool_name, action.tool) is not None
            for action in subject.conversation.actions
        )
        return _seen(count, f"call of a tool like '{self.tool_name}'", subject)


class HasMessage(TraceCondition):
    """Words of the system, the user, the assistant, a tool or a retrieved document."""

    message_role: tuple[Speaker, ...] = Field(min_length=1)

    def look(self, subject: Readings) -> ConditionResult:
        """Each message counts once, where it first appears."""
        count = len(subject.conversation.said_by(*self.message_role))
        roles = "/".join(role.lower() for role in self.message_role)
        return _seen(count, f"{roles} message", subject)


class HasRetrieval(TraceCondition):
    """Documents were looked for."""

    retrieval: Literal[True]

    def look(self, subject: Readings) -> ConditionResult:
        """A RETRIEVER or RERANKER span, or documents on another one."""
        kinds = (SpanKind.RETRIEVER, SpanKind.RERANKER)
        found = {s.span_id for s in subject.trace.spans if s.kind in kinds}
        found |= {u.span.span_id for u in subject.conversation.said_by(Source.RETRIEVAL)}
        return _seen(len(found), "retrieval", subject)


class HasDelegation(TraceCondition):
    """An agent called another agent."""

    delegation: Literal[True]

    def look(self, subject: Readings) -> ConditionResult:
        """An AGENT span below another one; kinds are not hidden by redaction."""
        count = len(delegated_agents(subject.trace))
        words = _counted(count, "delegated agent", subject)
        return _told(None if not subject.trace.spans else count > 0, words)


class AttributeTest(Params):
    """A span attribute by its dotted key: that it is there, is a value, or matches."""

    key: str = Field(min_length=1)
    equals: Plain | None = None
    matches: Regex | None = None

    @property
    def any_value(self) -> bool:
        """Whether it is enough that the attribute is there."""
        return self.equals is None and self.matches is None


class HasAttribute(TraceCondition):
    """A span with such an attribute."""

    attribute: AttributeTest

    def look(self, subject: Readings) -> ConditionResult:
        """A redacted value may be any value."""
        test = self.attribute
        values = [s.attributes[test.key] for s in subject.trace.spans if test.key in s.attributes]
        known = [value for value in values if test.any_value or not _is_redacted(value)]
        count = sum(_fits(test, value) for value in known)
        words = _counted(count, f"span whose {test.key} is as asked", subject)
        hidden = not subject.trace.spans or len(known) < len(values)
        return _told(None if hidden and count == 0 else count > 0, words)


class IsApp(TraceCondition):
    """The trace declares one of these kinds of application."""

    app_type: tuple[str, ...] = Field(min_length=1)

    def look(self, subject: Readings) -> ConditionResult:
        """Declared as an attribute, in `metadata`, or as a tag."""
        return _declared(("app_type", "app.type"), self.app_type, subject)


class HasDomain(TraceCondition):
    """The trace declares that it deals with one of these domains of data."""

    data_domains: tuple[str, ...] = Field(min_length=1)

    def look(self, subject: Readings) -> ConditionResult:
        """Declared as an attribute, in `metadata`, or as a tag."""
        keys = ("data_domains", "data_domain", "data.domains", "data.domain")
        return _declared(keys, self.data_domains, subject)


def _told(holds: bool | None, words: str) -> ConditionResult:
    """An answer in words; what cannot be told is what is missing."""
    return ConditionResult(holds, words, missing=(words,) if holds is None else ())


def _fits(test: AttributeTest, value: JsonValue) -> bool:
    if test.equals is not None:
        alike = isinstance(value, bool) is isinstance(test.equals, bool)
        if not alike or value != test.equals:
            return False
    if test.matches is not None:
        text = value if isinstance(value, str) else canonical_json(value)
        return found_in(test.matches, text) is not None
    return True


def _declared(keys: tuple[str, ...], wanted: tuple[str, ...], subject: Readings) -> ConditionResult:
    """Whether the trace calls itself one of `wanted`; a trace that says nothing may be any."""
    said = {word for span in subject.trace.spans for word in _declarations(span, keys)}
    known = sorted(word for word in said if REDACTED not in word)
    common = sorted({word.casefold() for word in known} & {word.casefold() for word in wanted})
    if common:
        return _told(True, f"{keys[0]} is {', '.join(common)}")
    if len(known) < len(said) or not known:
        return _told(None, f"the trace does not say its {keys[0]}")
    return _told(False, f"{keys[0]} is {', '.join(known)}, not {' or '.join(wanted)}")


def _declarations(span: Span, keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        yield from _words(span.attributes.get(key))
        yield from _words(span.attributes.get(f"metadata.{key}"))
    try:
        metadata: JsonValue = read_json(span.text("metadata") or "null")
    except (ValueError, RecursionError):
        metadata = span.text("metadata")
    if isinstance(metadata, dict):
        for key in keys:
            yield from _words(metadata.get(key))
    elif _is_redacted(metadata):
        yield REDACTED
    for tag in _words(span.attributes.get("tag.tags")):
        key, _, value = tag.partition(":")
        if REDACTED in tag:
            yield REDACTED
        elif key.strip() in keys and value.strip():
            yield value.strip()


def _words(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield from (part.strip() for part in value.split(",") if part.strip())
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _seen(count: int, what: str, subject: Readings) -> ConditionResult:
    """Something of the content was seen; where content is hidden, nothing seen proves nothing."""
    words = _counted(count, what, subject)
    if count == 0 and subject.kept(_hides):
        return _told(None, f"{words} is visible, but content is hidden or not recorded")
    return _told(count > 0, words)


def _counted(count: int, what: str, subject: Readings) -> str:
    found = counted(count, what) if count else f"no {what}"
    return f"{found} in {counted(len(subject.trace.spans), 'span')}"


def _hides(subject: Readings) -> bool:
    """Whether the trace may hold more than can be seen.

    What a tool answered, and did not record, was a call all the same; a span of no kind between
    spans of known kinds is a wrapper.
    """
    said, spans = subject.conversation, subject.trace.spans
    if not said.items or any(gap.source not in UNTRUSTED for gap in said.gaps):
        return True
    kindless = all(span.kind is SpanKind.UNKNOWN for span in spans)
    return any(_is_hidden(subject.view, span, kindless=kindless) for span in spans)


def _is_hidden(view: TraceView, span: Span, *, kindless: bool) -> bool:
    if any(map(_is_redacted, span.attributes.values())):
        return True
    if span.kind is not SpanKind.LLM and not kindless:
        return False
    shown = span.text("input.value") or span.text("output.value")
    return not shown and not view.inputs(span) and not view.outputs(span)


def _is_redacted(value: JsonValue) -> bool:
    if isinstance(value, list):
        return any(isinstance(one, str) and REDACTED in one for one in value)
    return isinstance(value, str) and REDACTED in value
