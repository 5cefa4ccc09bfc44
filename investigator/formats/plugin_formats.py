"""A plug-in's format is tried after the built-in ones, and its failures are the record's.

After them, so that what is read without a plug-in is read the same with it; before containers, so
that a plug-in may know a list of spans as its own. A decoder that raises makes its record
unreadable, with the plug-in's name in the reason; a `looks_like` that raises knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from investigator.errors import UnreadableInput
from investigator.formats import FORMATS
from investigator.formats.format import Format, Lines, Record, Session
from investigator.ground.plugins import Broken, Loaded, PlugIn, Registry, report_failure
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span

EVERY = Registry("investigator.formats", Format, lambda: FORMATS)

_T = TypeVar("_T")


def plugin_formats() -> tuple[Format, ...]:
    """The formats of plug-ins, in order of their names."""
    return tuple(_guarded(origin, one) for origin, one in installed_formats().values)


def plugin_session_of(line: Record) -> Session | None:
    """The plug-in's session format of a line; None where a built-in format knows it, or none."""
    added = [one for one in plugin_formats() if one.lines is not None]
    if not added or any(known.looks_like(line) for known in FORMATS):
        return None
    for one in added:
        if one.lines is not None and one.lines.is_line(line):
            return _session(one, one.lines)
    return None


@lru_cache
def _session(one: Format, lines: Lines) -> Session:
    return Session(format=one, is_line=lines.is_line, records=lines.records)


def installed_formats() -> Loaded[Format]:
    """The formats of plug-ins as they are, with where they come from, and what is broken."""
    return EVERY.loaded()


@lru_cache
def _guarded(origin: PlugIn, one: Format) -> Format:
    def looks_like(record: Record) -> bool:
        try:
            return bool(_called(lambda: one.looks_like(record)))
        except UnreadableInput as error:
            report_failure(Broken(origin, f"its looks_like {error}"))
            return False

    def decode(record: Record, stem: str) -> Iterable[Span | Evaluation | None]:
        try:
            return _called(lambda: _spans(one, record, stem))
        except UnreadableInput as error:
            raise UnreadableInput(f"plug-in {origin} {error}") from error

    lines = None if one.lines is None else _guarded_lines(origin, one.lines)
    return replace(one, looks_like=looks_like, decode=decode, lines=lines)


def _guarded_lines(origin: PlugIn, lines: Lines) -> Lines:
    def is_line(record: Record) -> bool:
        try:
            return bool(_called(lambda: lines.is_line(record)))
        except UnreadableInput as error:
            report_failure(Broken(origin, f"its is_line {error}"))
            return False

    def records(held: Sequence[Record], stem: str) -> Iterable[Record]:
        try:
            return _called(lambda: tuple(lines.records(held, stem)))
        except UnreadableInput as error:
            raise UnreadableInput(f"plug-in {origin} {error}") from error

    return Lines(is_line=is_line, records=records)


def _spans(one: Format, record: Record, stem: str) -> tuple[Span | Evaluation | None, ...]:
    found = tuple(one.decode(record, stem))
    wrong = next((item for item in found if not isinstance(item, Span | Evaluation | None)), None)
    if wrong is not None:
        raise UnreadableInput(f"gave a {type(wrong).__name__}, not a Span")
    return found


def _called(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except UnreadableInput:
        raise
    except Exception as error:
        raise UnreadableInput(f"raised {type(error).__name__}: {error}") from error
