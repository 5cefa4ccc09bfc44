"""What each step of a run depends on: calls, the span tree, hand-offs, the flow of values, order.

Every edge leads from a step to a later one. A value flows from the step in which it first stood
to every later step that has it. All is made in one pass over the steps, with hash maps, so the
work is linear in the trace.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from investigator.readings.provenance import SearchedText, ValueIndex, value_named, values_within
from investigator.readings.steps import Step, StepKind, final_answer
from investigator.readings.view import TraceView

_VALUES = 500
"""Values of one step that are followed, in the order of its text. A dump of a table has thousands
that nobody uses; with a cap the graph's size depends on the number of steps alone."""


class EdgeKind(StrEnum):
    """Why a step depends on an earlier one."""

    CALL = "CALL"
    PARENT = "PARENT"
    HANDOFF = "HANDOFF"
    VALUE = "VALUE"
    ORDER = "ORDER"


TELLING = frozenset(EdgeKind) - {EdgeKind.ORDER}
"""Kinds that say more than that one step came after the other."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Step `target` depends on the earlier step `source`; `values` are what flowed."""

    source: int
    target: int
    kind: EdgeKind
    values: tuple[str, ...] = ()


class StepGraph:
    """The dependencies between the steps of one run; steps go by their numbers."""

    def __init__(self, view: TraceView, steps: tuple[Step, ...]) -> None:
        self.steps = steps
        self._view = view

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every dependency, by target, then source; none where the times contradict it."""
        found = [*self._calls(), *self._tree(), *self._in_loops(), *self._values_flow()]
        sound = {edge for edge in found if edge.source < edge.target and self._in_time(edge)}
        return tuple(sorted(sound, key=lambda edge: (edge.target, edge.source, edge.kind)))

    def sources_of(self, step: int) -> tuple[Edge, ...]:
        """What the step depends on, with the values that flowed."""
        return self._into[step]

    def used_by(self, step: int) -> tuple[Edge, ...]:
        """What depends on the step."""
        return self._out_of[step]

    def producer(self, value: str) -> Step | None:
        """The step in which a value of any kind first stood; None where it stands in none."""
        places = self._index.holding(value_named(value))
        return next((self.steps[place] for place in places), None)

    def reachable(self, start: int, end: int, kinds: Container[EdgeKind] = TELLING) -> bool:
        """Whether `end` depends on `start`, over others or at once."""
        return bool(self.path(start, end, kinds))

    def path(self, start: int, end: int, kinds: Container[EdgeKind] = TELLING) -> tuple[int, ...]:
        """The shortest way from a step to a later one that depends on it; empty where none is."""
        came_from: dict[int, int | None] = {start: None}
        waiting = deque([start])
        while waiting and end not in came_from:
            step = waiting.popleft()
            for edge in self.used_by(step):
                if edge.kind in kinds and edge.target <= end and edge.target not in came_from:
                    came_from[edge.target] = step
                    waiting.append(edge.target)
        way: list[int] = []
        at: int | None = end if end in came_from else None
        while at is not None:
            way.append(at)
            at = came_from[at]
        return tuple(reversed(way))

    def weight(self, step: int) -> float:
        """How much of the answer's content came by way of the step, from 0 to 1.

        The answer's weight is 1. A step shares its own out among what it depends on: a value
        that it took from elsewhere counts for its producer, all else of a call for the turn
        that asked for it. 0 for every step where the run has no answer.
        """
        return self._weights[step]

    def _in_time(self, edge: Edge) -> bool:
        """Whether the source began no later than the target ended, as far as that is known."""
        source, target = self.steps[edge.source], self.steps[edge.target]
        end = target.end_ns if target.end_ns is not None else target.start_ns
        return source.start_ns is None or end is None or source.start_ns <= end

    def _calls(self) -> Iterator[Edge]:
        for step in self.steps:
            if step.asked_by is not None:
                yield Edge(step.asked_by, step.number, EdgeKind.CALL)

    def _tree(self) -> Iterator[Edge]:
        """A step and the nearest step above it in the span tree, the earlier one first."""
        first: dict[str, int] = {}
        for step in self.steps:
            first.setdefault(step.span_id, step.number)
        above: dict[str, int | None] = {}
        stack: list[tuple[str, int | None]] = [(r.span_id, None) for r in self._view.trace.roots]
        while stack:
            span_id, nearest = stack.pop()
            above[span_id] = nearest
            here = first.get(span_id, nearest)
            stack += [(child.span_id, here) for child in self._view.trace.children(span_id)]
        for step in self.steps:
            parent = above.get(step.span_id)
            if parent is not None:
                low, high = sorted((parent, step.number))
                yield Edge(low, high, EdgeKind.PARENT)

    def _in_loops(self) -> Iterator[Edge]:
        """Order within one agent's loop, and from a hand-off to the next step of another agent."""
        last: dict[str | None, int] = {}
        handed: Step | None = None
        for step in self.steps:
            span = self._view.trace.get(step.span_id)
            loop = None if span is None else self._view.scope(span)
            if loop in last:
                yield Edge(last[loop], step.number, EdgeKind.ORDER)
            last[loop] = step.number
            if handed is not None and step.agent not in (None, handed.agent):
                yield Edge(handed.number, step.number, EdgeKind.HANDOFF)
                handed = None
            if step.kind is StepKind.HANDOFF:
                handed = step

    def _values_flow(self) -> Iterator[Edge]:
        first: dict[str, int] = {}
        for step, values in enumerate(self._values):
            taken: dict[int, list[str]] = {}
            for value in values:
                source = first.setdefault(value, step)
                if source != step:
                    taken.setdefault(source, []).append(value)
            for source, flowed in taken.items():
                yield Edge(source, step, EdgeKind.VALUE, tuple(flowed))

    @cached_property
    def _values(self) -> tuple[tuple[str, ...], ...]:
        return tuple(
            tuple(value.text for value in values_within(text)[:_VALUES]) for text in self._texts
        )

    @cached_property
    def _into(self) -> tuple[tuple[Edge, ...], ...]:
        into: list[list[Edge]] = [[] for _ in self.steps]
        for edge in self.edges:
            into[edge.target].append(edge)
        return tuple(map(tuple, into))

    @cached_property
    def _out_of(self) -> tuple[tuple[Edge, ...], ...]:
        out: list[list[Edge]] = [[] for _ in self.steps]
        for edge in self.edges:
            out[edge.source].append(edge)
        return tuple(map(tuple, out))

    @cached_property
    def _index(self) -> ValueIndex:
        return ValueIndex(self._texts)

    @cached_property
    def _texts(self) -> tuple[SearchedText, ...]:
        return tuple(SearchedText("\n".join(step.texts)) for step in self.steps)

    @cached_property
    def _weights(self) -> tuple[float, ...]:
        weights = [0.0] * len(self.steps)
        answer = final_answer(self.steps)
        if answer is None:
            return tuple(weights)
        weights[answer.number] = 1.0
        for step in range(answer.number, -1, -1):
            shares = self._shares(step) if weights[step] else dict[int, float]()
            for source, share in shares.items():
                weights[source] += weights[step] * share
        return tuple(min(weight, 1.0) for weight in weights)

    def _shares(self, step: int) -> dict[int, float]:
        """The part of a step's content that came from each of its sources; at most 1 in all."""
        edges = self.sources_of(step)
        total = len(self._values[step])
        shares: dict[int, float] = {}
        for edge in edges:
            if edge.kind is EdgeKind.VALUE:
                shares[edge.source] = len(edge.values) / total
        asked = next((edge.source for edge in edges if edge.kind is EdgeKind.CALL), None)
        if asked is not None:
            shares[asked] = shares.get(asked, 0.0) + 1 - sum(shares.values())
        return shares
