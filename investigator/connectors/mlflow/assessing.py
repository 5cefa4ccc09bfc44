"""Annotations at an MLflow are assessments: feedback on a trace or on one of its spans.

MLflow takes any number of one name, so those of a run are told by their metadata, and deleted
before they are written again. A feedback has one value, which is the label; a score stands in its
metadata. The id that is noted of one names its trace too: MLflow cannot be asked without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from investigator.claims.annotations import Annotation
from investigator.connectors.annotation_store import Stored, Written
from investigator.connectors.mlflow.mlflow_connection import (
    MLflowConnection,
    NotThere,
    objects,
    trace_url,
)
from investigator.connectors.mlflow.mlflow_source import mlflow_ids
from investigator.connectors.server_connection import path_segment
from investigator.errors import SourceUnavailable
from investigator.formats.mlflow import mlflow_trace_id

_RUN, _SCORE = "investigator.run_id", "investigator.score"
_SOURCE = "phoenix-rlm-investigator"
_JUDGE = "LLM_JUDGE"
_KINDS = {"LLM": _JUDGE, "CODE": "CODE"}


class MLflowAssessments:
    """The assessments of one experiment's traces."""

    def __init__(self, connection: MLflowConnection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connection.close()

    def replace(self, annotations: Sequence[Annotation], identifier: str) -> Written:
        """Delete what stands there of the run, then write until all is, or one request fails."""
        done: list[Annotation] = []
        ids: list[str] = []
        try:
            held = {a.trace_id: self._held(a.trace_id) for a in annotations}
            self._delete(one for info in held.values() for one in _own(info, identifier))
            for annotation in annotations:
                mlflow_id = str(held[annotation.trace_id]["trace_id"])
                ids.append(self._create(mlflow_id, annotation, identifier))
                done.append(annotation)
            self._delete_doubles(held, set(ids), identifier)
        except SourceUnavailable as error:
            return Written(tuple(done), tuple(ids), str(error))
        return Written(tuple(done), tuple(ids), None)

    def remove(self, identifier: str, noted: Sequence[str]) -> None:
        """Delete all assessments of a run; there may be none."""
        for info in self._noted(noted):
            self._delete(_own(info, identifier))

    def stored_of(self, identifier: str, noted: Sequence[str]) -> Iterator[Stored]:
        """The assessments of a run."""
        for info in self._noted(noted):
            yield from map(_read, _own(info, identifier))

    def stored_at(self, annotations: Sequence[Stored]) -> Iterator[Stored]:
        """All assessments at the places where these are, whoever made them."""
        places = {(a.target, a.target_id) for a in annotations}
        for info in self._noted([a.id for a in annotations]):
            for item in objects(info.get("assessments")):
                stored = _read(item)
                if (stored.target, stored.target_id) in places and item.get("valid") is not False:
                    yield stored

    def _noted(self, noted: Sequence[str]) -> Iterator[dict[str, Any]]:
        """What MLflow says of the traces that noted ids are on; one that is gone is left out."""
        for mlflow_id in dict.fromkeys(one.rpartition("/")[0] for one in noted):
            info = self._connection.info(mlflow_id)
            if info is not None:
                yield info

    def _held(self, trace_id: str) -> dict[str, Any]:
        """What MLflow says of a trace that is to be written to; it has to be of the experiment."""
        for mlflow_id in mlflow_ids(trace_id):
            info = self._connection.info(mlflow_id)
            if info is not None:
                return info
        raise SourceUnavailable(
            f"{self._connection.here} does not have what was named: it holds no trace '{trace_id}'"
        )

    def _create(self, mlflow_id: str, annotation: Annotation, identifier: str) -> str:
        answer = self._connection.send(
            "POST",
            trace_url(mlflow_id, "/assessments"),
            body={"assessment": _assessment(mlflow_id, annotation, identifier)},
        )
        held = answer.get("assessment")
        if not isinstance(held, dict) or not held.get("assessment_id"):
            raise SourceUnavailable(f"{self._connection.here} answered without an assessment")
        return f"{mlflow_id}/{held['assessment_id']}"

    def _delete_doubles(
        self, held: Mapping[str, dict[str, Any]], ids: set[str], identifier: str
    ) -> None:
        """Delete what a request wrote whose answer was lost, and that was repeated."""
        for mlflow_id in {str(info["trace_id"]) for info in held.values()}:
            own = _own(self._connection.info(mlflow_id) or {}, identifier)
            self._delete(one for one in own if f"{mlflow_id}/{one.get('assessment_id')}" not in ids)

    def _delete(self, items: Iterable[dict[str, Any]]) -> None:
        for item in items:
            named = path_segment(str(item.get("assessment_id")))
            try:
                self._connection.send(
                    "DELETE", trace_url(str(item.get("trace_id")), f"/assessments/{named}")
                )
            except NotThere:
                continue


def _own(info: dict[str, Any], identifier: str) -> list[dict[str, Any]]:
    """The assessments of a trace that a run made."""
    return [
        one for one in objects(info.get("assessments")) if _metadata(one).get(_RUN) == identifier
    ]


def _metadata(item: dict[str, Any]) -> dict[str, Any]:
    held = item.get("metadata")
    return held if isinstance(held, dict) else {}


def _read(item: dict[str, Any]) -> Stored:
    feedback, source = item.get("feedback"), item.get("source")
    value = feedback.get("value") if isinstance(feedback, dict) else None
    kind = str(source.get("source_type")) if isinstance(source, dict) else ""
    score = _metadata(item).get(_SCORE)
    mlflow_id, span_id = str(item.get("trace_id")), item.get("span_id")
    return Stored(
        id=f"{mlflow_id}/{item.get('assessment_id')}",
        target="span" if span_id else "trace",
        target_id=str(span_id) if span_id else mlflow_trace_id(mlflow_id) or mlflow_id,
        name=str(item.get("assessment_name")),
        annotator_kind="LLM" if kind == _JUDGE else kind,
        label=None if value is None else str(value),
        score=float(score) if isinstance(score, str) else None,
        explanation=item.get("rationale"),
        identifier=str(_metadata(item).get(_RUN) or ""),
    )


def _assessment(mlflow_id: str, annotation: Annotation, identifier: str) -> dict[str, Any]:
    score = {} if annotation.score is None else {_SCORE: repr(annotation.score)}
    on_span = {"span_id": annotation.target_id} if annotation.target == "span" else {}
    return {
        "assessment_name": annotation.name,
        "trace_id": mlflow_id,
        **on_span,
        "source": {"source_type": _KINDS[annotation.annotator_kind], "source_id": _SOURCE},
        "feedback": {"value": annotation.label},
        "rationale": annotation.explanation,
        "metadata": {_RUN: identifier, **score},
    }
