"""When a control applies: a small closed language over what a trace holds.

A predicate answers yes, no, or that it cannot be known, each with its reason in words. It cannot
be known where nothing was found and content is hidden or not recorded; the control then applies,
and the evidence that it requires will be missing. So "not applicable" is always something that
was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue, canonical_json, read_json
from investigator.ground.patterns import Pattern
from investigator.readings.conversation import UNTRUSTED, Source
from investigator.readings.delegation import delegated_agents
from investigator.readings.reading import Readings
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import messages_of

_REASON = 300


class Applies(NamedTuple):
    """Whether a control applies, and why."""

    yes: bool
    reason: str


class PredicateResult(NamedTuple):
    """What a predicate says of a trace; `holds` is None where it cannot be known."""

    holds: bool | None
    reason: str


def applies(predicate: Predicate, subject: Readings) -> Applies:
    """Whether the trace meets the predicate; what cannot be known counts as met."""
    answer = predicate.ask(subject)
    reason = subject.quote.line(answer.reason, _REASON)
    return Applies(answer.holds is not False, reason)


def _is_re2(pattern: str) -> str:
    try:
        Pattern(pattern)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return pattern


def occurs(pattern: str, text: str) -> bool:
    """Whether some of the text matches."""
    return any(Pattern(pattern).hits(text))


Regexp = Annotated[str, Field(min_length=1), AfterValidator(_is_re2)]
"""A regular expression that is matched in linear time."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Always(_Part):
    """Every trace."""

    always: Literal[True]

    def ask(self, _subject: Readings) -> PredicateResult:
        """Yes."""
        return PredicateResult(True, "it applies to every trace")


