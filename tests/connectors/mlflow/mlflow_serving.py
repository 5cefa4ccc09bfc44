"""Spans in a real MLflow, in each of the two ways in which it keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import pytest

from investigator.connectors.mlflow.mlflow_address import mlflow_address
from investigator.connectors.mlflow.mlflow_connection import TRACES, MLflowConnection
from investigator.connectors.mlflow.mlflow_source import MLflowInspectionAPI
from investigator.errors import SourceUnavailable
from investigator.testing.mlflow_server import MLflowServer
from investigator.traces.model import Span, iso_time

MLFLOW = pytest.mark.integration
"""Tests of a real MLflow share one server and take turns at it."""

_STATUS = {"OK": "STATUS_CODE_OK", "ERROR": "STATUS_CODE_ERROR", "UNSET": "STATUS_CODE_UNSET"}
_MS = 10**6


class ClearedMLflow(MLflowInspectionAPI):
    """An experiment that is emptied when it is closed."""

    def close(self) -> None:
        """Delete what the experiment holds, then close."""
        held = self._connection
        ids = [info["trace_id"] for info in held.infos()]
        for first in range(0, len(ids), 100):
            body = {"experiment_id": held.experiment.id, "request_ids": ids[first : first + 100]}
            held.send("POST", f"{TRACES}/delete-traces", body=body)
        super().close()


def serve_mlflow(
    spans: Iterable[Span], server: MLflowServer, experiment: str = "Default"
) -> ClearedMLflow:
    """The spans in an experiment, each trace as an artifact: so the ids may be any."""
    api = opened_mlflow(server, experiment)
    held = api._connection
    by_trace = sorted(spans, key=lambda span: span.trace_id)
    for trace_id, found in groupby(by_trace, key=lambda span: span.trace_id):
        _store(held, trace_id, list(found))
    return api


def send_mlflow(
    spans: Sequence[Span], server: MLflowServer, experiment: str = "Default"
) -> ClearedMLflow:
    """The spans in an experiment, sent over OTLP: MLflow keeps them in its database."""
    api = opened_mlflow(server, experiment)
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [_otlp(span) for span in spans]}]}]}
    headers = {"x-mlflow-experiment-id": api._connection.experiment.id}
    api._connection.http.post("v1/traces", json=body, headers=headers).raise_for_status()
    return api


def opened_mlflow(server: MLflowServer, experiment: str) -> ClearedMLflow:
    """An experiment, which is made where there is none of that name."""
    held = MLflowConnection(mlflow_address(server.address(experiment)))
    try:
        assert held.experiment
    except SourceUnavailable:
        name = held.address.experiment
        held.send("POST", "api/2.0/mlflow/experiments/create", body={"name": name})
    return ClearedMLflow(held)


def _store(held: MLflowConnection, trace_id: str, spans: list[Span]) -> None:
    start = min(span.start_ns or 0 for span in spans)
    end = max(max(span.start_ns or 0, span.end_ns or 0) for span in spans)
    info = {
        "trace_id": trace_id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": held.experiment.id},
        },
        "request_time": iso_time(start // _MS * _MS),
        "execution_duration": f"{(end - start) / 1e9:.3f}s",
        "state": "OK",
    }
    made = held.send("POST", TRACES, body={"trace": {"trace_info": info}})
    tags = made["trace"]["trace_info"]["tags"]
    place = tags["mlflow.artifactLocation"].removeprefix("mlflow-artifacts:/")
    url = f"api/2.0/mlflow-artifacts/artifacts/{place}/traces.json"
    data = json.dumps({"spans": [_artifact(span) for span in spans]})
    held.http.put(url, content=data.encode()).raise_for_status()


def _artifact(span: Span) -> dict[str, Any]:
    """A span as MLflow's client writes it into the artifact of its trace."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_id,
        "name": span.name,
        "start_time_unix_nano": _nanoseconds(span.start_ns),
        "end_time_unix_nano": _nanoseconds(span.end_ns),
        "status": {"code": _STATUS[span.status.value], "message": span.status_message},
        "attributes": {
            **{key: json.dumps(value) for key, value in span.attributes.items()},
            "mlflow.spanType": json.dumps(span.kind.value),
        },
        "events": [
            {
                "name": event.name,
                "time_unix_nano": event.time_ns,
                "attributes": dict(event.attributes),
            }
            for event in span.events
        ],
    }


def _nanoseconds(time_ns: int | None) -> int | str | None:
    """A time; 0 would say that there is none, which the suite does not mean."""
    return time_ns if time_ns != 0 else "1970-01-01T00:00:00Z"


def _otlp(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({} if span.parent_id is None else {"parentSpanId": span.parent_id}),
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "status": {"code": _STATUS[span.status.value], "message": span.status_message},
        "attributes": _otlp_values({**span.attributes, "openinference.span.kind": span.kind.value}),
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_ns),
                "attributes": _otlp_values(event.attributes),
            }
            for event in span.events
        ],
    }


def _otlp_values(attributes: Any) -> list[dict[str, Any]]:
    def value(one: Any) -> dict[str, Any]:
        match one:
            case bool():
                return {"boolValue": one}
            case int():
                return {"intValue": str(one)}
            case float():
                return {"doubleValue": one}
            case str():
                return {"stringValue": one}
            case _:
                return {"stringValue": json.dumps(one)}

    return [{"key": key, "value": value(one)} for key, one in attributes.items()]
