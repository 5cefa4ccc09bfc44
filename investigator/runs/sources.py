"""Where traces come from: files that are read once into a canonical one, or a live source."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeGuard, cast

from investigator.errors import SourceUnavailable, UsageError
from investigator.formats.source_files import Decoded, read_source
from investigator.runs.given_traces import GivenTraces, PathSource, as_file, names_paths
from investigator.runs.live_places import live_place
from investigator.store.api import InspectionAPI
from investigator.store.live import LiveInspectionAPI
from investigator.store.open import Ingested, OpenedSource
from investigator.store.open import ingest_files as ingest_files
from investigator.store.open import open_files as open_files
from investigator.traces.parquet import WriteSummary, newest_start, write_spans

TraceSource: TypeAlias = PathSource | GivenTraces
"""A file, a folder, a glob or several of them; or the address of a live source; or traces that the
program holds itself.
"""


class TimeWindow(NamedTuple):
    """Spans that start in `[start_ns, end_ns)`; None is unbounded."""

    start_ns: int | None = None
    end_ns: int | None = None
    since_last: bool = False


ALWAYS = TimeWindow()
LAST = TimeWindow(since_last=True)
"""What is newer than the file that is there."""
OVERLAP_NS = 3600 * 10**9


def located(source: PathSource) -> tuple[str, ...]:
    """The places that a source names, so that they can be found again from anywhere.

    Raises:
        UsageError: a live source together with other places, or an address that is none.
        SourceUnavailable: an empty text.
    """
    one = isinstance(source, str | Path)
    several: Sequence[str | Path] = [source] if one else source  # type: ignore[list-item, assignment]
    if "" in several or not several:
        raise SourceUnavailable("'' isn't a source; name a file, a folder, a glob or an address")
    place = next((place for one in several if (place := live_place(one)) is not None), None)
    if place is None:
        return tuple(os.path.abspath(path) for path in several)
    if len(several) > 1:
        raise UsageError(f"{place.name} is a source by itself: name it alone")
    return (str(place.complete(str(several[0]))),)


def open_source(
    source: TraceSource,
    *,
    cache_dir: Path | None = None,
    on_span_count: Callable[[int], None] | None = None,
) -> OpenedSource:
    """Open a source; files that are not canonical are ingested once into `cache_dir`.

    A live source is asked nothing yet.

    Raises:
        SourceUnavailable: a path does not exist, or nothing in the source is readable.
    """
    if not names_paths(source):
        return _opened_given(cast("GivenTraces", source), cache_dir, on_span_count)
    paths = located(source)
    live = live_source(paths, on_span_count)
    if live is not None:
        return OpenedSource(live, (), paths=paths)
    return replace(open_files(paths, cache_dir=cache_dir, on_span_count=on_span_count), paths=paths)


def _opened_given(
    given: GivenTraces, cache_dir: Path | None, on_span_count: Callable[[int], None] | None
) -> OpenedSource:
    """Traces that the program holds, open; what is wrong with them is told of them."""
    path = as_file(given, cache_dir)
    try:
        return open_source(path, cache_dir=cache_dir, on_span_count=on_span_count)
    except SourceUnavailable as error:
        raise SourceUnavailable(str(error).replace(f"'{path}'", "the traces given")) from None


def ingest_source(
    paths: Sequence[Path | str],
    target: Path,
    *,
    window: TimeWindow = ALWAYS,
    on_span_count: Callable[[int], None] | None = None,
) -> Ingested:
    """Write everything readable in a source to one canonical file.

    Of a live source, the whole traces that have a span in the `window`; files are read whole. With
    `LAST`, a file of an earlier ingestion is brought up to date.

    Raises:
        SourceUnavailable: nothing is readable; nothing is written then.
        UsageError: a window of files.
    """
    live = live_source(paths, on_span_count)
    if live is None:
        if window != ALWAYS:
            raise UsageError("a window is read of a live source; files are ingested whole")
        return ingest_files(paths, target, on_span_count=on_span_count)
    try:
        if window == LAST and target.is_file():
            written = _updated(live, target)
        else:
            written = live.freeze(target, start_ns=window.start_ns, end_ns=window.end_ns)
        return Ingested(written, tuple(live.unreadable))
    finally:
        live.close()


def _updated(live: LiveInspectionAPI, target: Path) -> WriteSummary:
    """The file with the traces that have newer spans read again, whole, and the others kept.

    Spans arrive when they end, those that started earlier after others, so an hour before the
    newest start is read again.
    """
    newest = newest_start(target)
    since = None if newest is None else newest - OVERLAP_NS
    changed = dict.fromkeys(live.trace_ids_in(since, None))
    kept = (
        stored
        for item in read_source([target])
        if isinstance(item, Decoded)
        for stored in item.stored
        if stored.trace_id not in changed
    )
    return write_spans(chain(kept, live.stored(tuple(changed))), target)


def is_live(api: InspectionAPI) -> TypeGuard[LiveInspectionAPI]:
    """Whether it is a source that goes on changing."""
    return isinstance(api, LiveInspectionAPI)


def live_source(
    paths: Sequence[Path | str], on_span_count: Callable[[int], None] | None = None
) -> LiveInspectionAPI | None:
    """The live source that the source names; None where it names files."""
    places = located(list(paths))
    place = live_place(places[0])
    return None if place is None else place.read(places[0], on_span_count)
