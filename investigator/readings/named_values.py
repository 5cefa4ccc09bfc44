"""The last words of each agent, and the facts that its results had given it by then.

A fact is a named value: a leaf of a record, or a line `name: value`. What several results, or
several things in one, give different values for is no fact that an answer could go against.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, read_json
from investigator.ground.patterns import well_formed
from investigator.readings.directives import tool_words
from investigator.readings.provenance import PRINCIPALS
from investigator.readings.reading import Readings
from investigator.readings.utterances import UNTRUSTED, Action, Source, Utterance

_RESULT = 100_000
_LEAVES = 2_000
_LINE = re2.compile(
    r"(?m)^[ \t]*(?:[-*][ \t]+)?([A-Za-z][\w ()/-]{1,40}?)[ \t]*[:=][ \t]*(\S[^\n]{0,80})$"
)


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A named value that a result gave: `words` are those of its name."""

    words: tuple[str, ...]
    value: JsonValue
    source: Utterance


@dataclass(frozen=True)
class LastWords:
    """What an agent said last in its loop, with what it had been given by then."""

    said: Utterance
    observed: tuple[Utterance, ...]
    given: tuple[Utterance, ...]

    @cached_property
    def text(self) -> str:
        """The words."""
        return well_formed(self.said.text[:_RESULT])

    @cached_property
    def facts(self) -> tuple[NamedValue, ...]:
        """The facts of which there is one value."""
        found: dict[tuple[str, ...], list[NamedValue]] = {}
        for one in self.observed:
            for name, value in _named(one.text[:_RESULT]):
                words = tuple(tool_words(name))
                if words:
                    found.setdefault(words, []).append(NamedValue(words, value, one))
        alike = (held for held in found.values() if len({str(f.value) for f in held}) == 1)
        return tuple(held[0] for held in alike)


def last_words(readings: Readings) -> Iterator[LastWords]:
    """Those of each agent in each loop, where it had been given a result."""
    for items in readings.loops.values():
        last: dict[str, Utterance] = {}
        for item in items:
            if not isinstance(item, Action) and item.source is Source.ASSISTANT and item.text:
                last[item.span.name if readings.view.is_transcript else ""] = item
        for said in last.values():
            heard = [i for i in items if isinstance(i, Utterance) and i.position < said.position]
            observed = tuple(one for one in heard if one.source in UNTRUSTED and not one.is_error)
            if observed:
                given = tuple(one for one in heard if one.source in PRINCIPALS)
                yield LastWords(said, observed, given)


def _named(text: str) -> Iterator[tuple[str, JsonValue]]:
    held: JsonValue = None
    if text.lstrip()[:1] in ("{", "["):
        try:
            held = read_json(text)
        except (ValueError, RecursionError):
            held = None
    if held is None:
        for hit in _LINE.finditer(well_formed(text)):
            yield hit.group(1), hit.group(2).strip()
        return
    yield from _leaves(held)


def _leaves(held: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    stack: list[tuple[str, JsonValue]] = [("", held)]
    count = 0
    while stack and count < _LEAVES:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += list(value.items())
        elif isinstance(value, list):
            stack += [(name, one) for one in value]
        elif value is not None:
            count += 1
            yield name, value
