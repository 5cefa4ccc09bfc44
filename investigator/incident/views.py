"""What is shown of the traces of a window: each by its own readings, under ids of its own.

An id of a window begins with its trace's number in it, so no two scopes call two places alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache

from investigator.incident.window_overview import WindowOutline, first_of, trace_lines
from investigator.inspection.reference_names import ReferenceNames, ids_in_words
from investigator.inspection.run_overview import TraceOutline
from investigator.model_planner.overview import Outline
from investigator.readings.reading import Readings

_KEPT = 16
"""As many traces as have a scope, so that each is read again once."""


class WindowViews:
    """The readings, names and overviews of a window.

    `traces` have what code saw fail in each; the `chosen` ones have a scope each, and say why.
    `numbers` are those of the traces, with which their ids begin.
    """

    def __init__(
        self,
        read: Callable[[str], Readings],
        traces: Mapping[str, Sequence[str]],
        chosen: Mapping[str, str],
    ) -> None:
        self.numbers = {trace_id: number for number, trace_id in enumerate(traces, 1)}
        self._failures = traces
        self._why = chosen
        self._ids = {str(number): trace_id for trace_id, number in self.numbers.items()}
        self._chosen = tuple(chosen)
        self.readings_of = lru_cache(_KEPT)(read)
        self.named = lru_cache(_KEPT)(self._named)
        self._outlines = lru_cache(_KEPT)(self._outlined)

    def names_of(self, trace_id: str) -> ReferenceNames | None:
        """The ids of a trace of the window."""
        return self.named(trace_id) if trace_id in self.numbers else None

    def meant(self, name: str) -> tuple[str, ...]:
        """The references that whoever gives a step's id may mean."""
        number = name.strip("[]# ").partition(":")[0]
        trace_id = self._ids.get(number)
        return () if trace_id is None else self.named(trace_id).meant(name)

    def in_words(self, text: str) -> str:
        """A text with the ids of its traces as words."""
        return ids_in_words(text, self._worded)

    def _worded(self, name: str) -> str | None:
        trace_id = self._ids.get(name.partition(":")[0])
        return None if trace_id is None else self.named(trace_id).worded(name)

    def place(self, trace_id: str, span_id: str | None) -> str | None:
        """What a span of a trace is called where it is pointed at."""
        return None if span_id is None else self.named(trace_id).place(span_id)

    def outline_of(self, scope_id: str) -> Outline | None:
        """The trace that a scope, or the one that it was opened in, is about.

        The synthesis is opened first and is about all of them.
        """
        position = int((*scope_id.split("/"), "0")[1])
        return self._outlines(self._chosen[position - 1]) if position else self._window

    @cached_property
    def _window(self) -> WindowOutline:
        told = first_of(tuple(self.numbers), self._chosen)
        lines = {
            trace_id: trace_lines(
                self.numbers[trace_id],
                self.readings_of(trace_id),
                chosen=self._why.get(trace_id),
                failures=self._failures[trace_id],
            )
            for trace_id in told
        }
        return WindowOutline(lines, len(self.numbers) - len(told))

    def _named(self, trace_id: str) -> ReferenceNames:
        number = self.numbers.get(trace_id)
        prefix = "" if number is None else f"{number}:"
        return ReferenceNames(self.readings_of(trace_id), prefix)

    def _outlined(self, trace_id: str) -> TraceOutline:
        return TraceOutline(self.readings_of(trace_id), self.named(trace_id))
