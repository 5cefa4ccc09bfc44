"""A server that answers as an MLflow does, or as one that is busy, hostile or broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from investigator.connectors.mlflow.mlflow_address import mlflow_address
from investigator.connectors.mlflow.mlflow_connection import MLflowConnection
from investigator.connectors.mlflow.mlflow_source import MLflowInspectionAPI
from investigator.connectors.server_connection import AnswerBounds
from tests.connectors.phoenix.scripted import Asked, Said, ScriptedPhoenix

GONE = Said(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"})
EXPERIMENT = {"experiment_id": "7", "name": "shop"}


def scripted_mlflow(decide: Callable[[Asked], Said]) -> ScriptedPhoenix:
    """Answers each request as `decide` says; `mlflow_of` names it."""
    return ScriptedPhoenix(decide)


def mlflow_of(server: ScriptedPhoenix, experiment: str = "shop") -> str:
    """An experiment of it as a source."""
    return server.source.replace("phoenix:", "mlflow:").removesuffix("shop") + experiment


def opened(server: ScriptedPhoenix, bounds: AnswerBounds | None = None) -> MLflowInspectionAPI:
    """The source, which does not wait between attempts."""
    address = mlflow_address(mlflow_of(server))
    connection = MLflowConnection(address, timeout_s=5, bounds=bounds, pause=lambda _: None)
    return MLflowInspectionAPI(connection)


def trace(trace_id: str, *spans: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A trace as `batchGet` gives it."""
    info = {
        "trace_id": trace_id,
        "trace_location": {"mlflow_experiment": {"experiment_id": "7"}},
        "request_time": "2026-03-01T10:00:00Z",
        "execution_duration": "1s",
        "state": "OK",
        "tags": {"mlflow.trace.spansLocation": "TRACKING_STORE"},
    }
    return {"trace_info": info | changes, "spans": list(spans)}


def step(trace_id: str, span_id: str, **changes: Any) -> dict[str, Any]:
    """One span of such a trace."""
    own = {
        "trace_id": trace_id,
        "span_id": span_id,
        "name": "agent",
        "start_time_unix_nano": 1772359200_000_000_000,
        "end_time_unix_nano": 1772359201_000_000_000,
        "status": {"code": "STATUS_CODE_OK"},
        "attributes": [{"key": "output.value", "value": {"string_value": "done"}}],
    }
    return own | changes


def mlflow_holds(*traces: Mapping[str, Any], page: int = 1) -> Callable[[Asked], Said]:
    """An MLflow that holds these traces in its experiment `shop`, so many on a page."""
    infos = [one["trace_info"] for one in traces]
    by_id = {info["trace_id"]: one for info, one in zip(infos, traces, strict=True)}

    def decide(asked: Asked) -> Said:
        last = asked.path.rpartition("/")[2]
        if "experiments" in asked.path:
            named = [*asked.query.get("experiment_name", []), *asked.query.get("experiment_id", [])]
            return Said(200, {"experiment": EXPERIMENT}) if named[0] in ("shop", "7") else GONE
        if last == "search":
            at = int(asked.body.get("page_token") or 0)
            more = {"next_page_token": str(at + page)} if at + page < len(infos) else {}
            return Said(200, {"traces": infos[at : at + page], **more})
        if last == "batchGet":
            return Said(200, {"traces": [by_id[i] for i in asked.query["trace_ids"] if i in by_id]})
        if last in by_id:
            return Said(200, {"trace": {"trace_info": by_id[last]["trace_info"]}})
        return GONE

    return decide


def size(document: object) -> int:
    """How many bytes an answer has."""
    return len(json.dumps(document))
