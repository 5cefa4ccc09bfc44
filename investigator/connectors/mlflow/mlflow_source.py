"""An experiment of a live MLflow behind the inspection API.

MLflow keeps spans in its database, from where whole traces are asked for in batches, or, of older
clients, as an artifact of the trace. Its assessments
come with its traces. Spans of the experiment `Default` name no project, since what names no
experiment lands there; those of others know it as their project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from investigator.connectors.mlflow.mlflow_connection import (
    TRACES,
    MLflowConnection,
    NotThere,
    objects,
)
from investigator.connectors.server_connection import TooLargeAnswer
from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.formats.fields import time_ns
from investigator.formats.mlflow import decode_mlflow, mlflow_trace_id
from investigator.store.live import LiveInspectionAPI, OnCount
from investigator.store.reads import first_ids
from investigator.traces.model import Span, Trace
from investigator.traces.parquet import TraceRow, project_of, trace_of

_ID_PREFIX = "tr-"
"""What MLflow puts before the id that OpenTelemetry gave a trace."""
_OTEL_ID = re.compile("[0-9a-f]{32}")
_BATCH = 20
"""How many traces one request asks for whole; memory holds one batch at a time."""

_ARTIFACT = "ajax-api/2.0/mlflow/get-trace-artifact"
_PROJECT_KEY = "resource.openinference.project.name"
_PROJECT_TAG = "openinference.project.name"
_SPANS_TAG, _DATABASE = "mlflow.trace.spansLocation", "TRACKING_STORE"
"""How MLflow says that the spans of a trace are in its database; asked for others, it fails."""
_DEFAULT_ID = "0"
_MS = 10**6


class MLflowInspectionAPI(LiveInspectionAPI):
    """The inspection API over one experiment of a live MLflow.

    Every read may raise `SourceUnavailable`, which says what MLflow said and what to do.
    """

    def __init__(self, connection: MLflowConnection, *, on_span_count: OnCount | None = None):
        super().__init__(str(connection.address), on_span_count=on_span_count)
        self._connection = connection

    def close(self) -> None:
        """Close the connection; the API answers no more."""
        self._connection.close()

    def count_traces(self) -> int:
        """How many traces the experiment holds now."""
        return sum(1 for _ in self._connection.infos())

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text, also where it begins as MLflow writes them."""
        ids = [_trace_id(info) for info in self._connection.infos()]
        found = first_ids(ids, prefix, limit=limit)
        if found or not prefix.startswith(_ID_PREFIX):
            return found
        return first_ids(ids, prefix.removeprefix(_ID_PREFIX), limit=limit)

    def trace_ids_in(self, start_ns: int | None, end_ns: int | None) -> Sequence[str]:
        """The traces that last into the window; MLflow keeps milliseconds, rounded down."""
        before = None if end_ns is None else f"timestamp_ms <= {end_ns // _MS}"
        return [
            _trace_id(info)
            for info in self._connection.infos(before)
            if start_ns is None or (ended := _ended(info)) is None or ended + _MS > start_ns
        ]

    def read_trace(self, trace_id: str) -> Trace | None:
        """All spans of a trace, with its assessments."""
        info = self._info(trace_id)
        if info is None:
            return None
        rows = [row for document in self._documents([info]) for row in self._rows(document)]
        of_it = any(isinstance(row, Span) and row.trace_id == trace_id for row in rows)
        return trace_of(trace_id, rows) if of_it else None

    def read_rows(self, trace_ids: Sequence[str] | None) -> Iterator[TraceRow]:
        """The spans of whole traces, those of each trace followed by its assessments."""
        found = (
            self._connection.infos()
            if trace_ids is None
            else (info for one in trace_ids if (info := self._info(one)) is not None)
        )
        while batch := list(islice(found, _BATCH)):
            for document in self._documents(batch):
                yield from self._rows(document)

    def _info(self, trace_id: str) -> dict[str, Any] | None:
        """What MLflow says of a trace of this experiment; ids are asked for in all of them."""
        found = (self._connection.info(mlflow_id) for mlflow_id in mlflow_ids(trace_id))
        return next((one for one in found if one is not None and self._is_here(one)), None)

    def _documents(self, infos: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Whole traces, in order; one that is gone, or has no spans yet, is left out."""
        ids = [str(info.get("trace_id")) for info in infos if _is_in_database(info)]
        held = {str(_info_of(one).get("trace_id")): one for one in self._batch(ids)}
        for info in infos:
            document = held.get(str(info.get("trace_id")))
            if document is None and not _is_in_database(info):
                document = self._from_artifact(info)
            if document is not None:
                yield document

    def _batch(self, mlflow_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Traces whose spans the database has; fewer at once where they are long."""
        if not mlflow_ids:
            return []
        try:
            answer = self._connection.send(
                "GET", f"{TRACES}/batchGet", params={"trace_ids": list(mlflow_ids)}
            )
        except TooLargeAnswer:
            if len(mlflow_ids) == 1:
                raise
            half = len(mlflow_ids) // 2
            return self._batch(mlflow_ids[:half]) + self._batch(mlflow_ids[half:])
        return objects(answer.get("traces"))

    def _from_artifact(self, info: dict[str, Any]) -> dict[str, Any] | None:
        """A trace whose spans are an artifact; None where there is none."""
        try:
            data = self._connection.send(
                "GET", _ARTIFACT, params={"request_id": str(info.get("trace_id"))}
            )
        except NotThere:
            return None
        return {"info": info, "data": data}

    def _is_here(self, info: dict[str, Any]) -> bool:
        """Whether a trace is of the experiment."""
        location = info.get("trace_location")
        held = location.get("mlflow_experiment") if isinstance(location, dict) else None
        return not isinstance(held, dict) or (
            str(held.get("experiment_id")) == self._connection.experiment.id
        )

    def _rows(self, document: dict[str, Any]) -> Iterator[TraceRow]:
        try:
            rows = [row for row in decode_mlflow(document) if row is not None]
        except UnreadableInput as error:
            raise SourceUnavailable(f"{self.place} gave a trace that is none: {error}") from error
        project = self._project(_info_of(document))
        for row in rows:
            if project is None or not isinstance(row, Span) or project_of(row) is not None:
                yield row
            else:
                yield replace(row, attributes={**row.attributes, _PROJECT_KEY: project})

    def _project(self, info: dict[str, Any]) -> str | None:
        tags = info.get("tags")
        tagged = tags.get(_PROJECT_TAG) if isinstance(tags, dict) else None
        if isinstance(tagged, str) and tagged:
            return tagged
        experiment = self._connection.experiment
        return None if experiment.id == _DEFAULT_ID else experiment.name


def _info_of(document: dict[str, Any]) -> dict[str, Any]:
    info = document.get("trace_info") or document.get("info")
    return info if isinstance(info, dict) else {}


def _is_in_database(info: dict[str, Any]) -> bool:
    tags = info.get("tags")
    return isinstance(tags, dict) and tags.get(_SPANS_TAG) == _DATABASE


def _trace_id(info: dict[str, Any]) -> str:
    return mlflow_trace_id(info.get("trace_id")) or ""


def mlflow_ids(trace_id: str) -> tuple[str, ...]:
    """What MLflow may call a trace, likeliest first: OpenTelemetry's ids have a prefix there."""
    if not trace_id:
        return ()
    prefixed = f"{_ID_PREFIX}{trace_id}"
    return (prefixed, trace_id) if _OTEL_ID.fullmatch(trace_id) else (trace_id, prefixed)


def _ended(info: dict[str, Any]) -> int | None:
    """When a trace ended; None where that is not known, since it is running or broke off."""
    began, lasted = time_ns(info.get("request_time")), str(info.get("execution_duration", ""))
    try:
        seconds = timedelta(seconds=float(lasted.removesuffix("s")))
    except (ValueError, OverflowError):
        return None
    return None if began is None else began + seconds // timedelta(microseconds=1) * 1000
