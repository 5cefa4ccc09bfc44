"""A window in one text: a line or three for each trace, for whoever compares them.

The synthesis reads no trace of its own. It sees what each was asked and answered and what code saw
fail in it, under the number with which the ids of the trace begin: the representatives first, then
as many of the others as have room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from investigator.ground.wording import counted
from investigator.inspection.step_text import head_and_tail
from investigator.model_planner.overview import Outlined
from investigator.model_planner.page_text import Estimate, cut
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.readings.telling_answer import telling_answer

MOST_TRACES = 60
"""Of a larger window some traces are told; each is read again for it."""

_CHARS = 240
_LEAST = 60


@dataclass(frozen=True, slots=True)
class TraceLines:
    """What is told of one trace."""

    head: str
    texts: tuple[tuple[str, str], ...]

    def text(self, chars: int) -> str:
        """Its lines, each text cut to so many characters."""
        lines = (f"  {name}: {head_and_tail(text, chars)}" for name, text in self.texts if text)
        return "\n".join((self.head, *lines))


def trace_lines(
    number: int, readings: Readings, *, chosen: str | None, failures: Sequence[str]
) -> TraceLines:
    """The lines of a trace; `chosen` says why it is a representative."""
    asked = next((step for step in readings.steps if step.kind is StepKind.USER), None)
    first = asked or next(iter(readings.steps), None)
    read = "not read by a scope" if chosen is None else f"representative: {chosen}"
    return TraceLines(
        f"[{number}] trace {readings.trace.trace_id}, "
        f"{counted(len(readings.steps), 'step')} ({read})",
        (
            ("asked", _line(readings, first)),
            ("answered", _line(readings, telling_answer(readings.steps)) or "nothing"),
            ("known outcome", readings.outcome.line if not readings.outcome.is_empty else ""),
            ("seen by code", "; ".join(failures)),
        ),
    )


def _line(readings: Readings, step: Step | None) -> str:
    return "" if step is None else " ".join(readings.quote.whole(step.text).split())


class WindowOutline:
    """What can be rendered of a window."""

    def __init__(self, traces: Mapping[str, TraceLines], left_out: int) -> None:
        self._traces = traces
        self._left_out = left_out

    def whole(self, tokens: int, estimate: Estimate) -> Outlined | None:
        """Every trace with long lines; None where that takes more than `tokens`."""
        text = self._text(_CHARS)
        return Outlined(text, {}) if estimate(text) <= tokens else None

    def within(self, tokens: int, estimate: Estimate) -> Outlined:
        """As much of it as takes `tokens`."""
        for chars in (_CHARS // 2, _LEAST):
            text = self._text(chars)
            if estimate(text) <= tokens:
                return Outlined(text, {})
        return Outlined(cut(self._text(_LEAST), tokens, estimate), {})

    def _text(self, chars: int) -> str:
        return "\n".join(self._lines(chars))

    def _lines(self, chars: int) -> Iterator[str]:
        yield f"Traces of the window ({len(self._traces) + self._left_out:,}; ids begin with them):"
        yield from (one.text(chars) for one in self._traces.values())
        if self._left_out:
            yield f"… {counted(self._left_out, 'more trace')}"


def first_of(traces: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """The traces that are told: the chosen ones, then others in order."""
    others = (one for one in traces if one not in chosen)
    return list(islice((*chosen, *others), MOST_TRACES))
