"""When a control applies: a small closed language over what a trace holds.

A predicate is evaluated and gives its reason in words. Where what it rests on is hidden, or not
recorded at all, the answer is that the control applies: required evidence will then be missing,
which is honest, where "not applicable" would not be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import re2
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from investigator.canonical import JsonValue, canonical_json
from investigator.controls.checking import Subject
from investigator.controls.conversation import Source
from investigator.traces.model import REDACTED, SpanKind
from investigator.traces.openinference import messages_of


class Applies(NamedTuple):
    """Whether a control applies, and why."""

    yes: bool
    reason: str


class AttributeTest(BaseModel):
    """A span attribute by its dotted key: that it is there, is a value, or matches RE2."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(min_length=1)
    equals: str | int | float | bool | None = None
    matches: str | None = None

    @field_validator("matches")
    @classmethod
    def _is_re2(cls, pattern: str | None) -> str | None:
        return None if pattern is None else _pattern(pattern)


class Predicate(BaseModel):
    """Exactly one of these; the combinations hold predicates of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    always: bool | None = Field(default=None, description="true: every trace")
    span_kind: tuple[SpanKind, ...] | None = Field(default=None, description="a span of a kind")
    tool_calls: bool | None = Field(default=None, description="true: a tool was asked for")
    tool_name: str | None = Field(default=None, description="RE2: a tool of such a name")
    message_role: tuple[Source, ...] | None = Field(default=None, description="someone spoke")
    retrieval: bool | None = Field(default=None, description="true: something was retrieved")
    attribute: AttributeTest | None = None
    all_of: tuple[Predicate, ...] | None = Field(default=None, min_length=1)
    any_of: tuple[Predicate, ...] | None = Field(default=None, min_length=1)
    not_: Predicate | None = Field(default=None, alias="not")

    @field_validator("tool_name")
    @classmethod
    def _is_re2(cls, pattern: str | None) -> str | None:
        return None if pattern is None else _pattern(pattern)

    @field_validator("always", "tool_calls", "retrieval")
    @classmethod
    def _is_true(cls, value: bool | None) -> bool | None:
        if value is False:
            raise ValueError("write `true` here, or use `not`")
        return value

    @model_validator(mode="after")
    def _one(self) -> Predicate:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            known = ", ".join(f.alias or n for n, f in type(self).model_fields.items())
            raise ValueError(f"give exactly one of: {known}")
        return self

    def holds(self, subject: Subject) -> Applies:
        """Whether the trace meets the predicate, as far as it can be seen."""
        if self.all_of is not None:
            return _all(one.holds(subject) for one in self.all_of)
        if self.any_of is not None:
            return _any(one.holds(subject) for one in self.any_of)
        if self.not_ is not None:
            inner = self.not_.holds(subject)
            return Applies(not inner.yes or _hides(subject), inner.reason)
        return self._simple(subject)

    def _simple(self, subject: Subject) -> Applies:
        spans, said = subject.trace.spans, subject.conversation
        if self.always is not None:
            return Applies(True, "it applies to every trace")
        if self.span_kind is not None:
            count = sum(span.kind in self.span_kind for span in spans)
            return Applies(count > 0, _counted(count, "/".join(self.span_kind) + " span", subject))
        if self.tool_calls is not None:
            count = len(said.actions)
            return _seen(count, "tool call", subject)
        if self.tool_name is not None:
            pattern = re2.compile(self.tool_name)
            count = sum(pattern.search(action.tool) is not None for action in said.actions)
            return _seen(count, f"call of a tool like '{self.tool_name}'", subject)
        if self.message_role is not None:
            count = sum(one.source in self.message_role for one in said.utterances)
            return _seen(count, f"{'/'.join(self.message_role)} message", subject)
        if self.retrieval is not None:
            return self._retrieved(subject)
        return self._attribute(subject)

    def _retrieved(self, subject: Subject) -> Applies:
        count = sum(span.kind is SpanKind.RETRIEVER for span in subject.trace.spans)
        count += sum(u.source is Source.RETRIEVAL for u in subject.conversation.utterances)
        return _seen(count, "retrieval", subject)

    def _attribute(self, subject: Subject) -> Applies:
        test = self.attribute
        assert test is not None
        values = [
            span.attributes[test.key] for span in subject.trace.spans if test.key in span.attributes
        ]
        fitting = sum(_fits(test, value) for value in values)
        hidden = any(isinstance(value, str) and REDACTED in value for value in values)
        words = _counted(fitting, f"span whose {test.key} is as asked", subject)
        return Applies(fitting > 0 or hidden, words)


def _pattern(pattern: str) -> str:
    try:
        re2.compile(pattern)
    except re2.error as error:
        raise ValueError(f"not an RE2 pattern: {error}") from error
    return pattern


def _fits(test: AttributeTest, value: JsonValue) -> bool:
    if test.equals is not None:
        return value == test.equals
    if test.matches is not None:
        text = value if isinstance(value, str) else canonical_json(value)
        return re2.compile(test.matches).search(text) is not None
    return True


def _all(parts: Iterable[Applies]) -> Applies:
    reasons = []
    for part in parts:
        if not part.yes:
            return part
        reasons.append(part.reason)
    return Applies(True, "; ".join(reasons))


def _any(parts: Iterable[Applies]) -> Applies:
    reasons = []
    for part in parts:
        if part.yes:
            return part
        reasons.append(part.reason)
    return Applies(False, "; ".join(reasons))


def _seen(count: int, what: str, subject: Subject) -> Applies:
    """Something of the content was seen; where content is hidden, nothing seen proves nothing."""
    if count == 0 and _hides(subject):
        return Applies(True, f"no {what} is visible, but content is hidden or not recorded")
    return Applies(count > 0, _counted(count, what, subject))


def _counted(count: int, what: str, subject: Subject) -> str:
    number = f"{count:,}" if count else "no"
    return f"{number} {what}{'s' * (count > 1)} in {len(subject.trace.spans):,} spans"


def _hides(subject: Subject) -> bool:
    """Whether the trace may hold more than can be seen."""
    spans = subject.trace.spans
    if not spans or subject.conversation.gaps:
        return True
    hidden = any(isinstance(v, str) and REDACTED in v for s in spans for v in s.attributes.values())
    silent = any(
        span.kind in (SpanKind.LLM, SpanKind.UNKNOWN)
        and not messages_of(span)
        and not span.text("input.value")
        and not span.text("output.value")
        for span in spans
    )
    return hidden or silent
