"""Where traces come from: files that are read once into a canonical one, or a live Phoenix."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from investigator.errors import UsageError
from investigator.inspection.open import Ingested, OpenedSource
from investigator.inspection.open import ingest as ingest_files
from investigator.inspection.open import open_source as open_files
from investigator.phoenix.address import is_phoenix_address, phoenix_address
from investigator.phoenix.connection import PhoenixConnection
from investigator.phoenix.source import PhoenixInspectionAPI

Source: TypeAlias = str | Path | Sequence[str | Path]
"""A file, a folder, a glob or several of them; or `phoenix://HOST:PORT/PROJECT`."""


def located(source: Source) -> tuple[str, ...]:
    """The places that a source names, so that they can be found again from anywhere.

    Raises:
        UsageError: a Phoenix together with other places, or an address that is none.
    """
    one = isinstance(source, str | Path)
    several: Sequence[str | Path] = [source] if one else source  # type: ignore[list-item, assignment]
    if not any(map(is_phoenix_address, several)):
        return tuple(os.path.abspath(path) for path in several)
    if len(several) > 1:
        raise UsageError("a Phoenix is a source by itself: name it alone")
    return (str(phoenix_address(str(several[0]))),)


def open_source(
    paths: Sequence[Path | str],
    *,
    cache_dir: Path | None = None,
    on_span_count: Callable[[int], None] | None = None,
) -> OpenedSource:
    """Open a source (`located`); files that are not canonical are ingested once into `cache_dir`.

    A Phoenix is asked nothing yet.

    Raises:
        SourceUnavailable: a path does not exist, or nothing in the source is readable.
    """
    live = live_source(paths, on_span_count)
    if live is not None:
        return OpenedSource(live, ())
    return open_files(paths, cache_dir=cache_dir, on_span_count=on_span_count)


def ingest(
    paths: Sequence[Path | str],
    target: Path,
    *,
    on_span_count: Callable[[int], None] | None = None,
) -> Ingested:
    """Write everything readable in a source to one canonical file.

    Raises:
        SourceUnavailable: nothing is readable; nothing is written then.
    """
    live = live_source(paths, on_span_count)
    if live is None:
        return ingest_files(paths, target, on_span_count=on_span_count)
    try:
        return Ingested(live.freeze(target), ())
    finally:
        live.close()


def live_source(
    paths: Sequence[Path | str], on_span_count: Callable[[int], None] | None = None
) -> PhoenixInspectionAPI | None:
    """The Phoenix that the source names; None where it names files."""
    places = located(list(paths))
    if not is_phoenix_address(places[0]):
        return None
    connection = PhoenixConnection(phoenix_address(places[0]))
    return PhoenixInspectionAPI(connection, on_span_count=on_span_count)
