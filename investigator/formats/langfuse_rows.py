"""Rows of Langfuse's blob exports (JSON lines, Parquet): observations and scores in snake_case.

A row says what the record of the API says, in other letters. What a row says of its trace (the
session, the user, tags) stands on the root of the trace.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import first, text
from investigator.formats.format import Format, Record
from investigator.formats.kept_verdicts import langfuse_scores
from investigator.formats.langfuse import observation_span
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span

_RENAMED = {"provided_model_name": "model", "model_id": "internalModelId"}
_JSON = ("metadata", "model_parameters", "usage_details", "cost_details", "input", "output", "tags")
_OF_TRACE = ("session_id", "user_id", "trace_name", "tags", "release", "trace_tags")
_COLUMNS = ("trace_id", "type", "parent_observation_id", "start_time")


def is_row(value: Record) -> bool:
    """Whether an object is a row of observations or of scores."""
    return is_observation_row(value) or _is_score(value)


def is_observation_row(value: Record) -> bool:
    """Whether an object is a row of observations."""
    keys = ("id", "trace_id", "type", "parent_observation_id", "start_time")
    return all(key in value for key in keys)


def _is_score(value: Record) -> bool:
    keys = ("id", "trace_id", "observation_id", "name", "value", "data_type")
    return all(key in value for key in keys)


def decode_row(row: Record) -> Iterator[Span | Evaluation]:
    """The span of an observation, or the verdict of a score."""
    if not is_observation_row(row):
        yield from langfuse_scores([_camel(row)], text(row.get("trace_id")))
        return
    plain = {key: _plain(key, value) for key, value in row.items()}
    about: dict[str, object] = {}
    if not row.get("parent_observation_id"):
        tags = first(plain, "tags", "trace_tags")
        about = {
            "session.id": plain.get("session_id") or None,
            "user.id": plain.get("user_id") or None,
            "tag.tags": tags or None,
            "langfuse.trace.name": plain.get("trace_name") or None,
            "langfuse.trace.release": plain.get("release") or None,
        }
    yield observation_span(_camel(plain), about)


def _plain(key: str, value: JsonValue) -> JsonValue:
    """Objects that the export wrote as texts, and the lists of pairs that Parquet makes of maps."""
    if key in _JSON and isinstance(value, str) and key not in ("input", "output"):
        inner = embedded_json(value)
        return value if inner is None else inner
    return value


def _camel(row: Record) -> dict[str, JsonValue]:
    return {_RENAMED.get(key) or _camel_case(key): value for key, value in row.items()}


def _camel_case(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part.capitalize() for part in rest)


FORMAT = Format(
    name="Langfuse blob row",
    reads="rows of Langfuse's blob exports (observations, scores)",
    looks_like=is_row,
    decode=lambda record, _: decode_row(record),
    files=("Parquet", "JSON", "JSONL"),
    columns=_COLUMNS,
)
