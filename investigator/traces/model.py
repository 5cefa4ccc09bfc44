"""What a trace is, whatever format it came in: immutable values, nothing guessed.

A `Span`'s attributes are flat and dotted, in OpenInference terms (`llm.input_messages.0.
message.content`); what the source said in other terms (`gen_ai.*`, …) is kept beside it.
Times are integer nanoseconds since the Unix epoch, UTC; `None` where the source has none.
Lists of spans are ordered by `span_order`: start time (missing last), then span id, shorter
ids first, so that `step-2` comes before `step-10` and equal-length ids sort as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TypeAlias

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_text
from investigator.traces.ancestry import Nearest
from investigator.traces.evaluations import Evaluation
from investigator.traces.span_evaluations import evaluations_in

Attributes: TypeAlias = Mapping[str, JsonValue]
"""What a span says of itself, by dotted key."""

REDACTED = "__REDACTED__"
"""What OpenInference writes in place of hidden content."""


TURN_NUMBER = "source.turn"
"""The number of a turn in a transcript that has times or subagents."""


class SpanKind(StrEnum):
    """OpenInference span kinds; `UNKNOWN` where the source names none."""

    LLM = "LLM"
    TOOL = "TOOL"
    RETRIEVER = "RETRIEVER"
    CHAIN = "CHAIN"
    AGENT = "AGENT"
    RERANKER = "RERANKER"
    EMBEDDING = "EMBEDDING"
    EVALUATOR = "EVALUATOR"
    GUARDRAIL = "GUARDRAIL"
    PROMPT = "PROMPT"
    DECISION = "DECISION"
    UNKNOWN = "UNKNOWN"


class StatusCode(StrEnum):
    """OTel span status; a span that ended well is often `UNSET`."""

    OK = "OK"
    ERROR = "ERROR"
    UNSET = "UNSET"


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A point event on a span; exceptions are events named `exception`."""

    name: str
    time_ns: int | None
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of an agent."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    start_ns: int | None
    end_ns: int | None
    status: StatusCode
    status_message: str
    attributes: Attributes = field(default_factory=lambda: MappingProxyType({}))
    events: tuple[SpanEvent, ...] = ()
    _hash: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def content_hash(self) -> str:
        """sha256 of its canonical JSON; many signals cite one span, and it is hashed once."""
        known = self._hash
        if known is None:
            known = sha256_text(canonical_json(self.to_json()))
            object.__setattr__(self, "_hash", known)
        return known

    @property
    def latency_ms(self) -> float | None:
        """Duration in milliseconds; `None` unless both times are known."""
        if self.start_ns is None or self.end_ns is None:
            return None
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def is_turn(self) -> bool:
        """Whether it is a turn of a transcript, which says one thing: by its mark, or timeless."""
        return TURN_NUMBER in self.attributes or (self.parent_id is None and self.start_ns is None)

    def text(self, key: str) -> str | None:
        """The attribute as text: strings as they are, other values as JSON, absent as None."""
        value = self.attributes.get(key)
        if value is None or isinstance(value, str):
            return value
        return canonical_json(value)

    def to_json(self) -> dict[str, JsonValue]:
        """The span as a JSON object: what `span:<span_id>` refers to."""
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "parent_id": self.parent_id,
            "name": self.name,
            "kind": self.kind.value,
            "start_time": iso_time(self.start_ns),
            "end_time": iso_time(self.end_ns),
            "status_code": self.status.value,
            "status_message": self.status_message,
            "attributes": dict(self.attributes),
            "events": [
                {
                    "name": event.name,
                    "time": iso_time(event.time_ns),
                    "attributes": dict(event.attributes),
                }
                for event in self.events
            ],
        }


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asked for; `arguments` is the text as the model wrote it."""

    call_id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message. `content` is None where the message has none (a bare tool call).

    `is_error` is the source's own mark on a tool's answer, whatever its text says.
    """

    role: str
    content: str | None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False

    @property
    def full_text(self) -> str:
        """The whole decoded text that `message:<span_id>:<index>` refers to."""
        calls = [f"{call.name}({call.arguments})" for call in self.tool_calls]
        return "\n".join([self.content or "", *calls]) if calls else self.content or ""


@dataclass(frozen=True, slots=True)
class ToolIO:
    """What a tool was asked and what it answered; texts as the source has them."""

    name: str | None
    arguments: str | None
    result: str | None
    call_id: str | None = None
    description: str | None = None
    parameters: str | None = None

    @property
    def full_text(self) -> str:
        """The whole decoded text that `tool:<span_id>` refers to."""
        return canonical_json(
            {"name": self.name, "arguments": self.arguments, "result": self.result}
        )


