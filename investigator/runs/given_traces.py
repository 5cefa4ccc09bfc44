"""Traces that a program holds are a source as a file is: they are written to one, and read from it.

The file stands in the cache and is named by its content, so a run over it can be verified, resumed
and replayed later, from another process too. What the values are is decided by looking at the
file, as of any other: span dicts, rows of a data frame, OpenTelemetry's spans, messages.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeAlias, TypeGuard

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.files import replace_file
from investigator.runtime.private import FILE_MODE, make_private
from investigator.store.open import default_cache_dir
from investigator.traces.model import Span, Trace
from investigator.traces.parquet import write_spans

_FOLDER = "given"
_STEM = "given"
"""A conversation without an id of its own goes by this name."""
_SPEAKERS = ("role", "type")
_SPAN_MARKS = ("span_id", "context", "context.span_id", "spanId", "traceId", "trace_id", "spans")
"""What spans and traces have and messages do not."""
_DEEPEST = 200
"""Levels of lists and objects; what is deeper refers to itself."""


class DataFrame(Protocol):
    """A data frame of pandas; a table of pyarrow or polars will do as well."""

    def to_dict(self, orient: Any) -> Any: ...


GivenTraces: TypeAlias = Trace | DataFrame | Mapping[str, Any] | Iterable[Any]
"""Spans (dicts, OpenTelemetry's, `Span`), a data frame of them, or messages of a conversation."""

PathSource: TypeAlias = str | Path | Sequence[str | Path]
"""Files and folders by their paths, or an address."""


def names_paths(source: object) -> TypeGuard[PathSource]:
    """Whether a source says where the traces are, and is not those themselves."""
    if isinstance(source, str | Path):
        return True
    return isinstance(source, Sequence) and all(isinstance(one, str | Path) for one in source)


def as_file(given: GivenTraces, cache_dir: Path | None = None) -> str:
    """The path of a file that holds them.

    Raises:
        UsageError: they hold a value that is no trace's, or there are none.
    """
    folder = (cache_dir or default_cache_dir()) / _FOLDER
    values = _values(given)
    if not values:
        raise UsageError("the traces given are empty: give spans, rows of a data frame or messages")
    make_private(folder)
    if all(isinstance(one, Span) for one in values):
        return _as_parquet(values, folder)
    records = [_plain(one, f"item {place}") for place, one in enumerate(values)]
    text = json.dumps(_document(records), ensure_ascii=True).encode()
    path = folder / _name_of(text) / f"{_STEM}.json"
    if not path.is_file():
        make_private(path.parent)
        replace_file(path, text, mode=FILE_MODE)
    return str(path)


def _as_parquet(spans: Iterable[Span], folder: Path) -> str:
    with TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / f"{_STEM}.parquet"
        write_spans(spans, made, mode=FILE_MODE)
        home = folder / _name_of(made.read_bytes())
        make_private(home)
        made.replace(home / made.name)
        return str(home / made.name)


def _name_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _values(given: Any) -> list[Any]:
    """The spans, rows or messages, one by one."""
    if isinstance(given, Trace):
        return list(given.spans)
    if isinstance(given, Span | Mapping) or _is_otel_span(given) or hasattr(given, "model_dump"):
        return [given]
    if hasattr(given, "to_pylist"):  # pyarrow
        return list(given.to_pylist())
    if hasattr(given, "to_dicts"):  # polars
        return list(given.to_dicts())
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        return list(_with_index(given).to_dict(orient="records"))
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise UsageError(
            f"{type(given).__name__} is no source: give a path, an address, span dicts, a data "
            "frame, OpenTelemetry's spans or messages"
        )
    return list(given)


def _with_index(frame: Any) -> Any:
    """A data frame with the columns that its index is named after: Phoenix's has its span ids."""
    lost = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return frame.reset_index() if lost else frame


def _document(records: list[JsonValue]) -> JsonValue:
    """The records as a file has them: messages stand in a conversation."""
    if all(isinstance(one, list) for one in records):
        return [{"messages": one} for one in records]
    if all(map(_is_message, records)):
        return {"messages": records}
    return records[0] if len(records) == 1 else records


def _is_message(record: JsonValue) -> bool:
    return (
        isinstance(record, dict)
        and isinstance(next((record[key] for key in _SPEAKERS if key in record), None), str)
        and not any(mark in record for mark in _SPAN_MARKS)
        and not ("messages" in record or "choices" in record)
    )


def _is_otel_span(value: object) -> bool:
    return hasattr(value, "to_json") and hasattr(value, "get_span_context")


def _plain(value: Any, place: str, depth: int = 0) -> JsonValue:
    """A value as JSON has it; one that is not there (NaN, NaT, NA) is null."""
    if depth > _DEEPEST:
        raise UsageError(f"the traces given: {place.partition('.')[0]} holds itself")
    if value is None or (isinstance(value, str | bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v, f"{place}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, place, depth + 1) for one in value]
    return _of_a_library(value, place, depth)


def _of_a_library(value: Any, place: str, depth: int) -> JsonValue:
    """A value of a type that is no JSON: by what it can say of itself."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return _plain(value.value, place, depth + 1)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if _is_otel_span(value):
        parsed: JsonValue = json.loads(value.to_json())
        return parsed
    if hasattr(value, "model_dump"):  # a message or an answer of an SDK, of LangChain, …
        return _plain(value.model_dump(), place, depth + 1)
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist(), place, depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value), place, depth + 1)
    if type(value).__module__ in ("uuid", "decimal", "pathlib"):
        return str(value)
    raise UsageError(
        f"the traces given: {place} is of type {type(value).__name__}, which no trace holds; give "
        "texts, numbers, lists and dicts"
    )
