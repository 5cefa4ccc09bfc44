"""The canonical Parquet file: one row a span, sorted by trace, whole or not there at all.

Beside its spans a trace has a row for each verdict that came apart from them, of kind
`EVALUATION`: `span_id` is the span judged, null where the whole trace was, and `attributes` are
the rest. Those that spans carry themselves are read from the spans. A file of version 1 has none.

Writing is one pass over the spans in bounded memory: batches go into a scratch DuckDB table
that spills beside the target; it is sorted externally (trace id, then span order) into row
groups and pages of a size that suits the file, so that one trace is found and read in a few
milliseconds. Attributes and events are canonical JSON text, so whatever JSON can say round-trips.
Lone surrogates, for which UTF-8 has no form, are replaced as in
`investigator.ground.canonical_json`. Spans that share an id are all kept as rows, in the order
given; `Trace` reports them. Of files that are
written together, `span_clashes` tells such spans apart first.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias, cast

from investigator.errors import UnreadableInput
from investigator.ground.canonical_json import JsonValue, canonical_json, read_json
from investigator.ground.files import made_whole
from investigator.ground.wording import counted
from investigator.traces.databases import LOOKUPS, PARQUET, Scratch, scratch, sql_literal
from investigator.traces.evaluations import Evaluation, read_evaluation
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode, Trace
from investigator.traces.span_clashes import settle_clashes
from investigator.traces.subagent_files import SubagentReference, join_subagents, reference_in

SCHEMA_VERSION = "2"
_READABLE = frozenset({"1", "2"})

EVALUATION = "EVALUATION"
"""The kind of a row that is no span but a verdict on one, or on the trace."""

TraceRow: TypeAlias = Span | Evaluation
"""What a row holds."""

COLUMNS = {
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "parent_id": "VARCHAR",
    "name": "VARCHAR",
    "kind": "VARCHAR",
    "start_ns": "BIGINT",
    "end_ns": "BIGINT",
    "status": "VARCHAR",
    "status_message": "VARCHAR",
    "project_name": "VARCHAR",
    "attributes": "VARCHAR",
    "events": "VARCHAR",
}
"""Column names of the file, in order, with their DuckDB types."""

_SCRATCH_COLUMNS = {**COLUMNS, "part": "INTEGER"}
"""Those of the table that is sorted: `part` is the number of the file."""

SPAN_COLUMNS = tuple(name for name in COLUMNS if name != "project_name")
"""The columns that `read_row` takes, in order."""

LONG_COLUMNS = ("name", "status_message", "attributes", "events")
"""Those of them that may be of any length; ids are short where they are ids."""

SpanRow: TypeAlias = tuple[str | int | None, ...]

_VERSION_KEY = "investigator.schema_version"
_TRACES_KEY = "investigator.traces"
_ROOM_KEY = "investigator.room_mb"
_PROJECT_KEYS = ("resource.openinference.project.name", "openinference.project.name")

_WORDS: dict[str, str] = {word: word.value for word in (*SpanKind, *StatusCode)}
"""The plain texts of kinds and statuses, by themselves."""

_MEMORY_MB = 640
_MOST_MEMORY_MB = 3_000
"""What sorting may take where 2,048 spans hold more than a gigabyte of text; usually 640 MB do."""

_VECTOR_ROWS = 2048
_LONG_BATCH = 16_000_000
_COPIES = 10
_BATCH_ROWS = 4096
_BATCH_CHARS = 8_000_000
_PAGE_BYTES = 262_144
_BETWEEN, _NO_TEXT = "\x1e", "\x1d"
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class WriteSummary:
    """What a canonical file holds."""

    traces: int
    spans: int
    evaluations: int = 0
    """Verdicts that came beside the spans."""
    clashes: tuple[str, ...] = ()
    """What was done about spans that share their ids; verdicts and subagents that lack a trace."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a canonical file says of itself."""

    schema_version: str
    traces: int
    room_mb: int
    """What reading needs on top of the usual memory, for the sake of very long spans."""


def write_spans(
    spans: Iterable[TraceRow], path: Path | str, *, mode: int | None = None
) -> WriteSummary:
    """Write a canonical file in one pass; it appears whole, or not at all.

    Verdicts on the spans may stand among them; one without a trace is of the span that it names.

    Needs scratch space beside `path`, up to three times the size of the text, and 0.8 GB of
    memory; where spans are long, three times the longest 2,048 or ten times the longest on top, of
    3 GB at most. A `mode` is the file's.

    Raises:
        CannotWrite: the target cannot be written.
    """
    with made_whole(Path(path), mode=mode) as made:
        return _sort_into(made, ((0, span) for span in spans), files=())