@dataclass(frozen=True, slots=True)
class RetrievalChunk:
    """One retrieved document, by its 0-based position in the result."""

    position: int
    document_id: str | None
    content: str | None
    score: float | None
    metadata: str | None = None

    @property
    def full_text(self) -> str:
        """The whole decoded text that `retrieval:<span_id>:<position>:<id>` refers to."""
        return self.content or ""


def _sound_text(text: str) -> str:
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_sound(value: JsonValue) -> bool:
    """Whether UTF-8 has a form for all that a value holds."""
    if isinstance(value, str):
        if value.isascii():
            return True
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True
    if isinstance(value, dict):
        return all(map(_is_sound, value)) and all(map(_is_sound, value.values()))
    return all(map(_is_sound, value)) if isinstance(value, list) else True


def _mended(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _sound_text(value)
    if isinstance(value, dict):
        return {_sound_text(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list) else value


def _sound(span: Span) -> Span:
    """The span itself, or one without lone surrogates, which values in memory may have."""
    names = (span.trace_id, span.span_id, span.parent_id or "", span.name, span.status_message)
    values = [span.attributes, *(event.attributes for event in span.events)]
    told = [event.name for event in span.events]
    if all(map(_is_sound, (*names, *told))) and all(_is_sound(dict(one)) for one in values):
        return span
    return replace(
        span,
        trace_id=_sound_text(span.trace_id),
        span_id=_sound_text(span.span_id),
        parent_id=None if span.parent_id is None else _sound_text(span.parent_id),
        name=_sound_text(span.name),
        status_message=_sound_text(span.status_message),
        attributes={_sound_text(k): _mended(v) for k, v in span.attributes.items()},
        events=tuple(
            replace(
                event,
                name=_sound_text(event.name),
                attributes={_sound_text(k): _mended(v) for k, v in event.attributes.items()},
            )
            for event in span.events
        ),
    )


class Trace:
    """The spans of one trace, in order, with its tree.

    A span is a root when it has no parent, when its parent is not in the trace, or when it is the
    first (in order) of a cycle of parents; so every span is reached from exactly one root and
    walks end. Of spans that share an id the first is kept, and the id is listed in
    `duplicate_ids`. Lone surrogates, which no text can hold, become `?`. `evaluations` are the
    verdicts that the data carries of it; they are no part of its content hash. Where it is a
    session, `trace_ids` are the traces that its spans are of, which stay as they are given.
    """

    def __init__(
        self,
        trace_id: str,
        spans: Iterable[Span],
        evaluations: Iterable[Evaluation] = (),
        *,
        trace_ids: Iterable[str] = (),
    ) -> None:
        self.trace_id = _sound_text(trace_id)
        self.trace_ids = tuple(map(_sound_text, trace_ids))
        self._given_evaluations = tuple(evaluations)
        by_id: dict[str, Span] = {}
        duplicates = [
            span.span_id
            for span in self._in_order(map(_sound, spans))
            if by_id.setdefault(span.span_id, span) is not span
        ]
        self.spans: tuple[Span, ...] = tuple(by_id.values())
        self.duplicate_ids: tuple[str, ...] = tuple(duplicates)
        self._by_id = by_id

    def _in_order(self, spans: Iterable[Span]) -> Iterable[Span]:
        return spans if self.trace_ids else sorted(spans, key=span_order)

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The verdicts given beside the spans and those that spans carry, each once, in order."""
        found = (*self._given_evaluations, *evaluations_in(self.spans))
        return tuple(sorted({one.content_hash: one for one in found}.values(), key=_verdict_order))

    @cached_property
    def evaluations_hash(self) -> str | None:
        """sha256 over the canonical JSON of the evaluations, one a line; None without any."""
        lines = [canonical_json(one.to_json()) for one in self.evaluations]
        return sha256_text("\n".join(lines)) if lines else None

    def holds(self, trace_id: str | None) -> bool:
        """Whether its spans may be of that trace."""
        return trace_id in (self.trace_ids or (self.trace_id,))

    def get(self, span_id: str) -> Span | None:
        """The span of that id, or None."""
        return self._by_id.get(span_id)

    @cached_property
    def _children(self) -> dict[str | None, tuple[Span, ...]]:
        children: dict[str | None, list[Span]] = {}
        for span in self.spans:
            known = span.parent_id if span.parent_id in self._by_id else None
            children.setdefault(known, []).append(span)
        self._open_cycles(children)
        return {parent_id: tuple(below) for parent_id, below in children.items()}

    def _open_cycles(self, children: dict[str | None, list[Span]]) -> None:
        reached: set[str] = set()

        def reach(start: Span) -> None:
            stack = [start]
            while stack:
                span = stack.pop()
                if span.span_id not in reached:
                    reached.add(span.span_id)
                    stack.extend(children.get(span.span_id, ()))

        for root in children.get(None, ()):
            reach(root)
        for span in self.spans:
            if span.span_id not in reached:
                children[span.parent_id].remove(span)
                children.setdefault(None, []).append(span)
                self._cycle_ids.append(span.span_id)
                reach(span)

    @cached_property
    def _cycle_ids(self) -> list[str]:
        return []

    @property
    def cycle_ids(self) -> tuple[str, ...]:
        """Spans whose parent chain came back to themselves; taken as roots."""
        _ = self._children
        return tuple(self._cycle_ids)

    @property
    def roots(self) -> tuple[Span, ...]:
        """Spans without a (known) parent, in order."""
        return self._children.get(None, ())

    def children(self, span_id: str) -> tuple[Span, ...]:
        """Direct children of a span, in order."""
        return self._children.get(span_id, ())

    def parent(self, span: Span) -> Span | None:
        """The parent span where the trace holds it."""
        return self._by_id.get(span.parent_id) if span.parent_id is not None else None

    def lineage(self, span: Span | None) -> Iterator[Span]:
        """The span and those above it, each once: parents may lead in a circle."""
        told: set[str] = set()
        while span is not None and span.span_id not in told:
            told.add(span.span_id)
            yield span
            span = self.parent(span)

    def encloses(self, outer: Span, inner: Span) -> bool:
        """Whether `outer` is an ancestor of `inner` in the tree, at no cost of depth."""
        first, last = self._extents[outer.span_id]
        return first < self._extents[inner.span_id][0] <= last

    @cached_property
    def _extents(self) -> dict[str, tuple[int, int]]:
        """For each span its own number in a walk of the tree, and the last one below it."""
        extents: dict[str, tuple[int, int]] = {}
        stack: list[tuple[Span, int | None]] = [(root, None) for root in self.roots]
        count = 0
        while stack:
            span, number = stack.pop()
            if number is not None:
                extents[span.span_id] = (number, count)
                continue
            count += 1
            stack.append((span, count))
            stack.extend((child, None) for child in self.children(span.span_id))
        return extents

    def agent_of(self, span: Span) -> str | None:
        """The name of the agent that did the span: its own, or the nearest ancestor's."""
        return self._agent_names.of(span)

    @cached_property
    def _agent_names(self) -> Nearest[Span, str]:
        return Nearest(self.parent, _own_agent)

    def agents_above(self, span: Span) -> Iterator[Span]:
        """The AGENT spans above a span, the nearest first, each once."""
        passed: set[str] = set()
        agent = self._agent_spans.of(self.parent(span))
        while agent is not None and agent.span_id not in passed:
            yield agent
            passed.add(agent.span_id)
            agent = self._agent_spans.of(self.parent(agent))

    @cached_property
    def _agent_spans(self) -> Nearest[Span, Span]:
        return Nearest(self.parent, lambda span: span if span.kind is SpanKind.AGENT else None)

    @cached_property
    def content_hash(self) -> str:
        """sha256 over the canonical JSON of the spans, one a line, in order."""
        return sha256_text("\n".join(canonical_json(span.to_json()) for span in self.spans))


def _own_agent(span: Span) -> str | None:
    named = span.text("agent.name") or span.text("graph.node.id")
    return named or (span.name if span.kind is SpanKind.AGENT else None)


def span_order(span: Span) -> tuple[bool, int, int, str]:
    """Sort key of every list of spans: start time, missing last, then span id."""
    return (span.start_ns is None, span.start_ns or 0, len(span.span_id), span.span_id)


def _verdict_order(one: Evaluation) -> tuple[bool, int, str, str, str]:
    return (one.ts_ns is None, one.ts_ns or 0, one.span_id or "", one.name, one.content_hash)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(time_ns: int | None) -> str | None:
    """RFC 3339 text in UTC with as many digits as the value needs (up to nanoseconds)."""
    if time_ns is None:
        return None
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    return f"{_second(seconds)}.{nanos:09d}".rstrip("0").rstrip(".") + "Z"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """Spans that follow one another share their seconds."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[: len("0000-00-00T00:00:00")]


def parse_time(text: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 time; a time without a zone is UTC.

    Raises:
        ValueError: the text is not an ISO 8601 time.
    """
    head, dot, tail = text.strip().partition(".")
    digits = tail[: next((i for i, c in enumerate(tail) if not c.isdigit()), len(tail))]
    zone = tail[len(digits) :] if dot else ""
    moment = datetime.fromisoformat(head + zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    return whole + int(digits[:9].ljust(9, "0") or "0")
