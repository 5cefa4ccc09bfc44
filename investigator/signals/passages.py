"""Passages that were found can be bad all the same: out of date, or cut before they say anything.

Out of date is what says so itself: a date until which it holds, before the search; a status such
as superseded; a successor. Cut are passages that all stop in mid-sentence at one short length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import json_object
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import retrieval_evidence, span_evidence
from investigator.traces.model import RetrievalChunk, Span, SpanKind, parse_time
from investigator.traces.openinference import retrieval_chunks_of

SHORTEST = 160
"""Characters from which on a passage that is cut in mid-sentence can still say something."""

_HOLDS_UNTIL = re2.compile(
    r"(?i)^(?:valid|effective|good)_?(?:until|till|to|through)$|^expir(?:y|es|ed|ation)"
    r"(?:_?(?:on|at|date))?$|^(?:end|sunset)_?date$"
)
_STATUS = re2.compile(r"(?i)^(?:status|state|lifecycle)$")
_GONE = frozenset({"superseded", "deprecated", "archived", "obsolete", "outdated", "expired",
                   "retired", "withdrawn", "replaced"})  # fmt: skip
_SUCCESSOR = re2.compile(r"(?i)^(?:superseded|replaced|obsoleted)_?by$")
_ENDS = re2.compile(r"[.!?:;…)\]}\"'»”’|`>]\s*$")


def detect_bad_passages(readings: Readings) -> Iterator[Signal]:
    """Retrievers all of whose passages are out of date, or cut short.

    A later search of the same loop whose passages are not bad in the same way makes that good.
    """
    view = readings.view
    better: dict[tuple[str | None, Fault], str] = {}
    for span in reversed(view.trace.spans):
        chunks = retrieval_chunks_of(span) if span.kind is SpanKind.RETRIEVER else ()
        if not chunks:
            continue
        scope = view.scope(span)
        for fault, problem in _problems(span, chunks):
            if problem is None:
                better[scope, fault] = span.span_id
                continue
            yield build_signal(
                view,
                detector=fault.value,
                fault=fault,
                span=span,
                evidence=[
                    *(retrieval_evidence(span, c, view.quote.redactor) for c in chunks[:2]),
                    span_evidence(span),
                ],
                summary=problem,
                strength=0.6,
                recovered_by=better.get((scope, fault)),
            )


def _problems(span: Span, chunks: Sequence[RetrievalChunk]) -> Iterator[tuple[Fault, str | None]]:
    """What is wrong with the passages of a retriever in each of the two ways, None for nothing."""
    reasons = [_out_of_date(span, chunk) for chunk in chunks]
    stale = f"every passage of {span.name} is out of date ({reasons[0]})" if all(reasons) else None
    yield Fault.STALE_RETRIEVAL, stale
    length = _cut_at(chunks)
    cut = f"the passages of {span.name} are cut at {length} characters" if length else None
    yield Fault.CUT_RETRIEVAL, cut


def _out_of_date(span: Span, chunk: RetrievalChunk) -> str | None:
    """What of the passage's metadata says that it holds no more; None for nothing."""
    for key, value in (json_object(chunk.metadata) or {}).items():
        if not isinstance(value, str) or not value.strip():
            continue
        if _SUCCESSOR.search(key) or (_STATUS.search(key) and value.strip().lower() in _GONE):
            return f"{key} {value}"
        if _HOLDS_UNTIL.search(key) and _is_before(value, span.start_ns):
            return f"{key} {value}"
    return None


def _is_before(text: str, at_ns: int | None) -> bool:
    if at_ns is None:
        return False
    try:
        return parse_time(text.strip()) < at_ns
    except (ValueError, OverflowError):
        return False


def _cut_at(chunks: Sequence[RetrievalChunk]) -> int | None:
    """The one short length at which two passages and more stop in mid-sentence."""
    texts = [chunk.content for chunk in chunks if chunk.content]
    if len(texts) < 2 or len(texts) < len(chunks):
        return None
    (length, count), *_ = Counter(map(len, texts)).most_common(1)
    cut = [text for text in texts if len(text) == length and _ENDS.search(text) is None]
    whole = [text for text in texts if len(text) < length]
    enough = count >= 2 and len(cut) * 2 > len(texts) and len(cut) + len(whole) >= len(texts) - 1
    return length if enough and length <= SHORTEST else None


DETECTOR = Detector("bad_passages", detect_bad_passages)