def write_files(spans: Iterable[tuple[str, TraceRow]], path: Path | str) -> WriteSummary:
    """Write the spans of several files, each with the file that it came from, as `write_spans`.

    Raises:
        CannotWrite: the target cannot be written.
    """
    numbers: dict[str, int] = {}
    numbered = ((numbers.setdefault(file, len(numbers)), span) for file, span in spans)
    with made_whole(Path(path)) as made:
        return _sort_into(made, numbered, files=numbers)


def canonical_facts(path: Path | str) -> FileFacts | None:
    """What the file says of itself; None where it is no canonical file that is read."""
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PAR1":
                return None
        found = said_of(path)
    except (OSError, UnreadableInput):
        return None
    said = {key: value.decode("utf-8", "replace") for key, value in found}
    version = said.get(_VERSION_KEY.encode())
    traces, room = (said.get(key.encode(), "") for key in (_TRACES_KEY, _ROOM_KEY))
    if version not in _READABLE or not (_is_count(traces) and _is_count(room)):
        return None
    return FileFacts(version, int(traces), int(room))


def said_of(path: Path | str) -> list[tuple[bytes, bytes]]:
    """The keys and values, as bytes, that a Parquet file says of itself.

    Raises:
        UnreadableInput: it is no Parquet file that can be read.
    """
    file = LOOKUPS.open(path)
    try:
        rows = file.rows("select key, value from parquet_kv_metadata($1)")
        return [(bytes(key), bytes(value)) for key, value in rows]
    finally:
        file.close()


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def newest_start(path: Path | str) -> int | None:
    """The latest start of a span in a canonical file; None where no span has one.

    Raises:
        UnreadableInput: the file is damaged.
    """
    file = LOOKUPS.open(path)
    try:
        ((newest,),) = file.rows(f"select max(start_ns) from {PARQUET}")
    finally:
        file.close()
    return newest if isinstance(newest, int) else None


def project_of(span: Span) -> str | None:
    """The project that the span itself names, as OpenInference resources do."""
    return next((name for key in _PROJECT_KEYS if (name := span.text(key))), None)


def row_of(stored: TraceRow) -> SpanRow:
    """The row of a span or a verdict, in the order of `COLUMNS`; its texts may hold surrogates."""
    return _verdict_row(stored) if isinstance(stored, Evaluation) else _row_of_span(stored)


def _verdict_row(one: Evaluation) -> SpanRow:
    said = {key: at for key, at in one.to_json().items() if key not in ("trace_id", "span_id")}
    place = (one.trace_id, one.span_id, None, one.name, EVALUATION)
    return (*place, None, None, StatusCode.UNSET.value, "", None, canonical_json(said), "[]")


def _row_of_span(span: Span) -> SpanRow:
    attributes = span.attributes
    named = any(key in attributes for key in _PROJECT_KEYS)
    return (
        span.trace_id,
        span.span_id,
        span.parent_id,
        span.name,
        _WORDS[span.kind],
        _int64(span.start_ns),
        _int64(span.end_ns),
        _WORDS[span.status],
        span.status_message,
        project_of(span) if named else None,
        canonical_json(attributes if isinstance(attributes, dict) else dict(attributes)),
        _events_text(span.events) if span.events else "[]",
    )


def _events_text(events: Iterable[SpanEvent]) -> str:
    return canonical_json(
        [
            {"name": event.name, "time_ns": event.time_ns, "attributes": dict(event.attributes)}
            for event in events
        ]
    )


def read_row(row: Sequence[object]) -> TraceRow:
    """The span, or the verdict, of a row that has `SPAN_COLUMNS`.

    Raises:
        ValueError: the row was not written by `write_spans`.
    """
    trace_id, span_id, parent_id, name, kind, start, end, status, message, attributes, events = row
    if not (isinstance(attributes, str) and isinstance(events, str)):
        raise ValueError("attributes and events are not JSON text")
    if kind == EVALUATION:
        judged = None if span_id is None else str(span_id)
        return read_evaluation(str(trace_id), judged, read_json(attributes))
    return Span(
        trace_id=str(trace_id),
        span_id=str(span_id),
        parent_id=None if parent_id is None else str(parent_id),
        name=str(name),
        kind=SpanKind(str(kind)),
        start_ns=start if isinstance(start, int) else None,
        end_ns=end if isinstance(end, int) else None,
        status=StatusCode(str(status)),
        status_message=str(message),
        attributes=_read_object(attributes),
        events=_read_events(events),
    )


def rows_of(trace: Trace) -> tuple[TraceRow, ...]:
    """All that is kept of a trace: its spans, and its verdicts."""
    return (*trace.spans, *trace.evaluations)


def trace_of(trace_id: str, rows: Iterable[TraceRow]) -> Trace:
    """The trace of spans and verdicts as they are stored, in any order."""
    listed = tuple(rows)
    spans = [row for row in listed if isinstance(row, Span)]
    return Trace(trace_id, spans, [row for row in listed if isinstance(row, Evaluation)])


