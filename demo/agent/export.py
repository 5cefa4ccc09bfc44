"""Spans leave the agent as OTLP: JSON for our own ingest, protobuf over HTTP for a collector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from google.protobuf.json_format import MessageToJson
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from demo.agent.runs import Ran
from investigator.formats.otlp import decode_otlp
from investigator.ground.collector import post_spans, require_collector
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
        UsageError: this is no such address, or the collector does not take them.
    """
    require_collector(url, "--otlp")
    spans = [span for ran in runs for span in ran.spans]
    for start in range(0, len(spans), _BATCH):
        body = encode_spans(spans[start : start + _BATCH]).SerializeToString()
        post_spans(url, body, sent=start)
    return len(spans)
