"""OTLP JSON as an exporter writes it; say only what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from investigator.ground.canonical_json import JsonValue

TRACE = "0af7651916cd43dd8448eb211c80319c"
_SECOND = 1_000_000_000
_START = 1_700_000_000 * _SECOND


def hex_id(number: int) -> str:
    """A span id as OTLP has them."""
    return f"{number:016x}"


def otlp_span(
    number: int = 1,
    parent: int | None = None,
    *,
    kind: str = "CHAIN",
    error: str | None = None,
    attributes: Mapping[str, str] | None = None,
    **fields: JsonValue,
) -> dict[str, JsonValue]:
    """A span of one second; `fields` replace those of the format, None leaves one out."""
    told = {"openinference.span.kind": kind, **(attributes or {})}
    span: dict[str, JsonValue] = {
        "traceId": TRACE,
        "spanId": hex_id(number),
        "parentSpanId": None if parent is None else hex_id(parent),
        "name": f"step {number}",
        "startTimeUnixNano": str(_START + number),
        "endTimeUnixNano": str(_START + number + _SECOND),
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in told.items()],
        "status": {} if error is None else {"code": 2, "message": error},
    }
    return {key: value for key, value in {**span, **fields}.items() if value is not None}


def tool_span(
    number: int, parent: int | None = 1, *, error: str | None = None, **more: JsonValue
) -> dict[str, JsonValue]:
    """A tool call that answered, or raised `error`."""
    told = {"tool.name": "search", "input.value": f'{{"q": {number}}}', "output.value": "fine"}
    return otlp_span(number, parent, kind="TOOL", error=error, attributes=told, **more)


def otlp(*spans: JsonValue) -> dict[str, JsonValue]:
    """One export of these spans."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def otlp_file(path: Path, *spans: JsonValue) -> Path:
    """A file of one export."""
    path.write_text(json.dumps(otlp(*spans)), encoding="utf-8")
    return path