def _read_object(text: str) -> dict[str, JsonValue]:
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError("attributes are no JSON object")
    return value


def _read_events(text: str) -> tuple[SpanEvent, ...]:
    if text == "[]":
        return ()
    events = read_json(text)
    if not isinstance(events, list):
        raise ValueError("events are no JSON list")
    return tuple(map(_read_event, events))


def _read_event(event: JsonValue) -> SpanEvent:
    match event:
        case {
            "name": str() as name,
            "time_ns": None | int() as time_ns,
            "attributes": dict() as at,
        }:
            return SpanEvent(name, time_ns, at)
        case _:
            raise ValueError("an event is not as it was written")


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _int64(value: int | None) -> int | None:
    """The value; a time that 64 bits cannot hold (after 2262) is no time."""
    return value if value is None or value in _INT64 else None


def _batches(spans: Iterable[tuple[int, TraceRow]]) -> Iterator[tuple[list[SpanRow], int]]:
    """Rows in batches with their characters of JSON; both bounded, so that memory is."""
    batch: list[SpanRow] = []
    chars = 0
    for part, span in spans:
        row = row_of(span)
        batch.append((*row, part))
        chars += len(cast(str, row[-2])) + len(cast(str, row[-1]))
        if len(batch) >= _BATCH_ROWS or chars >= _BATCH_CHARS:
            yield batch, chars
            batch, chars = [], 0
    if batch:
        yield batch, chars


def _sort_into(
    parquet: Path, spans: Iterable[tuple[int, TraceRow]], *, files: Collection[str]
) -> WriteSummary:
    """Sort spans, each with the number of its file, into a canonical file.

    `files` are known when all spans are read; where there are none, all that is given is kept.
    """
    with scratch(parquet.parent, memory_mb=_MEMORY_MB, most_mb=_MOST_MEMORY_MB) as con:
        references: list[SubagentReference] = []
        loaded = _load(con, _noted(spans, references))
        if loaded.sorting_mb > _MEMORY_MB:
            con.execute("set global threads = 1")
            con.execute(f"set global memory_limit = '{loaded.sorting_mb}MB'")
        clashes = settle_clashes(con, tuple(files)) if files else ()
        apart = join_subagents(con, references)
        summary = _summary(con, (*clashes, *apart, *_place_verdicts(con)))
        con.execute(
            "copy (select * exclude (part) from spans"
            " order by trace_id, start_ns nulls last, length(span_id), span_id, rowid)"
            f" to {sql_literal(str(parquet.absolute()))} (format parquet, compression zstd,"
            f" data_page_size_limit {_PAGE_BYTES}, row_group_size_bytes"
            f" {_row_group_bytes(chars=loaded.chars, spans=summary.spans)}, kv_metadata"
            f" {{{sql_literal(_VERSION_KEY)}: {sql_literal(SCHEMA_VERSION)},"
            f" {sql_literal(_TRACES_KEY)}: {sql_literal(str(summary.traces))},"
            f" {sql_literal(_ROOM_KEY)}: {sql_literal(str(loaded.room_mb))}}})"
        )
    return summary


def _noted(
    spans: Iterable[tuple[int, TraceRow]], references: list[SubagentReference]
) -> Iterator[tuple[int, TraceRow]]:
    """The same, while what they say of subagents in other traces is kept."""
    for part, stored in spans:
        if isinstance(stored, Span) and (found := reference_in(stored)) is not None:
            references.append(found)
        yield part, stored


