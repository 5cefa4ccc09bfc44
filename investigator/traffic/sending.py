"""An export goes to a collector as OTLP over HTTP, in protobuf, a part at a time.

Headers that the collector asks for (a key) are those of `OTEL_EXPORTER_OTLP_HEADERS`, as the
OpenTelemetry specification has it; no other key is sent along.
"""

from __future__ import annotations

import base64
import os
from http.client import HTTPException
from importlib import import_module
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from investigator.canonical import JsonValue
from investigator.errors import UsageError
from investigator.traffic.export import Export
from investigator.traffic.otlp import Object

HEADERS_VARIABLE = "OTEL_EXPORTER_OTLP_HEADERS"
SPANS_AT_ONCE = 200
TIMEOUT_S = 30.0
EXAMPLE = "http://127.0.0.1:6006/v1/traces"
_IDS = ("traceId", "spanId", "parentSpanId")


def send(export: Export, url: str) -> int:
    """Send all spans to the traces endpoint of a collector; returns how many.

    Raises:
        UsageError: this is no such address or one with a password, the packages for protobuf are
            missing, or the collector cannot be reached or does not take the spans.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--send takes the address of an OTLP endpoint ({EXAMPLE}), not '{url}'")
    if "@" in parts.netloc:
        raise UsageError(
            f"--send takes no name and password in the address of {parts.hostname}; give them as "
            f"a header: {HEADERS_VARIABLE}='authorization=Basic%20...'"
        )
    sent = 0
    for request in export.requests(SPANS_AT_ONCE):
        _post(url, protobuf(request), sent)
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


def _post(url: str, body: bytes, sent: int) -> None:
    headers = {"Content-Type": "application/x-protobuf", **_headers()}
    request = Request(url, data=body, headers=headers, method="POST")
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response:
            response.read()
    except HTTPError as refused:
        with refused:
            said = refused.read(200).decode("utf-8", "replace").strip()
        raise UsageError(
            f"{url} did not take the spans: {refused.code} {refused.reason}"
            f"{': ' if said else ''}{said} ({sent} were sent before); it has to be the address of "
            f"an OTLP/HTTP endpoint for traces, such as {EXAMPLE}; headers that it needs are read "
            f"from {HEADERS_VARIABLE}"
        ) from refused
    except (URLError, HTTPException, OSError) as lost:
        reason = lost.reason if isinstance(lost, URLError) else lost
        raise UsageError(
            f"{url} cannot be reached: {reason} ({sent} spans were sent before); is the collector "
            "running there?"
        ) from lost


def _headers() -> dict[str, str]:
    """`name=value` pairs with commas between, the values percent-encoded."""
    pairs = (pair.partition("=") for pair in os.environ.get(HEADERS_VARIABLE, "").split(","))
    return {name.strip(): unquote(value.strip()) for name, equals, value in pairs if equals}
