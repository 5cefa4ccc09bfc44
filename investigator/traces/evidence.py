"""Evidence is a reference that resolves to bytes: who cites it can be checked in code.

`ref` names a text of the trace; `excerpt_hash` is the sha256 of the UTF-8 of that whole text
as decoded, before redaction or shortening (for a span: its canonical JSON). So a reference
stays true whatever a planner was shown of the text, and a changed trace breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

from investigator.ground.canonical_json import canonical_json, sha256_text
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Message, RetrievalChunk, Span, ToolIO, Trace, iso_time
from investigator.traces.openinference import messages_of, retrieval_chunks_of, tool_io_of

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor


class EvidenceKind(StrEnum):
    """What sort of text a reference names."""

    SPAN = "SPAN"
    TOOL_IO = "TOOL_IO"
    RETRIEVAL_CHUNK = "RETRIEVAL_CHUNK"
    MESSAGE = "MESSAGE"
    CONFIG_DIFF = "CONFIG_DIFF"
    EVALUATION = "EVALUATION"


class EvidenceRef(BaseModel):
    """A checkable pointer into a trace.

    `ref` is `span:<span_id>`, `tool:<span_id>`, `message:<span_id>:<index>`,
    `retrieval:<span_id>:<position>:<document_id>`, `evaluation:<sha256>` or
    `configdiff:<sha256>`. `trace_id` and `span_id` are None for a config diff, `span_id` also for a
    verdict on a whole trace; `ts` (RFC 3339, UTC) is None where the format has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str | None
    span_id: str | None
    kind: EvidenceKind
    ref: str
    excerpt_hash: str
    ts: str | None


class Quoted(NamedTuple):
    """Words that were quoted: the reference whose text has them, or why none has."""

    ref: EvidenceRef | None
    problem: str | None = None


class Citation(NamedTuple):
    """A text of a span that can be cited; it is hashed when its reference is asked for.

    `content` is what has the text; None is the span as a whole.
    """

    span: Span
    kind: EvidenceKind
    ref: str
    content: Message | ToolIO | RetrievalChunk | None = None

    @property
    def text(self) -> str:
        """The whole decoded text."""
        return (
            canonical_json(self.span.to_json()) if self.content is None else self.content.full_text
        )

    @property
    def place(self) -> str:
        """What its reference resolves by, as `place_of` has it."""
        return _place(self.kind, self.ref, self.span.span_id)

    @property
    def evidence(self) -> EvidenceRef:
        """The reference to it."""
        return EvidenceRef(
            trace_id=self.span.trace_id,
            span_id=self.span.span_id,
            kind=self.kind,
            ref=self.ref,
            excerpt_hash=self.span.content_hash if self.content is None else sha256_text(self.text),
            ts=iso_time(self.span.start_ns),
        )


def citable_span(span: Span) -> Citation:
    """The span as a whole."""
    return Citation(span, EvidenceKind.SPAN, f"span:{span.span_id}")


def citable_tool(span: Span, io: ToolIO) -> Citation:
    """What a tool span was asked and what it answered."""
    return Citation(span, EvidenceKind.TOOL_IO, f"tool:{span.span_id}", io)


def citable_message(span: Span, index: int, message: Message) -> Citation:
    """One message of a span; `index` counts input messages first, then output, from 0."""
    return Citation(span, EvidenceKind.MESSAGE, f"message:{span.span_id}:{index}", message)


def citable_document(span: Span, chunk: RetrievalChunk, redactor: Redactor) -> Citation:
    """One retrieved document of a span; its id, which may be any text, without secrets."""
    return _named_document(span, chunk, redactor.redact(chunk.document_id or "").text)


def _named_document(span: Span, chunk: RetrievalChunk, name: str) -> Citation:
    ref = f"retrieval:{span.span_id}:{chunk.position}:{name}"
    return Citation(span, EvidenceKind.RETRIEVAL_CHUNK, ref, chunk)


def span_evidence(span: Span) -> EvidenceRef:
    """The reference to a span as a whole."""
    return citable_span(span).evidence


def tool_evidence(span: Span, io: ToolIO) -> EvidenceRef:
    """The reference to a tool's call and its answer."""
    return citable_tool(span, io).evidence


def message_evidence(span: Span, index: int, message: Message) -> EvidenceRef:
    """The reference to a message, by its index."""
    return citable_message(span, index, message).evidence


def retrieval_evidence(span: Span, chunk: RetrievalChunk, redactor: Redactor) -> EvidenceRef:
    """The reference to a document."""
    return citable_document(span, chunk, redactor).evidence