class _Loaded(NamedTuple):
    """Characters of JSON, of all spans, of the longest batch and of the longest vector."""

    chars: int
    longest: int
    vector: int

    @property
    def sorting_mb(self) -> int:
        """Sorting moves vectors of rows and holds three: measured with spans of 0.1 to 1 MB."""
        room = max(self.room_mb, 3 * self.vector // 1_000_000)
        return min(_MEMORY_MB + room, _MOST_MEMORY_MB)

    @property
    def room_mb(self) -> int:
        """A batch that long holds a long span, and sorting moves blocks of several of those."""
        return _COPIES * self.longest // 1_000_000 if self.longest > _LONG_BATCH else 0


def _load(con: Scratch, spans: Iterable[tuple[int, TraceRow]]) -> _Loaded:
    """Fill the scratch table, which spills to disk.

    A batch is one statement over columns: thirty times as fast as row inserts.
    """
    columns = ", ".join(f"{name} {type_}" for name, type_ in _SCRATCH_COLUMNS.items())
    con.execute(f"create table spans({columns})")
    attributes, events = (list(_SCRATCH_COLUMNS).index(name) for name in ("attributes", "events"))
    total = longest = 0
    vector: list[int] = [0] * _VECTOR_ROWS
    con.execute("begin")
    for batch, chars in _batches(spans):
        con.execute(*_insertion(batch, chars))
        total += chars
        longest = max(longest, chars)
        for row in batch:
            size = len(cast(str, row[attributes])) + len(cast(str, row[events]))
            if size > vector[0]:
                heapq.heapreplace(vector, size)
    con.execute("commit")
    return _Loaded(total, longest, sum(vector))


def _insertion(batch: Sequence[SpanRow], chars: int) -> tuple[str, list[object]]:
    """The statement that inserts a batch, and its parameters, one for each column.

    A value that all rows share is given once. Texts are given as one text with a character between
    them that none of them holds: half the time of a list of texts, from which a value of the
    engine's is made for each. Long batches are given as lists, which take less memory.
    """
    given: list[object] = []
    inner: list[str] = []
    outer: list[str] = []
    columns = zip(_SCRATCH_COLUMNS.items(), zip(*batch, strict=True), strict=True)
    for place, ((name, type_), values) in enumerate(columns, 1):
        shared = name != "trace_id" and values.count(values[0]) == len(values)
        joined = None if shared or chars > _LONG_BATCH else _joined(type_, values)
        if shared or joined is None:
            values = tuple(_utf8(one) if isinstance(one, str) else one for one in values)
        given.append(values[0] if shared else list(values) if joined is None else joined)
        if shared:
            outer.append(f"${place}::{type_}")
            continue
        listed = f"${place}::{type_}[]" if joined is None else f"string_split(${place}, chr(30))"
        inner.append(f"unnest({listed}) as {name}")
        outer.append(name if joined is None else f"nullif({name}, chr(29))")
    statement = f"insert into spans select {', '.join(outer)} from (select {', '.join(inner)})"
    return statement, given


def _joined(type_: str, values: Sequence[str | int | None]) -> str | None:
    """Texts as one; None where they are no texts, or hold what would stand between them."""
    if type_ != "VARCHAR":
        return None
    if None in values:
        joined = _BETWEEN.join([_NO_TEXT if value is None else str(value) for value in values])
    else:
        joined = _BETWEEN.join(cast(Sequence[str], values))
    apart = joined.count(_BETWEEN) == len(values) - 1
    return _utf8(joined) if apart and joined.count(_NO_TEXT) == values.count(None) else None


def _place_verdicts(con: Scratch) -> tuple[str, ...]:
    """Give verdicts that name a span alone its trace, and leave out those on what is not here."""
    verdicts, spans = f"kind = '{EVALUATION}'", f"kind <> '{EVALUATION}'"
    if not con.execute(f"select 1 from spans where {verdicts} limit 1").fetchall():
        return ()
    con.execute(
        "update spans set trace_id = named.trace_id from (select span_id, any_value(trace_id) as"
        f" trace_id from spans where {spans} and span_id in (select span_id from spans where"
        f" {verdicts} and trace_id = '') group by span_id having count(distinct trace_id) = 1)"
        f" as named where spans.{verdicts} and spans.trace_id = ''"
        " and spans.span_id = named.span_id"
    )
    lost = f"{verdicts} and trace_id not in (select trace_id from spans where {spans})"
    ((count,),) = con.execute(f"select count(*) from spans where {lost}").fetchall()
    if not count:
        return ()
    con.execute(f"delete from spans where {lost}")
    one = "evaluation is of a trace that is not here; it is left out"
    many = "evaluations are of traces that are not here; they are left out"
    return (counted(count, one, many),)


def _summary(con: Scratch, clashes: tuple[str, ...]) -> WriteSummary:
    row = con.execute(
        f"select count(distinct trace_id), count(*) filter (kind <> '{EVALUATION}'),"
        f" count(*) filter (kind = '{EVALUATION}') from spans"
    ).fetchone()
    assert row is not None, "an aggregate has one row"
    return WriteSummary(traces=row[0], spans=row[1], evaluations=row[2], clashes=clashes)


def _row_group_bytes(*, chars: int, spans: int) -> int:
    """The row group size that makes one trace cheap to find and read.

    Each group skipped costs about 10 µs. The one that holds the trace costs about 0.25 ms/MB to
    read; unpacked (1.2 ms/MB) is only what shares a vector of 2,048 rows with the trace, which
    may be all of it. Cost over size is least at the root of the ratio times the file's size.
    """
    vector = 2048 * chars / max(spans, 1)
    best = _balanced(chars, skip=0.010, per_mb=0.25)
    return best if vector <= best else _balanced(chars, skip=0.010, per_mb=1.45)


def _balanced(chars: int, *, skip: float, per_mb: float) -> int:
    """Bytes, from 1 to 64 MB; costs are in milliseconds."""
    megabytes = math.sqrt(skip / per_mb * chars / 1e6)
    return int(min(max(megabytes, 1.0), 64.0) * 1e6)
