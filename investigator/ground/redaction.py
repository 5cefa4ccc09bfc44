"""Secrets and personal data are replaced by `[REDACTED:<marker>]` before a planner sees a text.

What they look like is one list, `investigator.ground.sensitive`, to which a user adds
patterns. A text costs time linear in its length: one pass tells which kinds it could hold at all,
and only those are looked for. What is found is marked in the text as it was, all kinds at once,
and replaced in one go; what has been redacted is left as it is when it is redacted again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

import re2

from investigator.errors import UsageError
from investigator.ground.escapes import unescaped
from investigator.ground.lazy_re2 import LazyPattern
from investigator.ground.patterns import well_formed
from investigator.ground.sensitive import FAMILIES, KINDS, OPTIONAL, Candidate, Kind
from investigator.ground.sensitive.accepting import is_field_value
from investigator.ground.sensitive.kind import anything
from investigator.ground.sensitive.labelled import FIELD_NAME

_ROUNDS = 10
"""What is left around a marker may match in its turn; two rounds end that but for odd patterns."""

_AUTOMATON_BYTES = 64 * 1024 * 1024
"""What an automaton may cache; RE2 starts its cache afresh when it is full."""

_REMEMBERED_CHARS = 300
"""Names and summaries are redacted again wherever they are told: one in fourteen is another."""

_REMEMBERED = 4096

_WORD = re2.compile(rb"\w[\w.-]*")
_SHORTEST_ID = 6
"""A shorter one is a word or a number like any other, and no text is kept for its sake."""

_LINE_ESCAPES = (rb"\n", rb"\r", rb"\t")
"""How JSON writes what stands between words; the letter is no part of a word."""

_MARKER = re2.compile(rb"\[REDACTED:([A-Za-z0-9_.-]{1,40})\]")
_MARKERS = frozenset(kind.marker.encode() for kind in (*KINDS, *OPTIONAL.values()))


class Replacement(NamedTuple):
    """What was replaced: `[start, end)` of the original is `[new_start, new_end)` of the result."""

    start: int
    end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that may be shown; `cuts` are in order and do not overlap."""

    text: str
    cuts: tuple[Replacement, ...] = ()

    @property
    def count(self) -> int:
        """How many places were replaced."""
        return len(self.cuts)

    def place_of(self, position: int) -> int:
        """Where a position of the original is in the result; in a cut, where the cut starts."""
        index = bisect_right(self.cuts, position, key=lambda cut: cut.start) - 1
        if index < 0:
            return position
        cut = self.cuts[index]
        return cut.new_start if position < cut.end else position - cut.end + cut.new_end


class _Place(NamedTuple):
    """A stretch of a text, in bytes, and what its marker says."""

    start: int
    end: int
    marker: str


class _Matcher(NamedTuple):
    """A kind, compiled. `marker` is what the kind's marker says, or the name of a user's own."""

    marker: str
    kind: Kind | None
    pattern: LazyPattern | re2._Regexp


class Redactor:
    """Replaces what the kinds of the list find, and what the user's own patterns find.

    `extra` maps a name to an RE2 pattern; the name of an optional kind of the list with that
    kind's pattern is that kind.

    Raises:
        UsageError: an extra pattern is no RE2 pattern.
    """

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self._kept: set[str] = set()
        self._own = tuple(_own(name, pattern) for name, pattern in (extra or {}).items())
        self._markers = {*_MARKERS, *(matcher.marker.encode() for matcher in self._own)}
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._redacted)

    def keep(self, ids: Iterable[str]) -> None:
        """From now on the user's patterns find nothing in these ids, where one stands as a word."""
        if self._own:
            self._kept.update(ids)
            self._remembered.cache_clear()

    def redact(self, text: str, *, field: str = "") -> Redacted:
        """The text as it may be shown; the name of its `field` may tell that all is a secret."""
        clean = well_formed(text)
        if field and _is_secret_field(field, clean):
            marker = "[REDACTED:password]"
            return Redacted(marker, (Replacement(0, len(clean), 0, len(marker)),))
        short = len(clean) <= _REMEMBERED_CHARS
        return self._remembered(clean) if short else self._redacted(clean)

    def _redacted(self, clean: str) -> Redacted:
        encoded = clean.encode()
        places = _merged(self._places(encoded))
        if not places:
            return Redacted(clean)
        for _ in range(_ROUNDS):
            shown, cuts = _marked(encoded, places)
            more = self._places(shown)
            if not more:
                break
            places = _merged([*places, *(_place_before(place, cuts) for place in more)])
        return _replaced(encoded, places)

    def _places(self, text: bytes) -> list[_Place]:
        """What is found in a text and is no part of a marker, unmerged, in order of the kinds."""
        found = [*self._found(text)]
        view = unescaped(text)
        if view is not None:
            for start, end, marker in self._found(view.text):
                found.append(_Place(*view.place(start, end), marker))
        if found and b"[REDACTED:" in text:
            return list(_outside(found, self._shown_markers(text)))
        return found

    def _found(self, text: bytes) -> Iterator[_Place]:
        for family in _families():
            for matcher in family.matching(text):
                yield from _matches(matcher, text)
        own = [place for matcher in self._own for place in _matches(matcher, text)]
        if own and self._kept:
            yield from _outside(own, self._ids_in(text))
        else:
            yield from own

    def _ids_in(self, text: bytes) -> list[tuple[int, int]]:
        """Where ids stand in a text, as whole words."""
        return [
            (match.start(), match.start() + len(word))
            for match in _WORD.finditer(text)
            if len(word := match.group().rstrip(b".-")) >= _SHORTEST_ID
            and word.decode("utf-8", "replace") in self._kept
        ]

    def _shown_markers(self, text: bytes) -> list[tuple[int, int]]:
        """The markers in a text that this redactor could have written."""
        return [m.span() for m in _MARKER.finditer(text) if m.group(1) in self._markers]