def evaluation_evidence(one: Evaluation) -> EvidenceRef:
    """A verdict that the data carries."""
    return EvidenceRef(
        trace_id=one.trace_id,
        span_id=one.span_id,
        kind=EvidenceKind.EVALUATION,
        ref=f"evaluation:{one.content_hash}",
        excerpt_hash=one.content_hash,
        ts=iso_time(one.ts_ns),
    )


def citations_of(span: Span) -> Iterator[Citation]:
    """Every text that can be cited of a span: itself, tool I/O, messages, documents.

    These are what others are compared with, and are never shown: documents have their ids.
    """
    yield citable_span(span)
    io = tool_io_of(span)
    if io is not None:
        yield citable_tool(span, io)
    for index, message in enumerate(messages_of(span)):
        yield citable_message(span, index, message)
    for chunk in retrieval_chunks_of(span):
        yield _named_document(span, chunk, chunk.document_id or "")


def evidence_of(span: Span) -> tuple[EvidenceRef, ...]:
    """The reference to each of `citations_of`."""
    return tuple(one.evidence for one in citations_of(span))


def place_of(ref: EvidenceRef) -> str:
    """What a reference resolves by: all of `ref`, but for the id of a document.

    An id may be any text, so patterns of a user's own redact it: span and position are enough.
    """
    return _place(ref.kind, ref.ref, ref.span_id)


def _place(kind: EvidenceKind, ref: str, span_id: str | None) -> str:
    if kind is not EvidenceKind.RETRIEVAL_CHUNK:
        return ref
    head = f"retrieval:{span_id}:"
    return head + ref.removeprefix(head).partition(":")[0]


def _same_name(ref: EvidenceRef, span: Span) -> bool:
    """Whether a document is named as it is, as far as the name is not redacted."""
    if ref.kind is not EvidenceKind.RETRIEVAL_CHUNK:
        return True
    place = place_of(ref)
    position = place.rpartition(":")[2]
    named = ref.ref.removeprefix(place).removeprefix(":")
    ids = [c.document_id or "" for c in retrieval_chunks_of(span) if str(c.position) == position]
    return any(_reads_as(named, document_id) for document_id in ids)


def _reads_as(shown: str, text: str) -> bool:
    """Whether `shown` can be the text with some of it redacted."""
    from investigator.ground.redaction import kept_between_markers

    first, *others = kept_between_markers(shown)
    if not others:
        return text == first
    if not text.startswith(first):
        return False
    at = len(first)
    for kept in others[:-1]:
        found = text.find(kept, at)
        if found < 0:
            return False
        at = found + len(kept)
    return text.endswith(others[-1]) and len(text) - len(others[-1]) >= at


class EvidenceIndex:
    """What can be cited in one trace; a span's references are made when first asked for."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._by_span: dict[str, dict[str, Citation]] = {}
        self._hashed: dict[tuple[str, str], EvidenceRef] = {}

    def problem(self, ref: EvidenceRef) -> str | None:
        """Why `ref` does not resolve in the trace; None when it does, hash and all."""
        if not self._trace.holds(ref.trace_id):
            return f"{ref.ref} names trace {ref.trace_id}, not {self._trace.trace_id}"
        if ref.kind is EvidenceKind.EVALUATION:
            return self._evaluation_problem(ref)
        span = self._trace.get(ref.span_id) if ref.span_id is not None else None
        if span is None:
            return f"{ref.ref} names span {ref.span_id}, which is not in the trace"
        if span.span_id not in self._by_span:
            self._by_span[span.span_id] = {one.place: one for one in citations_of(span)}
        citable = self._by_span[span.span_id].get(place_of(ref))
        if citable is None or not _same_name(ref, span):
            return f"{ref.ref} names nothing in span {span.span_id}"
        found = self._evidence_of(citable)
        same = found == ref.model_copy(update={"ref": found.ref})
        return None if same else f"{ref.ref} resolves to other content"

    def _evidence_of(self, one: Citation) -> EvidenceRef:
        key = (one.span.span_id, one.place)
        if key not in self._hashed:
            self._hashed[key] = one.evidence
        return self._hashed[key]

    def _evaluation_problem(self, ref: EvidenceRef) -> str | None:
        known = map(evaluation_evidence, self._trace.evaluations)
        found = next((one for one in known if one.ref == ref.ref), None)
        if found is None:
            return f"{ref.ref} names no evaluation of trace {self._trace.trace_id}"
        return None if found == ref else f"{ref.ref} resolves to other content"


def unresolved_reason(ref: EvidenceRef, trace: Trace) -> str | None:
    """Why one reference does not resolve; see `EvidenceIndex` for several."""
    return EvidenceIndex(trace).problem(ref)


def unique(refs: Iterable[EvidenceRef]) -> tuple[EvidenceRef, ...]:
    """The references in order, each once."""
    return tuple({ref.ref: ref for ref in refs}.values())
