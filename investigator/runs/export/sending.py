"""An export goes to a collector as OTLP over HTTP, in protobuf, a part at a time."""

from __future__ import annotations

import base64
from importlib import import_module

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.collector import post_spans, require_collector
from investigator.runs.export.export import Export
from investigator.runs.export.otlp_json import Object

SPANS_AT_ONCE = 200
_IDS = ("traceId", "spanId", "parentSpanId")


def send(export: Export, url: str) -> int:
    """Send all spans to the traces endpoint of a collector; returns how many.

    Raises:
        UsageError: this is no such address or one with a password, the packages for protobuf are
            missing, or the collector cannot be reached or does not take the spans.
    """
    require_collector(url, "--send")
    sent = 0
    for request in export.requests(SPANS_AT_ONCE):
        post_spans(url, protobuf(request), sent=sent)
        sent = min(sent + SPANS_AT_ONCE, len(export.spans))
    return sent


def protobuf(request: Object) -> bytes:
    """An export request in OTLP JSON as protobuf.

    Raises:
        UsageError: the packages for it are not installed.
    """
    try:
        json_format = import_module("google.protobuf.json_format")
        messages = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"--send needs {missing.name}: pip install 'phoenix-rlm-investigator[demo-agent]'; "
            "an export to a file (-o) needs nothing more"
        ) from missing
    empty = messages.ExportTraceServiceRequest()
    message = json_format.ParseDict(_with_base64_ids(request), empty)
    return bytes(message.SerializeToString(deterministic=True))


def _with_base64_ids(value: JsonValue) -> JsonValue:
    """OTLP JSON has ids in hex, the JSON of protobuf has bytes in base64."""
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _base64(item) if key in _IDS else _with_base64_ids(item)
            for key, item in value.items()
        }
    return value


def _base64(value: JsonValue) -> str:
    return base64.b64encode(bytes.fromhex(str(value))).decode()
