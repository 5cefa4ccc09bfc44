"""Of a Parquet object the row groups that a question needs are read, and no others.

The footer says which row groups may hold a trace or a time; the narrow column of trace ids, which
do. What is read is written to a local Parquet file, so that it is decoded as any file is.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from investigator.connectors.objects.bucket import Bucket, StoredObject
from investigator.errors import SourceUnavailable

TRACE_COLUMNS = ("trace_id", "TraceId", "context.trace_id", "traceId")
TIME_COLUMNS = ("start_ns", "Timestamp", "start_time", "startTime", "start_timestamp")
_TAIL = 8
_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


class RemoteParquet:
    """A Parquet object, read by ranges of one version.

    Raises:
        SourceUnavailable: it is damaged, or changed meanwhile.
    """

    def __init__(self, bucket: Bucket, wanted: StoredObject) -> None:
        import pyarrow.parquet as pq

        self._bucket, self._wanted = bucket, wanted
        size = wanted.size
        tail = bucket.read(wanted, max(size - _TAIL, 0), size)
        if len(tail) < _TAIL or tail[4:] != b"PAR1":
            raise self._damaged("it does not end as Parquet does")
        (length,) = struct.unpack("<I", tail[:4])
        if length + _TAIL + 4 > size:
            raise self._damaged("its footer is longer than it is")
        footer = bucket.read(wanted, size - _TAIL - length, size)
        self._file = self._understood(
            lambda: pq.ParquetFile(
                _Ranges(bucket, wanted),
                metadata=pq.read_metadata(io.BytesIO(b"PAR1" + footer)),
                pre_buffer=False,
            )
        )
        names = set(self._file.schema_arrow.names)
        self.trace_column = next((name for name in TRACE_COLUMNS if name in names), None)
        self.time_column = next((name for name in TIME_COLUMNS if name in names), None)

    def ids_in(self, start_ns: int | None, end_ns: int | None) -> set[str] | None:
        """The traces with a span that starts in the window; None where its columns cannot say."""
        trace, time = self.trace_column, self.time_column
        scale = None if time is None else self._scale(time)
        if trace is None or time is None or scale is None:
            return None
        low = None if start_ns is None else -(-start_ns // scale)
        high = None if end_ns is None else -(-end_ns // scale)
        found: set[str] = set()
        for group in self._groups(time, lambda least, most: _meets(least, most, low, high)):
            table = self._read(group, [trace, time])
            times = table[time].cast("int64").to_pylist()
            for trace_id, at in zip(table[trace].to_pylist(), times, strict=True):
                if at is not None and (low is None or at >= low) and (high is None or at < high):
                    found.add(str(trace_id))
        return found

    def all_ids(self) -> set[str] | None:
        """Every trace id in it; None where no column has them."""
        trace = self.trace_column
        if trace is None:
            return None
        groups = range(self._file.num_row_groups)
        return {
            str(one) for group in groups for one in self._read(group, [trace])[trace].to_pylist()
        }

    def write_slice(self, ids: Collection[str], target: Path) -> bool:
        """Write the rows of these traces to a file; False where it has none of them."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        trace = self.trace_column
        assert trace is not None
        wanted = sorted(ids)
        values = pa.array(wanted, pa.string())
        written = False
        writer = pq.ParquetWriter(target, self._file.schema_arrow)
        try:
            for group in self._groups(trace, lambda least, most: _any_in(wanted, least, most)):
                held = pc.is_in(self._read(group, [trace])[trace].cast("string"), value_set=values)
                if pc.any(held).as_py():
                    writer.write_table(self._read(group, None).filter(held))
                    written = True
        finally:
            writer.close()
        return written

    def _groups(self, column: str, may_hold: Callable[[Any, Any], bool]) -> list[int]:
        """The row groups whose statistics let them hold what is looked for."""
        metadata = self._file.metadata
        place = next(
            (at for at in range(metadata.num_columns) if metadata.schema.column(at).path == column),
            None,
        )
        kept = []
        for group in range(metadata.num_row_groups):
            said = None if place is None else metadata.row_group(group).column(place).statistics
            if said is None or not said.has_min_max or may_hold(said.min_raw, said.max_raw):
                kept.append(group)
        return kept

    def _scale(self, column: str) -> int | None:
        """Nanoseconds of one unit of a column of times; None where it is no such column."""
        import pyarrow as pa

        kind = self._file.schema_arrow.field(column).type
        if pa.types.is_timestamp(kind):
            return _NS[kind.unit]
        return 1 if pa.types.is_int64(kind) and column.endswith("_ns") else None

    def _read(self, group: int, columns: list[str] | None) -> Any:
        return self._understood(lambda: self._file.read_row_group(group, columns=columns))

    def _understood(self, read: Callable[[], Any]) -> Any:
        import pyarrow as pa

        try:
            return read()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._damaged(str(error).partition("\n")[0][:200]) from error

    def _damaged(self, why: str) -> SourceUnavailable:
        address = self._bucket.address
        place = f"{address.scheme}://{address.bucket}/{self._wanted.key}"
        return SourceUnavailable(f"'{place}' is no readable Parquet file: {why}")


class _Ranges(io.RawIOBase):
    """An object as a file that is read where it is asked for."""

    def __init__(self, bucket: Bucket, wanted: StoredObject) -> None:
        self._bucket, self._wanted, self._at = bucket, wanted, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._wanted.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._wanted.size)
        data = self._bucket.read(self._wanted, self._at, end)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _meets(least: Any, most: Any, low: int | None, high: int | None) -> bool:
    known = isinstance(least, int) and isinstance(most, int)
    return not known or ((low is None or most >= low) and (high is None or least < high))


def _any_in(wanted: list[str], least: Any, most: Any) -> bool:
    """Whether one of the ids lies between the statistics; these may be cut off at their end."""
    low, high = (one.encode() if isinstance(one, str) else one for one in (least, most))
    if not (isinstance(low, bytes) and isinstance(high, bytes)):
        return True
    return any(low <= one.encode() and one.encode()[: len(high)] <= high for one in wanted)
