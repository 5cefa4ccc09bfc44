"""A source is opened, not loaded: a canonical file as it is, any other through a cache.

The cache entry of a source is a canonical Parquet file and the list of what could not be read,
named by the files' paths, sizes and times and by the code that decodes; so a second run reads
nothing again and reports the same. An entry appears whole: two processes that make it at once
make the same one. One that cannot be read, damaged or of another version, is made again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, ValidationError

from investigator.errors import SourceUnavailable
from investigator.formats.folders import files_of, spelt_path
from investigator.formats.plugin_formats import installed_formats
from investigator.formats.source_files import Decoded, Unreadable, read_files
from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.store.api import InspectionAPI
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Span
from investigator.traces.parquet import (
    SCHEMA_VERSION,
    TraceRow,
    WriteSummary,
    canonical_facts,
    write_files,
)

CACHE_VARIABLE = "INVESTIGATOR_CACHE_DIR"
"""The environment variable that names another cache directory."""

_TRACES = "traces.parquet"
_UNREADABLE = "unreadable.json"
_NAMED = 20
_DECODING = ("formats", "traces", "ground")
"""The rooms whose code has a part in what a source becomes; the error tree has none."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source that answers, what of it could not be read, and which ids clashed in it."""

    api: InspectionAPI
    unreadable: tuple[Unreadable, ...]
    clashes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Where it lies, so that it can be found again from any folder."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a canonical file was made of."""

    written: WriteSummary
    unreadable: tuple[Unreadable, ...]
    clashes: tuple[str, ...] = ()


