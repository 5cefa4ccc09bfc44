"""An index and a query that different models embedded cannot be compared.

The model of a query is that of the EMBEDDING span before its search. That of an index stands in the
retriever's attributes or in the metadata of its passages under a name for it, or is that of a span
of the trace that embedded many texts. Vectors of different lengths say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import retrieval_chunks_of

_MODELS = (
    "embedding.model_name",
    "gen_ai.request.model",
    "llm.model_name",
    "gen_ai.response.model",
)
_OF_INDEX = re2.compile(
    r"(?i)(?:^|[._])(?:(?:index|collection|store|corpus|document|vector_?store)\w*[._])?"
    r"embed(?:ding|der)?s?[._]?model(?:[._]?name)?$"
)
_OF_QUERY = re2.compile(r"(?i)query")
_LENGTH = re2.compile(
    r"(?i)(?:^|[._])(?:index|collection|store|corpus|vector_?store)\w*[._](?:vector_?)?"
    r"(?:dim(?:ension)?s?|vector_?(?:size|length))$"
)
_VERSION = re2.compile(r"[-_:@]?(?:v?\d{4}-?\d{2}-?\d{2}|latest)$")
_MANY = 5


def detect_mismatched_embeddings(readings: Readings) -> Iterator[Signal]:
    """Searches whose query was embedded by another model than the index was."""
    view = readings.view
    embedded: dict[str, Span] = {}
    indexed: Span | None = None
    last: Span | None = None
    for span in view.trace.spans:
        if span.kind is SpanKind.EMBEDDING:
            indexed = span if _texts(span) >= _MANY else indexed
            last = last if indexed is span else span
        elif span.kind is SpanKind.RETRIEVER:
            query = next((s for s in _inside(view, span)), last)
            found = None if query is None else _mismatch(query, span, indexed)
            if found is not None and query is not None and query.span_id not in embedded:
                embedded[query.span_id] = span
                yield _signal(view, query, span, found)


def _inside(view: TraceView, span: Span) -> Iterator[Span]:
    below = view.trace.children(span.span_id)
    return (child for child in below if child.kind is SpanKind.EMBEDDING)


def _mismatch(query: Span, retriever: Span, indexed: Span | None) -> str | None:
    """What the two were embedded by, where that differs; None where it does not or is not told."""
    own = _model(query)
    of_index = _index_model(retriever) or (_model(indexed) if indexed is not None else None)
    if own is not None and of_index is not None and _plain(own) != _plain(of_index):
        return f"the query was embedded by {own}, the index by {of_index}"
    length, wanted = _vector_length(query), _index_length(retriever)
    if length is not None and wanted is not None and length != wanted:
        return f"the query's vector has {length} numbers, those of the index {wanted}"
    return None


def _model(span: Span) -> str | None:
    return next((name for key in _MODELS if (name := span.text(key))), None)


def _index_model(retriever: Span) -> str | None:
    held: list[Mapping[str, JsonValue]] = [retriever.attributes]
    metadata = json_object(retriever.text("metadata"))
    held += [metadata] if metadata is not None else []
    chunks = retrieval_chunks_of(retriever)[:1]
    held += [found for c in chunks if (found := json_object(c.metadata)) is not None]
    named = (
        value
        for fields in held
        for key, value in fields.items()
        if _OF_INDEX.search(key) is not None and _OF_QUERY.search(key) is None
    )
    return next((value for value in named if isinstance(value, str) and value), None)


def _index_length(retriever: Span) -> int | None:
    found = (v for key, v in retriever.attributes.items() if _LENGTH.search(key) is not None)
    return next((value for value in found if type(value) is int), None)


def _vector_length(span: Span) -> int | None:
    vector = span.attributes.get("embedding.embeddings.0.embedding.vector")
    return len(vector) if isinstance(vector, list) else None


def _texts(span: Span) -> int:
    """How many texts a span embedded."""
    return len(
        {key.split(".")[2] for key in span.attributes if key.startswith("embedding.embeddings.")}
    )


def _plain(model: str) -> str:
    """A model's name without its provider and date."""
    return str(_VERSION.sub("", model.rpartition("/")[2].lower()))


def _signal(view: TraceView, query: Span, retriever: Span, found: str) -> Signal:
    return build_signal(
        view,
        detector="mismatched_embedding",
        fault=Fault.MISMATCHED_EMBEDDING,
        span=retriever,
        origin=query,
        evidence=[span_evidence(query), span_evidence(retriever)],
        summary=found,
        strength=0.8,
    )


DETECTOR = Detector("mismatched_embeddings", detect_mismatched_embeddings)
