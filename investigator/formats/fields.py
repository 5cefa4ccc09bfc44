"""Ids, times, statuses and attributes in all the spellings of the formats, as ours.

What is missing or makes no sense is `None` (`UNSET`, an empty text), never a guess.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from investigator.formats.dialects.genai import openinference_from_genai
from investigator.formats.dialects.mlflow_keys import openinference_from_mlflow
from investigator.formats.dialects.vercel import openinference_from_vercel
from investigator.formats.format import Record
from investigator.formats.model_calls import messages_in_values
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.chat_messages import MARKED_FAILED
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode, parse_time
from investigator.traces.openinference import flatten

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8

_LATEST_NS = 2**63 - 1
_DIGITS = len(str(_LATEST_NS))
_DURATION_CHARS = 100
_TIME_KEY = re.compile(r"time|start|end|created", re.IGNORECASE)
_SHORTEST_TIME = len("2026-01-01")

_NO_ID = {"", "none", "null", "nan", "0" * 16, "0" * 32}
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]+)")
_KINDS = {kind.value: kind for kind in SpanKind}
_STATUSES = {"0": StatusCode.UNSET, "1": StatusCode.OK, "2": StatusCode.ERROR}
_STATUSES |= {code.value: code for code in StatusCode}
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_ERROR = StatusCode.ERROR
_TRANSLATIONS = (
    openinference_from_vercel,
    openinference_from_genai,
    openinference_from_mlflow,
)
_DURATION_UNITS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


def make_span(
    *,
    trace_id: str,
    span_id: str,
    parent_id: str | None,
    name: str,
    attributes: Mapping[str, object],
    start_ns: int | None = None,
    end_ns: int | None = None,
    status: StatusCode = StatusCode.UNSET,
    status_message: str = "",
    events: tuple[SpanEvent, ...] = (),
    kind: SpanKind | None = None,
    tool_name: str | None = None,
) -> Span:
    """A span of flat attributes in OpenInference terms, whatever terms they came in.

    `kind` and `tool_name` are what the format says of the span beside its attributes; they hold
    where these say nothing of it in any terms. A tool's result that is marked as failed makes the
    status ERROR, with the result as its message.
    """
    flat = flatten(attributes)
    for translate in _TRANSLATIONS:
        added = translate(flat, events)
        flat = {**added, **flat} if added else flat
    if kind is not None:
        flat.setdefault("openinference.span.kind", kind.value)
    if tool_name:
        flat.setdefault("tool.name", tool_name)
    known = span_kind(flat.get("openinference.span.kind"))
    if known is SpanKind.LLM:
        flat |= messages_in_values(flat)
    if known is SpanKind.TOOL and flat.get(MARKED_FAILED) is True and status is not _ERROR:
        status, status_message = _ERROR, status_message or text(flat.get("output.value"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=name,
        kind=known,
        start_ns=start_ns,
        end_ns=end_ns,
        status=status,
        status_message=status_message,
        attributes=flat,
        events=events,
    )


def make_event(name: str, time_ns: int | None, attributes: Mapping[str, object]) -> SpanEvent:
    """An event of flat attributes."""
    return SpanEvent(name=name, time_ns=time_ns, attributes=flatten(attributes))


def span_kind(value: JsonValue) -> SpanKind:
    """An OpenInference kind in any case; `UNKNOWN` for anything else."""
    known = _KINDS.get(value.upper()) if isinstance(value, str) else None
    return known or SpanKind.UNKNOWN


def status_code(value: JsonValue) -> StatusCode:
    """`Error`, `STATUS_CODE_ERROR`, `StatusCode.ERROR` and 2 are ERROR; and so on."""
    if not isinstance(value, str | int):
        return StatusCode.UNSET
    word = str(value).upper().removeprefix("STATUS_CODE_").removeprefix("STATUSCODE.")
    return _STATUSES.get(word, StatusCode.UNSET)


def hex_id(value: JsonValue, size: int) -> str | None:
    """An id of `size` bytes as lower-case hex, from an integer, hex or base64.

    Texts that are none of these stay as they are: some systems name spans in their own way.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:0{2 * size}x}" if value > 0 else None
    if not isinstance(value, str) or value.lower() in _NO_ID:
        return None
    as_hex = _HEX.fullmatch(value)
    if as_hex is not None and (value.startswith("0x") or len(as_hex[1]) == 2 * size):
        return as_hex[1].lower().rjust(2 * size, "0")
    return _from_base64(value, size) or value


