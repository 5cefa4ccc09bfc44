"""The sources that a server was started with, by name; no other is ever opened.

A source stays open between calls, with the readings of the traces that were asked for. One whose
files have changed since is opened anew; a live one after a while.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

from investigator.errors import SpanNotFound, UsageError
from investigator.formats.folders import files_of
from investigator.ground.canonical_json import JsonValue
from investigator.ground.own_patterns import OwnPatterns
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import read_trace
from investigator.inspection.trace_tools import inspection_tools
from investigator.runs.live_places import live_place
from investigator.runs.sources import located, open_source
from investigator.runs.trace_names import trace_named
from investigator.runtime.tools import Tool
from investigator.store.open import OpenedSource

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)")
"""`NAME=SOURCE`, as on the command line."""
_LIVE_FOR_S = 30.0
"""A live source has new traces now and then; within a conversation it should stand still."""
_NEAR_SPANS = 3
_KEPT_IDS = 5_000
"""Ids of traces that list_traces shows as they are, even where one looks like a phone number."""

Places: TypeAlias = tuple[str, ...]
"""Where a source lies, so that it is found from any folder."""


def sources_named(told: Sequence[str], configured: Mapping[str, str]) -> dict[str, Places]:
    """The sources to serve by name: those told, else those of the config file.

    One that is told is `NAME=SOURCE`, or a source whose last part is its name.

    Raises:
        UsageError: there is none, or two have one name.
    """
    pairs = [_pair(one) for one in told] or list(configured.items())
    if not pairs:
        raise UsageError(
            "name at least one source: `investigator mcp SOURCE`, or a table [sources] in "
            'investigator.toml with lines like  traces = "exports/"'
        )
    found: dict[str, Places] = {}
    for name, source in pairs:
        if name in found:
            raise UsageError(f"two sources are called '{name}': name them, as NAME={source}")
        found[name] = located(source)
    return found


def _pair(told: str) -> tuple[str, str]:
    """The name of a source, and where it lies."""
    named = _NAMED.fullmatch(told)
    if named is not None and not os.path.exists(told):
        return named[1], named[2]
    return told.rstrip("/").rpartition("/")[2] or told, told


@dataclass(slots=True)
class _Open:
    """A source while it is open, with the tools over it, each by its name."""

    source: OpenedSource
    redactor: Redactor
    tools: Mapping[str, Tool[Any]]
    state: object
    since: float = field(default_factory=time.monotonic)
    known: set[str] = field(default_factory=set)

    def keep_ids_of(self, trace_id: str) -> None:
        """No id of the trace is redacted from now on, so that it can be asked for."""
        if trace_id not in self.known:
            read_trace(self.source.api, trace_id, self.redactor)
            self.known.add(trace_id)


class ServedSource:
    """One source; one caller at a time reads it."""

    def __init__(
        self, name: str, places: Places, redact: OwnPatterns, cache_dir: Path | None
    ) -> None:
        self.name = name
        self.places = places
        self._redact = redact
        self._cache_dir = cache_dir
        self._lock = RLock()
        self._open: _Open | None = None

    def trace_id(self, named: str) -> str:
        """The id of the trace that a text names.

        Raises:
            UsageError: several ids begin so.
            TraceNotFound: none does; the message has those that are like it.
        """
        with self._lock:
            return trace_named(self._opened().source, named)

    async def read(self, tool: str, given: Mapping[str, Any]) -> JsonValue:
        """What an inspection tool answers, redacted; in a thread of its own.

        Raises:
            InvestigatorError: the read was refused; the message says why.
        """
        with self._lock:
            opened = self._opened()
            read = opened.tools[tool]
            args = read.args.model_validate(given)
            named = getattr(args, "trace_id", None)
            if named is not None:
                trace_id = trace_named(opened.source, named)
                opened.keep_ids_of(trace_id)
                args = args.model_copy(update={"trace_id": trace_id})
            try:
                return (await read.run(args, _cited)).page
            except SpanNotFound as error:
                raise SpanNotFound(f"{error}{_like(opened, args)}") from None

    def summary(self) -> dict[str, JsonValue]:
        """What it is called, how many traces it holds, and what of it could not be read."""
        with self._lock:
            opened = self._opened().source
            return {
                "source": self.name,
                "traces": opened.api.count_traces(),
                "unreadable": [str(one) for one in opened.unreadable],
            }

    def require_there(self) -> None:
        """Raise `SourceUnavailable` where its files are not there; a live one is not asked yet."""
        self._state()

    def close(self) -> None:
        """Close it where it is open."""
        with self._lock:
            if self._open is not None:
                self._open.source.api.close()
                self._open = None

    def _opened(self) -> _Open:
        state = self._state()
        if self._open is not None and self._open.state == state and self._is_fresh(self._open):
            return self._open
        self.close()
        source = open_source(self.places, cache_dir=self._cache_dir)
        redactor = Redactor(self._redact)
        redactor.keep(source.api.trace_ids_from("", limit=_KEPT_IDS))
        tools = {tool.name: tool for tool in inspection_tools(source.api, redactor)}
        self._open = _Open(source, redactor, tools, state)
        return self._open

    def _state(self) -> object:
        """What changes when the files do.

        Raises:
            SourceUnavailable: they are not there.
        """
        if self._is_live:
            return None
        found: list[tuple[Path, int | None, int | None]] = []
        for file in files_of(self.places):
            try:
                stat = file.stat()
            except OSError:
                found.append((file, None, None))
            else:
                found.append((file, stat.st_size, stat.st_mtime_ns))
        return found

    @property
    def _is_live(self) -> bool:
        return any(live_place(place) is not None for place in self.places)

    def _is_fresh(self, opened: _Open) -> bool:
        return not self._is_live or time.monotonic() - opened.since < _LIVE_FOR_S


def _cited(ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:  # noqa: ARG001
    """Outside of a run, evidence is called what reports call it."""
    return str(ref["ref"])


def _like(opened: _Open, args: Any) -> str:
    """The spans whose ids are like one that is not there, for a message."""
    ids = [span.span_id for span in opened.source.api.list_spans(args.trace_id)]
    near = get_close_matches(str(args.span_id), ids, n=_NEAR_SPANS)
    return f"; like it are {', '.join(map(repr, near))}" if near else ""


class ServedSources:
    """All sources of a server."""

    def __init__(
        self, places: Mapping[str, Places], redact: OwnPatterns, cache_dir: Path | None = None
    ) -> None:
        self._sources = {
            name: ServedSource(name, where, redact, cache_dir) for name, where in places.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called, in the order in which they were named."""
        return tuple(self._sources)

    def named(self, name: str) -> ServedSource:
        """One of them.

        Raises:
            UsageError: there is none of that name.
        """
        found = self._sources.get(name)
        if found is None:
            near = get_close_matches(name, self._sources, 1)
            meant = f" (did you mean '{near[0]}'?)" if near else ""
            raise UsageError(
                f"no source '{name}' is served here{meant}; there are: {', '.join(self.names)}"
            )
        return found

    def of_places(self, places: str) -> str | None:
        """The name of the source that lies there, as records say it; None for another."""
        return next(
            (n for n, one in self._sources.items() if ", ".join(one.places) == places), None
        )

    def summaries(self) -> list[dict[str, JsonValue]]:
        """Each in a few words."""
        return [one.summary() for one in self._sources.values()]

    def require_there(self) -> None:
        """Raise `SourceUnavailable` where the files of one are not there."""
        for one in self._sources.values():
            one.require_there()

    def close(self) -> None:
        """Close those that are open."""
        for one in self._sources.values():
            one.close()
