"""Annotations at a Phoenix: written, read, taken back.

They are written synchronously: a Phoenix then refuses a span that it does not have, where it would
otherwise say yes and store nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from investigator.claims.annotations import Annotation, Target
from investigator.connectors.annotation_store import Stored, Written
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.errors import SourceUnavailable
from investigator.formats.kept_verdicts import phoenix_annotation
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span

BATCH = 50
"""How many annotations one request holds."""
PAGE = 1000
_NAMED = 200
"""How many ids one request names; more would make its address too long."""
SINCE = "Phoenix 14.0"
"""The first Phoenix whose annotations of spans and of traces can be asked for by identifier."""


class PhoenixAnnotations:
    """The annotations of one project, found by their identifier."""

    def __init__(self, connection: PhoenixConnection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connection.close()

    def replace(self, annotations: Sequence[Annotation], identifier: str) -> Written:
        """Write annotations until all are, or one request fails; what stands there goes."""
        wanted = {(a.target, a.target_id, a.name) for a in annotations}
        try:
            if any(stored.place not in wanted for stored in self.stored_of(identifier)):
                self.remove(identifier)
        except SourceUnavailable as error:
            return Written((), (), str(error))
        return _write(self._connection, annotations, identifier)

    def remove(self, identifier: str, noted: Sequence[str] = ()) -> None:
        """Delete all annotations of an identifier, which Phoenix can be asked for; maybe none."""
        _ = noted
        for target in ("span", "trace"):
            url = self._connection.project_url(f"{target}_annotations")
            params = {"identifier": identifier, "delete_all": True}
            self._connection.send("DELETE", url, params, since=SINCE)

    def stored_of(self, identifier: str, noted: Sequence[str] = ()) -> Iterator[Stored]:
        """The annotations of an identifier, which Phoenix can be asked for."""
        _ = noted
        named = {"identifier": [identifier]}
        return _stored(self._connection, named, named)

    def stored_at(self, annotations: Sequence[Stored]) -> Iterator[Stored]:
        """All annotations at the places where these are, whoever made them."""
        spans = sorted({a.target_id for a in annotations if a.target == "span"})
        traces = sorted({a.target_id for a in annotations if a.target == "trace"})
        for first in range(0, max(len(spans), len(traces)), BATCH):
            last = first + BATCH
            yield from _stored(
                self._connection, {"span_ids": spans[first:last]}, {"trace_ids": traces[first:last]}
            )


def annotations_on(
    connection: PhoenixConnection, spans: Sequence[Span], *, asked_traces: set[str] | None = None
) -> Iterator[Evaluation]:
    """The verdicts on spans and on their traces, of whoever made them but the Investigator.

    `asked_traces` are those whose annotations were read with earlier spans of theirs.
    """
    asked = set() if asked_traces is None else asked_traces
    trace_of = {span.span_id: span.trace_id for span in spans}
    traces = [trace_id for trace_id in dict.fromkeys(trace_of.values()) if trace_id not in asked]
    asked.update(traces)
    for target, ids in (("span", list(trace_of)), ("trace", traces)):
        url = connection.project_url(f"{target}_annotations")
        for first in range(0, len(ids), _NAMED):
            params = {f"{target}_ids": ids[first : first + _NAMED]}
            for item in connection.pages(url, params, page=PAGE, since=SINCE):
                on_span = str(item["span_id"]) if target == "span" else None
                trace_id = trace_of.get(on_span or "", str(item.get("trace_id")))
                found = phoenix_annotation(item, trace_id, on_span)
                if found is not None:
                    yield found


def _write(
    connection: PhoenixConnection, annotations: Sequence[Annotation], identifier: str
) -> Written:
    """Write annotations until all are, or one request fails."""
    client = connection.client
    posts: dict[Target, Callable[[list[Any]], Sequence[Any]]] = {
        "span": lambda data: client.spans.log_span_annotations(span_annotations=data, sync=True),
        "trace": lambda data: client.traces.log_trace_annotations(
            trace_annotations=data, sync=True
        ),
    }
    done: list[Annotation] = []
    ids: list[str] = []
    for target, post in posts.items():
        own = [annotation for annotation in annotations if annotation.target == target]
        for first in range(0, len(own), BATCH):
            batch = own[first : first + BATCH]
            data = [_data(annotation, identifier) for annotation in batch]
            try:
                stored = connection.attempted(partial(post, data), since=SINCE)
            except SourceUnavailable as error:
                return Written(tuple(done), tuple(ids), str(error))
            ids += [str(item["id"]) for item in stored]
            done += batch
    return Written(tuple(done), tuple(ids), None)


def _stored(
    connection: PhoenixConnection, spans: dict[str, list[str]], traces: dict[str, list[str]]
) -> Iterator[Stored]:
    asked: tuple[tuple[Target, dict[str, list[str]]], ...] = (("span", spans), ("trace", traces))
    for target, params in asked:
        if not any(params.values()):
            continue
        url = connection.project_url(f"{target}_annotations")
        for item in connection.pages(url, dict(params), page=PAGE, since=SINCE):
            yield _read(target, item)


def _read(target: Target, item: dict[str, Any]) -> Stored:
    result = item.get("result") or {}
    return Stored(
        id=str(item["id"]),
        target=target,
        target_id=str(item[f"{target}_id"]),
        name=str(item["name"]),
        annotator_kind=str(item["annotator_kind"]),
        label=result.get("label"),
        score=result.get("score"),
        explanation=result.get("explanation"),
        identifier=str(item.get("identifier") or ""),
    )


def _data(annotation: Annotation, identifier: str) -> dict[str, Any]:
    return {
        f"{annotation.target}_id": annotation.target_id,
        "name": annotation.name,
        "annotator_kind": annotation.annotator_kind,
        "result": {
            "label": annotation.label,
            "score": annotation.score,
            "explanation": annotation.explanation,
        },
        "metadata": {"run_id": identifier},
        "identifier": identifier,
    }