def _is_secret_field(name: str, text: str) -> bool:
    named = FIELD_NAME.search(well_formed(name)) is not None
    return named and is_field_value(Candidate(text, '"', "", f"{name}="))


class _Family:
    """Kinds whose patterns are one automaton, which tells in one pass which of them match."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        options = _quiet()
        options.max_mem = _AUTOMATON_BYTES
        # Together they are compiled at once; each by itself when it has found something.
        self._matchers = tuple(
            _Matcher(k.marker, k, LazyPattern(k.pattern.encode(), _quiet())) for k in kinds
        )
        self._together = re2.Set.SearchSet(options)
        for kind in kinds:
            self._together.Add(kind.pattern)
        self._together.Compile()

    def matching(self, text: bytes) -> Iterator[_Matcher]:
        """The kinds whose patterns match somewhere in a text, in order."""
        return (self._matchers[index] for index in sorted(self._together.Match(text) or ()))


@cache
def _families() -> tuple[_Family, ...]:
    """Compiled when a text is first redacted, once for all redactors: they never change."""
    return tuple(map(_Family, FAMILIES))


def _own(name: str, pattern: str) -> _Matcher:
    kind = OPTIONAL.get(name)
    if kind is not None and kind.pattern != pattern:
        kind = None
    return _Matcher(name, kind, _compiled(name, pattern))


def _quiet() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


def _compiled(name: str, pattern: str) -> re2._Regexp:
    try:
        return re2.compile(well_formed(pattern).encode(), _quiet())
    except re2.error as error:
        raise UsageError(f"redaction '{name}' isn't a valid RE2 pattern: {pattern}") from error


def _matches(matcher: _Matcher, text: bytes) -> Iterator[_Place]:
    pattern = matcher.pattern
    accept = anything if matcher.kind is None else matcher.kind.accept
    for match in pattern.finditer(text):
        group = next((g for g in range(1, pattern.groups + 1) if match.start(g) >= 0), 0)
        start, end = match.span(group)
        if start == end:
            continue
        escaped = start - 2 >= match.start() and text[start - 2 : start] in _LINE_ESCAPES
        around = (
            text[start:end],
            b"" if escaped else text[max(start - 1, 0) : start],
            text[end : end + 1],
            text[match.start() : start],
        )
        if accept(Candidate(*(part.decode("utf-8", "replace") for part in around))):
            yield _Place(start, end, matcher.marker)


def kept_between_markers(text: str) -> list[str]:
    """What stands before, between and after the markers in a text, those of any redactor."""
    kept: list[str] = []
    done = 0
    encoded = text.encode()
    for match in _MARKER.finditer(encoded):
        kept.append(encoded[done : match.start()].decode())
        done = match.end()
    return [*kept, encoded[done:].decode()]


def _outside(places: Iterable[_Place], markers: Sequence[tuple[int, int]]) -> Iterator[_Place]:
    """The parts of the places that are no part of a marker."""
    for start, end, name in places:
        done = start
        first = bisect_right(markers, start, key=lambda marker: marker[1])
        for begins, ends in markers[first:]:
            if begins >= end:
                break
            if begins > done:
                yield _Place(done, begins, name)
            done = max(done, ends)
        if done < end:
            yield _Place(done, end, name)


def _merged(found: Iterable[_Place]) -> list[_Place]:
    """Places in order, those that overlap made one, so that no tail of a secret is left."""
    merged: list[_Place] = []
    for place in sorted(found, key=lambda place: place.start):
        if merged and place.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = last._replace(end=max(last.end, place.end))
        else:
            merged.append(place)
    return merged


def _marked(text: bytes, places: Sequence[_Place]) -> tuple[bytes, list[Replacement]]:
    """The text with its markers, and the cuts in bytes."""
    pieces: list[bytes] = []
    cuts: list[Replacement] = []
    done = new = 0
    for start, end, name in places:
        marker = f"[REDACTED:{name}]".encode()
        pieces += (text[done:start], marker)
        new += start - done
        cuts.append(Replacement(start, end, new, new + len(marker)))
        done, new = end, new + len(marker)
    pieces.append(text[done:])
    return b"".join(pieces), cuts


def _place_before(place: _Place, cuts: Sequence[Replacement]) -> _Place:
    """Where a place between the markers stood before they were there."""

    def before(position: int) -> int:
        index = bisect_right(cuts, position, key=lambda cut: cut.new_end) - 1
        return position if index < 0 else position - cuts[index].new_end + cuts[index].end

    return place._replace(start=before(place.start), end=before(place.end))


def _replaced(text: bytes, places: Sequence[_Place]) -> Redacted:
    """The text with each place replaced; offsets of bytes become offsets of characters."""
    pieces: list[str] = []
    cuts: list[Replacement] = []
    done = old = new = 0
    for start, end, name in places:
        kept = text[done:start].decode("utf-8", "replace")
        marker = f"[REDACTED:{name}]"
        pieces += (kept, marker)
        old, new = old + len(kept), new + len(kept)
        length = len(text[start:end].decode("utf-8", "replace"))
        cuts.append(Replacement(old, old + length, new, new + len(marker)))
        done, old, new = end, old + length, new + len(marker)
    pieces.append(text[done:].decode("utf-8", "replace"))
    return Redacted("".join(pieces), tuple(cuts))