class _Problem(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    line: int | None
    reason: str


class _Problems(BaseModel):
    """The file of a cache entry that says what its source has besides spans."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unreadable: tuple[_Problem, ...]
    clashes: tuple[str, ...]


def open_files(
    paths: Sequence[Path | str],
    *,
    cache_dir: Path | None = None,
    on_span_count: Callable[[int], None] | None = None,
) -> OpenedSource:
    """Open files, folders or globs of traces; what is not canonical is ingested once.

    `cache_dir` is `default_cache_dir()` unless given; `on_span_count` hears how many spans were
    read so far, while they are.

    Raises:
        SourceUnavailable: a path does not exist, or nothing in the source is readable.
    """
    files = files_of(paths)
    if len(files) == 1 and (facts := canonical_facts(files[0])) is not None:
        return OpenedSource(ParquetInspectionAPI(files[0], facts), ())
    entry = (cache_dir or default_cache_dir()) / _key(files)
    kept = _kept(entry)
    if kept is None:
        _make_entry(entry, files, on_span_count)
        return _from_entry(entry)
    return kept


def _kept(entry: Path) -> OpenedSource | None:
    """What a cache entry holds; None where there is none, or none that this code can read."""
    try:
        return _from_entry(entry)
    except (OSError, ValidationError, SourceUnavailable):
        return None


def _from_entry(entry: Path) -> OpenedSource:
    problems = _Problems.model_validate_json((entry / _UNREADABLE).read_bytes())
    return OpenedSource(
        ParquetInspectionAPI(entry / _TRACES),
        tuple(Unreadable(Path(p.file), p.line, p.reason) for p in problems.unreadable),
        problems.clashes,
    )


def default_cache_dir() -> Path:
    """`$INVESTIGATOR_CACHE_DIR`, else a folder of the user's cache directory."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else user_cache_path("phoenix-rlm-investigator") / "sources"


def ingest_files(
    paths: Sequence[Path | str],
    target: Path,
    *,
    files: Sequence[Path] | None = None,
    on_span_count: Callable[[int], None] | None = None,
) -> Ingested:
    """Write everything readable in the paths to one canonical file, in one pass.

    `files` are those of the paths, where they are known already.

    Raises:
        SourceUnavailable: nothing is readable; the message lists why. Nothing is written then.
    """
    reading = _Reading(files_of(paths) if files is None else files, on_span_count)
    stored = reading.stored()
    first: list[tuple[str, TraceRow]] = []
    while not (first and isinstance(first[-1][1], Span)):
        item = next(stored, None)
        if item is None:
            raise SourceUnavailable(_nothing_readable(paths, reading.unreadable))
        first.append(item)
    written = write_files(chain(first, stored), target)
    return Ingested(written, tuple(reading.unreadable), (*reading.clashes, *written.clashes))


class _Reading:
    """One pass over the files; what was met on the way is whole when they are exhausted."""

    def __init__(self, files: Sequence[Path], on_span_count: Callable[[int], None] | None) -> None:
        self._files = files
        self._on_span_count = on_span_count
        self.unreadable: list[Unreadable] = []
        self.clashes: list[str] = []

    def stored(self) -> Iterator[tuple[str, TraceRow]]:
        """Every span and every verdict, with its file."""
        count = 0
        for item in read_files(self._files):
            match item:
                case Decoded(file, spans, clash):
                    yield from ((spelt_path(file), stored) for stored in item.stored)
                    self.clashes += [] if clash is None else [clash]
                    count += len(spans)
                    if self._on_span_count is not None:
                        self._on_span_count(count)
                case Unreadable():
                    self.unreadable.append(item)


def _nothing_readable(paths: Sequence[Path | str], unreadable: Sequence[Unreadable]) -> str:
    named = ", ".join(f"'{spelt_path(path)}'" for path in paths)
    reasons = [f"  {problem}" for problem in unreadable[:_NAMED]]
    if len(unreadable) > _NAMED:
        reasons.append(f"  and {len(unreadable) - _NAMED:,} more")
    return "\n".join([f"nothing readable in {named}:", *reasons])


def _key(files: Sequence[Path]) -> str:
    """Names a cache entry after the state of the files and of the code that decodes them."""
    states: list[JsonValue] = []
    for file in files:
        # `Path.resolve` raises where links lead back to themselves, which is for the reader to say.
        place = spelt_path(os.path.realpath(file))
        try:
            state = file.stat()
        except OSError:
            states.append([place, None, None])
        else:
            states.append([place, state.st_size, state.st_mtime_ns])
    return sha256_json([SCHEMA_VERSION, _decoding(), states])[:32]


def _decoding() -> JsonValue:
    """Names the code that decodes, so that what older code made of a source is left behind.

    A plug-in's version may stay the same while it is worked on, so its code counts too.
    """
    own = [Path(__file__).parents[1] / room for room in _DECODING]
    added: list[JsonValue] = [
        [str(origin), _code_of(_folders_of(one.decode))]
        for origin, one in installed_formats().values
    ]
    return [_code_of(own), version("duckdb"), platform.python_version(), added]


def _folders_of(decode: object) -> Sequence[Path]:
    """Where the package of a function lies, or its module by itself; nowhere where it has none."""
    name = getattr(decode, "__module__", None) or ""
    module = sys.modules.get(name.partition(".")[0])
    file = getattr(module, "__file__", None)
    return [Path(folder) for folder in getattr(module, "__path__", [file] if file else [])]


def _code_of(places: Sequence[Path]) -> str:
    """One hash over the Python files in folders, or that are named themselves."""
    digest = hashlib.sha256()
    for place in places:
        for module in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = module.read_bytes()
            digest.update(f"{module.name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _make_entry(
    entry: Path, files: Sequence[Path], on_span_count: Callable[[int], None] | None
) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
    try:
        target = scratch / _TRACES
        made = ingest_files(files, target, files=files, on_span_count=on_span_count)
        problems = _Problems(
            unreadable=tuple(
                _Problem(file=spelt_path(p.file), line=p.line, reason=p.reason)
                for p in made.unreadable
            ),
            clashes=made.clashes,
        )
        text = problems.model_dump_json()
        (scratch / _UNREADABLE).write_text(text, encoding="utf-8")
        _publish(scratch, entry)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _publish(scratch: Path, entry: Path) -> None:
    """Give the entry its name, unless another process was first with the same.

    The files of one that cannot be read are replaced, each as a whole and by what any process
    would write, so that two that mend it at once do each other no harm.
    """
    try:
        os.rename(scratch, entry)
    except OSError:
        if not entry.is_dir():
            raise
        if _kept(entry) is None:
            for name in (_TRACES, _UNREADABLE):
                os.replace(scratch / name, entry / name)
