"""Spans leave the agent as OTLP: JSON for our own ingest, protobuf over HTTP for a collector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from google.protobuf.json_format import MessageToJson  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from investigator.demo_agent.runs import Ran
from investigator.errors import UsageError
from investigator.traces.decode.otlp import decode_otlp
from investigator.traces.model import Span

_BATCH = 200


def otlp_json(spans: Sequence[ReadableSpan]) -> str:
    """An export request as JSON text."""
    text: str = MessageToJson(encode_spans(spans))
    return text


def decoded(runs: Iterable[Ran]) -> list[Span]:
    """The spans of runs as our own ingest reads their export."""
    return [span for ran in runs for span in decode_otlp(json.loads(otlp_json(ran.spans)))]


def send(runs: Iterable[Ran], url: str) -> int:
    """Send the spans to a collector; returns how many.

    Raises:
        UsageError: the collector does not take them.
    """
    exporter = OTLPSpanExporter(endpoint=url)
    spans = [span for ran in runs for span in ran.spans]
    try:
        for start in range(0, len(spans), _BATCH):
            if exporter.export(spans[start : start + _BATCH]) is not SpanExportResult.SUCCESS:
                raise UsageError(
                    f"{url} did not take the spans {start} to {start + _BATCH}; it needs the "
                    "address of an OTLP/HTTP endpoint for traces, such as "
                    "http://127.0.0.1:6006/v1/traces"
                )
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]
    return len(spans)
