"""Search in the run as a conversation: each text once, with as many lines around as asked.

A history that later requests repeat is searched where it was first said. Matched is the text
without its secrets, so no pattern finds one out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from investigator.ground.patterns import Pattern
from investigator.inspection.pages import JsonObject, Lens
from investigator.readings.steps import Step, StepKind
from investigator.traces.evidence import EvidenceRef

MOST_LINES = 40
"""Lines before and after a match; whoever wants more reads the step."""

_EITHER_SIDE = 200
_CHARS = 2 * _EITHER_SIDE
"""What is shown of a line around a match; a longer one is data, not prose."""

_LONG_LINE = 40
"""A shorter line may stand in two steps by chance."""

_CHARS_A_LINE = 240
_ROW_CHARS = 9_000
"""The most of one row, so that a page of one keeps within its bound."""


class Stretch(NamedTuple):
    """A stretch of a text of a step in which the pattern matches `hits` times."""

    step: Step
    text: str
    start: int
    chars: int
    hits: int


def excerpts(
    steps: Sequence[Step], pattern: Pattern, shown: Callable[[str], str], context: int
) -> Iterator[Stretch]:
    """The stretches with matches, in the order of the run; those that overlap are one.

    A line that a later step repeats is a match where it first stood.
    """
    told: set[str] = set()
    for step in steps:
        for text in step.texts:
            yield from _in_text(step, text, pattern, shown(text), min(context, MOST_LINES), told)


def _in_text(
    step: Step, text: str, pattern: Pattern, shown: str, context: int, told: set[str]
) -> Iterator[Stretch]:
    open_: Stretch | None = None
    new: list[str] = []
    for hit in pattern.hits(shown):
        line = " ".join(shown[slice(*_around(shown, hit.start, hit.end, 0))].split())
        if len(line) >= _LONG_LINE and line in told:
            continue
        new.append(line)
        start, end = _around(shown, hit.start, hit.end, context)
        if open_ is not None and start <= open_.start + open_.chars:
            open_ = open_._replace(chars=max(end - open_.start, open_.chars), hits=open_.hits + 1)
            continue
        if open_ is not None:
            yield open_
        open_ = Stretch(step, text, start, end - start, 1)
    if open_ is not None:
        yield open_
    told.update(new)


def _around(text: str, start: int, end: int, context: int) -> tuple[int, int]:
    """The lines of a match and those around it; of very long ones what is near."""
    first, last = start, end
    for _ in range(context + 1):
        first = max(text.rfind("\n", 0, first), 0)
    for number in range(context + 1):
        found = text.find("\n", last + (number > 0))
        last = len(text) if found < 0 else found
    near = context * _CHARS_A_LINE if last - first <= _CHARS * (2 * context + 1) else 0
    first = max(first, start - _EITHER_SIDE - near)
    last = min(last, end + _EITHER_SIDE + near)
    return (first + 1 if text[first : first + 1] == "\n" else first), last


def evidence_in(one: Stretch) -> EvidenceRef | None:
    """What the stretch is of; None where it may be of any of several documents."""
    step = one.step
    if not step.evidence or (step.kind is StepKind.RETRIEVAL and len(step.evidence) > 1):
        return None
    asked = step.call is not None and one.text == step.call.arguments
    return step.evidence[0 if asked else -1]


def excerpt_row(one: Stretch, lens: Lens, name: str | None) -> JsonObject:
    """The stretch as a row; `offset` is where it begins in its text."""
    # An excerpt ends where its last line does; its JSON takes a little more than its characters.
    window = lens.window(one.text, offset=one.start, chars=min(one.chars * 2, _ROW_CHARS))
    shown = window.text[: one.chars]
    many: JsonObject = {"matches": one.hits} if one.hits > 1 else {}
    named: JsonObject = {} if name is None else {"at": name}
    return {"step": one.step.number, **named, **many, "offset": one.start, "text": shown}