class HasSpan(_Part):
    """A span of one of these kinds."""

    span_kind: tuple[SpanKind, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """Kinds are not hidden by redaction, but a source may name none at all."""
        spans = subject.trace.spans
        count = sum(span.kind in self.span_kind for span in spans)
        words = _counted(count, "/".join(self.span_kind) + " span", subject)
        if count == 0 and all(span.kind is SpanKind.UNKNOWN for span in spans):
            return PredicateResult(None, f"{words}, and no kind of span is recorded")
        return PredicateResult(count > 0, words)


class HasToolCalls(_Part):
    """A tool was called, or a model asked for one."""

    tool_calls: Literal[True]

    def ask(self, subject: Readings) -> PredicateResult:
        """Calls are counted once, however often they are written down."""
        return _seen(len(subject.conversation.actions), "tool call", subject)


class HasTool(_Part):
    """A tool whose name matches was called."""

    tool_name: Regexp

    def ask(self, subject: Readings) -> PredicateResult:
        """Names of tools stand in calls and in TOOL spans."""
        count = sum(occurs(self.tool_name, action.tool) for action in subject.conversation.actions)
        return _seen(count, f"call of a tool like '{self.tool_name}'", subject)


class HasMessage(_Part):
    """Words of the system, the user, the assistant, a tool or a retrieved document."""

    message_role: tuple[Source, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """Each message counts once, where it first appears."""
        count = len(subject.conversation.said_by(*self.message_role))
        roles = "/".join(role.lower() for role in self.message_role)
        return _seen(count, f"{roles} message", subject)


class HasRetrieval(_Part):
    """Documents were looked for."""

    retrieval: Literal[True]

    def ask(self, subject: Readings) -> PredicateResult:
        """A RETRIEVER or RERANKER span, or documents on another one."""
        kinds = (SpanKind.RETRIEVER, SpanKind.RERANKER)
        found = {s.span_id for s in subject.trace.spans if s.kind in kinds}
        found |= {u.span.span_id for u in subject.conversation.said_by(Source.RETRIEVAL)}
        return _seen(len(found), "retrieval", subject)


class HasDelegation(_Part):
    """An agent called another agent."""

    delegation: Literal[True]

    def ask(self, subject: Readings) -> PredicateResult:
        """An AGENT span below another one; kinds are not hidden by redaction."""
        count = len(delegated_agents(subject.trace))
        words = _counted(count, "delegated agent", subject)
        return PredicateResult(None if not subject.trace.spans else count > 0, words)


class AttributeTest(_Part):
    """A span attribute by its dotted key: that it is there, is a value, or matches."""

    key: str = Field(min_length=1)
    equals: str | int | float | bool | None = None
    matches: Regexp | None = None

    @property
    def any_value(self) -> bool:
        """Whether it is enough that the attribute is there."""
        return self.equals is None and self.matches is None


class HasAttribute(_Part):
    """A span with such an attribute."""

    attribute: AttributeTest

    def ask(self, subject: Readings) -> PredicateResult:
        """A redacted value may be any value."""
        test = self.attribute
        values = [s.attributes[test.key] for s in subject.trace.spans if test.key in s.attributes]
        known = [value for value in values if test.any_value or not _is_redacted(value)]
        count = sum(_fits(test, value) for value in known)
        words = _counted(count, f"span whose {test.key} is as asked", subject)
        hidden = not subject.trace.spans or len(known) < len(values)
        return PredicateResult(None if hidden and count == 0 else count > 0, words)


class IsApp(_Part):
    """The trace declares one of these kinds of application."""

    app_type: tuple[str, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """Declared as an attribute, in `metadata`, or as a tag."""
        return _declared(("app_type", "app.type"), self.app_type, subject)


class HasDomain(_Part):
    """The trace declares that it deals with one of these domains of data."""

    data_domains: tuple[str, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """Declared as an attribute, in `metadata`, or as a tag."""
        keys = ("data_domains", "data_domain", "data.domains", "data.domain")
        return _declared(keys, self.data_domains, subject)


class AllOf(_Part):
    """Every one of these."""

    all_of: tuple[Predicate, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """One no is a no; without one, what cannot be known decides."""
        answers = [one.ask(subject) for one in self.all_of]
        for holds in (False, None):
            reasons = [answer.reason for answer in answers if answer.holds is holds]
            if reasons:
                return PredicateResult(holds, "; ".join(reasons))
        return PredicateResult(True, "; ".join(answer.reason for answer in answers))


class AnyOf(_Part):
    """At least one of these."""

    any_of: tuple[Predicate, ...] = Field(min_length=1)

    def ask(self, subject: Readings) -> PredicateResult:
        """One yes is a yes; without one, what cannot be known decides."""
        answers = [one.ask(subject) for one in self.any_of]
        for holds in (True, None):
            reasons = [answer.reason for answer in answers if answer.holds is holds]
            if reasons:
                return PredicateResult(holds, "; ".join(reasons))
        return PredicateResult(False, "; ".join(answer.reason for answer in answers))


class Not(_Part):
    """The opposite; what cannot be known stays so."""

    negated: Predicate = Field(alias="not")

    def ask(self, subject: Readings) -> PredicateResult:
        """Yes for no, and no for yes."""
        holds, reason = self.negated.ask(subject)
        return PredicateResult(None if holds is None else not holds, reason)


_BY_KEY: dict[str, type[BaseModel]] = {
    "always": Always,
    "span_kind": HasSpan,
    "tool_calls": HasToolCalls,
    "tool_name": HasTool,
    "message_role": HasMessage,
    "retrieval": HasRetrieval,
    "delegation": HasDelegation,
    "attribute": HasAttribute,
    "app_type": IsApp,
    "data_domains": HasDomain,
    "all_of": AllOf,
    "any_of": AnyOf,
    "not": Not,
}


def _key_of(value: object) -> str | None:
    """The one key that a predicate is written with."""
    if isinstance(value, dict):
        key = next(iter(value), None)
        return key if len(value) == 1 and isinstance(key, str) and key in _BY_KEY else None
    return next((key for key, model in _BY_KEY.items() if type(value) is model), None)


Predicate = Annotated[
    Annotated[Always, Tag("always")]
    | Annotated[HasSpan, Tag("span_kind")]
    | Annotated[HasToolCalls, Tag("tool_calls")]
    | Annotated[HasTool, Tag("tool_name")]
    | Annotated[HasMessage, Tag("message_role")]
    | Annotated[HasRetrieval, Tag("retrieval")]
    | Annotated[HasDelegation, Tag("delegation")]
    | Annotated[HasAttribute, Tag("attribute")]
    | Annotated[IsApp, Tag("app_type")]
    | Annotated[HasDomain, Tag("data_domains")]
    | Annotated[AllOf, Tag("all_of")]
    | Annotated[AnyOf, Tag("any_of")]
    | Annotated[Not, Tag("not")],
    Discriminator(
        _key_of,
        custom_error_type="predicate",
        custom_error_message=f"write a mapping with exactly one of: {', '.join(_BY_KEY)}",
    ),
]
"""Exactly one key says what is asked; the combinations hold predicates of their own."""

for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()


def _fits(test: AttributeTest, value: JsonValue) -> bool:
    if test.equals is not None:
        alike = isinstance(value, bool) is isinstance(test.equals, bool)
        if not alike or value != test.equals:
            return False
    if test.matches is not None:
        text = value if isinstance(value, str) else canonical_json(value)
        return occurs(test.matches, text)
    return True


def _declared(keys: tuple[str, ...], wanted: tuple[str, ...], subject: Readings) -> PredicateResult:
    """Whether the trace calls itself one of `wanted`; a trace that says nothing may be any."""
    said = {word for span in subject.trace.spans for word in _declarations(span, keys)}
    known = sorted(word for word in said if REDACTED not in word)
    common = sorted({word.casefold() for word in known} & {word.casefold() for word in wanted})
    if common:
        return PredicateResult(True, f"{keys[0]} is {', '.join(common)}")
    if len(known) < len(said) or not known:
        return PredicateResult(None, f"the trace does not say its {keys[0]}")
    return PredicateResult(False, f"{keys[0]} is {', '.join(known)}, not {' or '.join(wanted)}")


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


def _seen(count: int, what: str, subject: Readings) -> PredicateResult:
    """Something of the content was seen; where content is hidden, nothing seen proves nothing."""
    words = _counted(count, what, subject)
    if count == 0 and _hides(subject):
        return PredicateResult(None, f"{words} is visible, but content is hidden or not recorded")
    return PredicateResult(count > 0, words)


def _counted(count: int, what: str, subject: Readings) -> str:
    number, spans = f"{count:,}" if count else "no", len(subject.trace.spans)
    plural = "s" if count > 1 else ""
    return f"{number} {what}{plural} in {spans:,} span{'s' * (spans != 1)}"


def _hides(subject: Readings) -> bool:
    """Whether the trace may hold more than can be seen.

    What a tool answered, and did not record, was a call all the same; a span of no kind between
    spans of known kinds is a wrapper.
    """
    said, spans = subject.conversation, subject.trace.spans
    if not said.items or any(gap.source not in UNTRUSTED for gap in said.gaps):
        return True
    kindless = all(span.kind is SpanKind.UNKNOWN for span in spans)
    return any(_is_hidden(span, kindless=kindless) for span in spans)


def _is_hidden(span: Span, *, kindless: bool) -> bool:
    if any(_is_redacted(value) for value in span.attributes.values()):
        return True
    told = messages_of(span) or span.text("input.value") or span.text("output.value")
    return not told and (span.kind is SpanKind.LLM or kindless)


def _is_redacted(value: JsonValue) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and REDACTED in one for one in values)