def _from_base64(value: str, size: int) -> str | None:
    if len(value) != 4 * -(-size // 3):
        return None
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == size else None


def time_ns(value: JsonValue) -> int | None:
    """Nanoseconds since the epoch from an integer or its text, ISO 8601 or `[s, ns]`.

    What no clock of 64 bits can say (before 1970, after 2262) is no time, and neither is the
    integer 0, with which OTLP leaves a time out.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 < value <= _LATEST_NS else None
    if isinstance(value, list) and len(value) == 2:
        seconds, nanos = value
        if isinstance(seconds, int) and isinstance(nanos, int):
            return time_ns(seconds * 1_000_000_000 + nanos)
    if not isinstance(value, str):
        return None
    if value.isdecimal():
        return time_ns(int(value)) if len(value) <= _DIGITS else None
    try:
        parsed = parse_time(value)
    except (ValueError, OverflowError):
        return None
    return parsed if 0 <= parsed <= _LATEST_NS else None


def odd_times(value: JsonValue) -> int:
    """How many times in a value no clock of 64 bits can say, by the keys that hold times."""
    found, pending = 0, [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, list):
            pending += [item for item in inner if isinstance(item, dict | list)]
        elif isinstance(inner, dict):
            found += sum(_is_odd_time(key, item) for key, item in inner.items())
            pending += [item for item in inner.values() if isinstance(item, dict | list)]
    return found


def _is_odd_time(key: str, value: JsonValue) -> bool:
    if not _TIME_KEY.search(key) or time_ns(value) is not None:
        return False
    if isinstance(value, int) and not isinstance(value, bool):
        return value > _LATEST_NS
    if not isinstance(value, str) or len(value) < _SHORTEST_TIME:
        return False
    if value.isdecimal():
        return True
    try:
        return not 0 <= parse_time(value) <= _LATEST_NS
    except OverflowError:
        return True
    except ValueError:
        return False


def duration_ns(value: JsonValue) -> int | None:
    """Nanoseconds of an ISO 8601 duration (`PT1M33.789274S`)."""
    is_text = isinstance(value, str) and len(value) <= _DURATION_CHARS
    match = _DURATION.fullmatch(str(value)) if is_text else None
    if match is None or not any(match.groups()):
        return None
    seconds = sum(
        Fraction(match[unit]) * factor for unit, factor in _DURATION_UNITS.items() if match[unit]
    )
    return round(seconds * 1_000_000_000)


def text(value: JsonValue) -> str:
    """A text as it is, another value as JSON, nothing as the empty text."""
    return "" if value is None else json_text(value)


def first(record: Record, *keys: str) -> JsonValue:
    """The first of the keys that has a value."""
    return next((record[key] for key in keys if record.get(key) is not None), None)


def record(value: JsonValue) -> dict[str, JsonValue]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The objects of a list; empty where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def listed(value: JsonValue) -> list[dict[str, JsonValue] | None]:
    """The items of a list in their order, None for each that is no object or an empty one.

    What stands in the place of a list and is none is one such item.
    """
    if not isinstance(value, list):
        return [] if value is None else [None]
    return [item if isinstance(item, dict) and item else None for item in value]


def nothings(*values: JsonValue) -> Iterator[None]:
    """None for each item of lists that is no object; what is read of the others is read besides."""
    for value in values:
        yield from (None for item in listed(value) if item is None)


def resource_attributes(attributes: Mapping[str, object]) -> dict[str, object]:
    """Resource attributes under `resource.`."""
    return {f"resource.{key}": value for key, value in attributes.items()}


def scope_attributes(name: JsonValue, version: JsonValue) -> dict[str, object]:
    """The instrumentation scope under `otel.scope.`, where it is named."""
    named = {"otel.scope.name": name, "otel.scope.version": version}
    return {key: value for key, value in named.items() if value}


def leftovers(
    source: Record, known: Iterable[str], *, prefix: str = "source."
) -> dict[str, JsonValue]:
    """What a format's own fields leave over, so that nothing is lost."""
    taken = set(known)
    return {
        f"{prefix}{key}": value
        for key, value in source.items()
        if key not in taken and value is not None and value not in ("", [], {}, "[]", "{}")
    }
