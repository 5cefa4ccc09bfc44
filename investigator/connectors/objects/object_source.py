"""A prefix of an object store behind the inspection API: what a question does not need stays there.

Of a Parquet object only the row groups that hold a trace are read. Any other object is read whole,
once for each of its versions: its copy, and which traces it holds, are kept in the cache, where a
changed object is found under another name. An object that is named after a trace is asked for that
trace first, and holds all of it; else those are read of which it is not known what they hold.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from investigator.connectors.objects.bucket import Bucket, StoredObject
from investigator.connectors.objects.parquet_slices import RemoteParquet
from investigator.errors import SourceUnavailable
from investigator.formats.folders import has_hidden_part, has_trace_suffix, suffixes_said
from investigator.formats.source_files import Decoded, Unreadable, read_stemmed, stems_of
from investigator.ground.canonical_json import sha256_json
from investigator.ground.wording import counted
from investigator.store.live import LiveInspectionAPI, OnCount
from investigator.store.open import default_cache_dir
from investigator.store.reads import first_ids
from investigator.traces.model import Span, Trace
from investigator.traces.parquet import TraceRow, trace_of

_AT_ONCE = 16
"""Objects that are fetched side by side: a store answers each after some tens of milliseconds."""
_PARQUET = ".parquet"


class ObjectInspectionAPI(LiveInspectionAPI):
    """The inspection API over the objects below an address, as they were when it was opened.

    Every read may raise `SourceUnavailable`: an object that changes meanwhile is not read on.
    """

    def __init__(
        self, bucket: Bucket, *, cache_dir: Path | None = None, on_span_count: OnCount | None = None
    ) -> None:
        super().__init__(str(bucket.address), on_span_count=on_span_count)
        self._bucket = bucket
        self._cache = (cache_dir or default_cache_dir()) / "objects"
        self._known: dict[str, frozenset[str]] = {}
        self._remote: dict[str, RemoteParquet] = {}
        self.named_unreadable: dict[str, tuple[Unreadable, ...]] = {}

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """What could not be read, of the objects that were read so far."""
        return [one for key in sorted(self.named_unreadable) for one in self.named_unreadable[key]]

    @cached_property
    def objects(self) -> tuple[StoredObject, ...]:
        """The objects that are looked at, in order of key."""
        listed = self._bucket.listed()
        base = self._bucket.address.key
        found = tuple(
            one
            for one in listed
            if one.key == base
            or (
                has_trace_suffix(one.key)
                and not has_hidden_part(one.key.removeprefix(base).strip("/").split("/"))
            )
        )
        if not found:
            raise SourceUnavailable(
                f"no traces at '{self.place}': found no object of {suffixes_said()} there"
                f" ({counted(len(listed), 'object')})"
            )
        return found

    @cached_property
    def _stems(self) -> dict[str, str]:
        """What each object is called among the others, as files of a folder are."""
        stems = stems_of([Path("/", one.key) for one in self.objects])
        return {one.key: stems[Path("/", one.key)] for one in self.objects}

    def close(self) -> None:
        """Nothing is held open."""

    def count_traces(self) -> int:
        """How many traces there are, which has to be read of each object."""
        return len(self._all_ids())

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text; those of all objects have to be known."""
        return first_ids(self._all_ids(), prefix, limit=limit)

    def trace_ids_in(self, start_ns: int | None, end_ns: int | None) -> Sequence[str]:
        """The traces that may have a span in the window."""
        found: set[str] = set()
        self._fetch([one for one in self.objects if self._parquet(one) is None])
        for one in self.objects:
            remote = self._parquet(one)
            ids = None if remote is None else remote.ids_in(start_ns, end_ns)
            found |= self._ids(one) if ids is None else ids
        return sorted(found)

    def read_trace(self, trace_id: str) -> Trace | None:
        """All of one trace, from the objects that hold it."""
        after = [one for one in self.objects if trace_id and trace_id in self._stems[one.key]]
        for objects in (after, self.objects):
            rows = list(self._rows_of({trace_id}, objects))
            if any(isinstance(row, Span) for row in rows):
                return trace_of(trace_id, rows)
        return None

    def read_rows(self, trace_ids: Sequence[str] | None) -> Iterator[TraceRow]:
        """The spans of whole traces, and the verdicts on them."""
        if trace_ids is not None:
            yield from self._rows_of(set(trace_ids), self.objects)
            return
        self._fetch(self.objects)
        for one in self.objects:
            yield from self._decoded(one, self._copy(one))

    def _rows_of(
        self, wanted: Collection[str], objects: Sequence[StoredObject]
    ) -> Iterator[TraceRow]:
        """The rows of these traces in some objects; what is known to hold none is not read."""
        whole = [one for one in objects if self._parquet(one) is None]
        self._fetch([one for one in whole if self._may_hold(one, wanted)])
        for one in objects:
            remote = self._parquet(one)
            if remote is not None and remote.trace_column is not None:
                with tempfile.TemporaryDirectory(prefix="investigator-") as folder:
                    part = Path(folder) / "part.parquet"
                    if remote.write_slice(wanted, part):
                        yield from (
                            r for r in self._decoded(one, part, part=True) if r.trace_id in wanted
                        )
            elif self._may_hold(one, wanted):
                yield from (r for r in self._decoded(one, self._copy(one)) if r.trace_id in wanted)

    def _may_hold(self, one: StoredObject, wanted: Collection[str]) -> bool:
        known = self._known_ids(one)
        return known is None or not known.isdisjoint(wanted)

    def _all_ids(self) -> set[str]:
        self._fetch([one for one in self.objects if self._parquet(one) is None])
        found: set[str] = set()
        for one in self.objects:
            remote = self._parquet(one)
            ids = None if remote is None else remote.all_ids()
            found |= self._ids(one) if ids is None else ids
        return found

    def _ids(self, one: StoredObject) -> frozenset[str]:
        """The traces that an object holds; it is read where that is not known yet."""
        known = self._known_ids(one)
        if known is None:
            for _ in self._decoded(one, self._copy(one)):
                pass
            known = self._known[one.key]
        return known

    def _known_ids(self, one: StoredObject) -> frozenset[str] | None:
        if one.key not in self._known:
            kept = self._entry(one) / "ids.json"
            try:
                ids = json.loads(kept.read_bytes())
            except (OSError, ValueError):
                return None
            if not isinstance(ids, list):
                return None
            self._known[one.key] = frozenset(map(str, ids))
        return self._known[one.key]

    def _decoded(self, one: StoredObject, path: Path, *, part: bool = False) -> Iterator[TraceRow]:
        """What a copy of an object holds; once it is read whole, its traces are known."""
        ids: set[str] = set()
        problems: list[Unreadable] = []
        for item in read_stemmed({path: self._stems[one.key]}, called={path: Path(one.key)}):
            match item:
                case Decoded():
                    for row in item.stored:
                        ids.add(row.trace_id)
                        yield row
                case Unreadable():
                    problems.append(item)
        self.named_unreadable[one.key] = tuple(problems)
        if not part:
            self._known[one.key] = frozenset(ids)
            if not problems:
                # What is damaged is named each time, so it is read each time.
                _written(self._entry(one) / "ids.json", json.dumps(sorted(ids)))

    def _parquet(self, one: StoredObject) -> RemoteParquet | None:
        """The object as Parquet that is read by parts; None where it is of another kind."""
        if not one.key.lower().endswith(_PARQUET):
            return None
        if one.key not in self._remote:
            self._remote[one.key] = RemoteParquet(self._bucket, one)
        return self._remote[one.key]

    def _fetch(self, objects: Sequence[StoredObject]) -> None:
        """Have copies of objects, several at a time."""
        missing = [one for one in objects if not (self._entry(one) / "content").exists()]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(self._copy, missing):
                pass

    def _copy(self, one: StoredObject) -> Path:
        """The copy of this version of an object, which is made whole or not at all."""
        path = self._entry(one) / "content"
        if not path.exists() or path.stat().st_size != one.size:
            _made(path, lambda scratch: self._bucket.fetch(one, scratch))
        return path

    def _entry(self, one: StoredObject) -> Path:
        """Where a version of an object is kept; another version has another place."""
        address = self._bucket.address
        named = sha256_json([address.scheme, address.bucket, one.key, one.version])
        return self._cache / named[:2] / named[2:34]


def _written(path: Path, text: str) -> None:
    _made(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def _made(path: Path, make: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix=".", dir=path.parent))
    try:
        make(folder / path.name)
        os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
