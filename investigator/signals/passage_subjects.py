"""Passages that were found can be about something else: nothing of what was asked, or another's.

Nothing of it: no passage has the stem of one word of the question, in one language, and there is
enough of both to tell. Another's: each passage names a number of the kind that was asked for
(`INV-1042`), or whose it is, and none the one that was asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import json_object
from investigator.readings.faults import Fault
from investigator.readings.languages import hinted_languages
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.passage_words import telling_stems
from investigator.traces.evidence import retrieval_evidence, span_evidence
from investigator.traces.model import REDACTED, RetrievalChunk, Span, SpanKind
from investigator.traces.openinference import retrieval_chunks_of

_ASKED = 3
_SAID = 25
"""So many telling words of a question, and of the passages, are enough to see that none is shared:
two passages of that length share a word of four with nearly any question on their subject."""

_NUMBERED = re2.compile(r"\b([A-Za-z]{1,8})[-_#]?(\d{2,})\b")
_NAME = re2.compile(r"[^.!?\s][^.!?]*?\s([A-Z][\pL\d]{2,})\b")
_OWNER = re2.compile(
    r"(?i)^(?:customer|client|tenant|company|account|user|patient|vendor|supplier|employee"
    r"|organi[sz]ation|org|owner|brand|subject)(?:[_-]?(?:name|id))?$"
)
_WINDOW = 20_000


def detect_passages_of_others(readings: Readings) -> Iterator[Signal]:
    """Retrievers none of whose passages is about what was asked."""
    view = readings.view
    better: dict[str | None, str] = {}
    for span in reversed(view.trace.spans):
        if span.kind is not SpanKind.RETRIEVER or error_of(span) is not None:
            continue
        chunks = [chunk for chunk in retrieval_chunks_of(span) if chunk.content]
        query = _query(view, span)
        if not chunks or not query or any(REDACTED in (c.content or "") for c in chunks):
            continue
        told = _problem(query, chunks)
        if told is None:
            better[view.scope(span)] = span.span_id
            continue
        fault, summary = told
        yield build_signal(
            view,
            detector=fault.value,
            fault=fault,
            span=span,
            evidence=[
                *(retrieval_evidence(span, c, view.quote.redactor) for c in chunks[:2]),
                span_evidence(span),
            ],
            summary=f"{summary} ({span.name})",
            strength=0.6,
            recovered_by=better.get(view.scope(span)),
        )


def _query(view: TraceView, span: Span) -> str:
    """What was searched for: the retriever's input, the `query` of it where that is a record."""
    given = span.text("input.value") or ""
    record = json_object(given) if given.lstrip().startswith("{") else None
    if record is not None:
        named = (record.get(key) for key in ("query", "question", "input", "text", "q"))
        given = next((one for one in named if isinstance(one, str)), "")
    parent = view.trace.parent(span)
    return given or (parent.text("input.value") or "" if parent is not None else "")


def _problem(query: str, chunks: Sequence[RetrievalChunk]) -> tuple[Fault, str] | None:
    texts = [f"{chunk.content}\n{chunk.metadata or ''}"[:_WINDOW] for chunk in chunks]
    other = _of_another(query, chunks, texts)
    if other is not None:
        return Fault.WRONG_SUBJECT, other
    asked, said = telling_stems(query), telling_stems("\n".join(texts))
    if len(asked) < _ASKED or len(said) < _SAID or asked & said:
        return None
    if not hinted_languages(query) & hinted_languages("\n".join(c.content or "" for c in chunks)):
        return None
    return Fault.OFF_TOPIC_RETRIEVAL, "no passage has a word in common with what was asked"


def _of_another(query: str, chunks: Sequence[RetrievalChunk], texts: Sequence[str]) -> str | None:
    """Whose all passages are where that is not who was asked about; None where it may be."""
    asked = {(kind.lower(), number) for kind, number in _NUMBERED.findall(query)}
    for kind, number in sorted(asked):
        named = [{n for k, n in _NUMBERED.findall(text) if k.lower() == kind} for text in texts]
        if all(named) and not any(number in numbers for numbers in named):
            return f"every passage is about another {kind} than {number}"
    owners = [_owner(chunk) for chunk in chunks]
    if not all(owners) or any(owner and owner.lower() in query.lower() for owner in owners):
        return None
    names = _NAME.findall(f". {query}")
    missed = [name for name in names if not any(name.lower() in text.lower() for text in texts)]
    return f"every passage belongs to another than {missed[0]}" if missed else None


def _owner(chunk: RetrievalChunk) -> str | None:
    fields = json_object(chunk.metadata) or {}
    found = (value for key, value in fields.items() if _OWNER.search(key))
    return next((value for value in found if isinstance(value, str) and len(value) > 2), None)


DETECTOR = Detector("passages_of_others", detect_passages_of_others)
