"""The leads of one trace: what code suspects and where to look first, each under an id.

First the hypotheses, then the suspects of the rules that belong to none, then places where no
detector saw a fault and that are worth a look: where a value of the answer first stands, tracebacks
that no status marks, loops, and what an acquittal would lack (question and answer are pointed at by
the overview). A lead is a guess: whoever looks at it confirms it by a finding or refutes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from investigator.ground.wording import times
from investigator.inspection.reference_names import ReferenceNames
from investigator.rca.acquittal import Acquittal
from investigator.rca.narrowing import TraceHypothesis
from investigator.rca.taxonomy import Taxonomy
from investigator.readings.crashes import Crashes
from investigator.readings.graph import EdgeKind
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.readings.telling_answer import telling_answer
from investigator.signals.model import Signal
from investigator.traces.model import StatusCode

MOST_SUSPECTS = 6
"""So many suspects beside the hypotheses; the others stay in the report as nobody looked."""

_PLACES_EACH = 2
_LOOP = 3
"""So many equal calls are a loop: two may be a retry."""

_GRAPH_STEPS = 5_000
"""In a longer run no flow of values is followed: it would take seconds before the first turn."""

_VALUES = 3
_LEAST_VALUE = 4
"""A shorter one, such as the day of a date, stands in many places."""
_STEPS_NAMED = 6
_CHARS = 200
_GIVEN = frozenset({StepKind.SYSTEM, StepKind.USER})
_TRACEBACK = "Traceback (most recent call last)"

Group = tuple[Signal, ...]
"""Signals of one category that began at one span: what one finding states."""


@dataclass(frozen=True, slots=True)
class TraceLead:
    """One guess. `steps` name where to look; `groups` are the signals that it stands for, if any.

    `span_id` is where the fault would have begun, None for one of no single place.
    """

    id: str
    statement: str
    steps: tuple[str, ...]
    span_id: str | None = None
    category: str | None = None
    agent: str | None = None
    groups: tuple[Group, ...] = ()


class TraceLeads:
    """Makes the leads of one trace from what narrowing found in it."""

    def __init__(self, readings: Readings, names: ReferenceNames, taxonomy: Taxonomy) -> None:
        self._readings = readings
        self._names = names
        self._taxonomy = taxonomy

    def of_hypothesis(self, hypothesis: TraceHypothesis, groups: Sequence[Group]) -> TraceLead:
        """A hypothesis; what it says is what its first signal says."""
        first = groups[0][0]
        return TraceLead(
            id=hypothesis.id,
            statement=f"{first.summary}{self._made_good(first)}",
            steps=self._places(hypothesis.span_ids),
            span_id=hypothesis.origin_id,
            category=hypothesis.category,
            agent=self._agent(first),
            groups=tuple(groups),
        )

    def of_suspects(self, groups: Sequence[Group]) -> Iterator[TraceLead]:
        """The first groups of signals that belong to no hypothesis."""
        for number, group in enumerate(groups[:MOST_SUSPECTS], 1):
            first = group[0]
            yield TraceLead(
                id=f"x{number}",
                statement=f"{first.summary}{self._made_good(first)}",
                steps=self._places(p for s in group for p in (s.origin_id, s.span_id)),
                span_id=first.origin_id,
                category=self._taxonomy.category_of(first.fault).id,
                agent=self._agent(first),
                groups=(group,),
            )

    def of_places(self, seen: Sequence[Signal], acquittal: Acquittal) -> Iterator[TraceLead]:
        """Where to look though no detector saw a fault there; `seen` are those that did."""
        told = {place for signal in seen for place in (signal.origin_id, signal.span_id)}
        found = (
            *self._values(),
            *self._tracebacks(told),
            *self._loops(told),
            *self._lacking(acquittal),
        )
        for number, (statement, steps) in enumerate(found, 1):
            ids = tuple(
                name for step in steps[:_STEPS_NAMED] if (name := self._names.of_step(step))
            )
            span_id = steps[0].span_id if steps else None
            yield TraceLead(id=f"p{number}", statement=statement, steps=ids, span_id=span_id)

    @property
    def _steps(self) -> Sequence[Step]:
        return self._readings.steps

    def _values(self) -> Iterator[tuple[str, list[Step]]]:
        """Where values of the answer first stand, but for those that were given.

        In a chat of agents nobody is the user: whoever speaks first gives the task.
        """
        answer = telling_answer(self._steps)
        if answer is None or len(self._steps) > _GRAPH_STEPS:
            return
        asked = any(step.kind is StepKind.USER for step in self._steps)
        spoken = (step for step in self._steps if step.kind not in _GIVEN and step.texts)
        task = None if asked else next(spoken, None)
        flows = (
            (_as_written(edge.values, answer.text), self._steps[edge.source])
            for edge in self._readings.graph.sources_of(answer.number)
            if edge.kind is EdgeKind.VALUE
            and self._steps[edge.source].kind not in _GIVEN
            and self._steps[edge.source] is not task
        )
        for values, step in islice(((v, s) for v, s in flows if v), _PLACES_EACH):
            told = ", ".join(values[:_VALUES])
            yield self._quote(f"{told} of the answer first stands there: is it right?"), [step]

    def _tracebacks(self, told: set[str]) -> Iterator[tuple[str, list[Step]]]:
        """Tracebacks where no status says that anything failed."""
        unmarked = (
            step
            for step in self._steps
            if step.span_id not in told
            and step.kind not in _GIVEN
            and any(_TRACEBACK in text for text in step.texts)
            and self._is_unmarked(step)
        )
        crashes = Crashes(self._readings.view)
        for step in islice(unmarked, _PLACES_EACH):
            span = self._readings.trace.get(step.span_id)
            said = "\n".join(step.texts)
            crashed = None if span is None else crashes.producer_of(span, said)
            if crashed is None:
                yield "a traceback stands there, and no status marks a failure", [step]
                continue
            own = [one for one in self._steps if one.span_id == crashed.span_id]
            of = own[-1].agent if own else crashed.name
            what = f"a traceback stands there that is of {of}, whose step this is not"
            yield self._quote(what), [*own[-1:], step]

    def _is_unmarked(self, step: Step) -> bool:
        span = self._readings.trace.get(step.span_id)
        return span is not None and span.status is not StatusCode.ERROR

    def _loops(self, told: set[str]) -> Iterator[tuple[str, list[Step]]]:
        """The same call again and again."""
        calls: dict[tuple[str, str], list[Step]] = {}
        for step in self._steps:
            if step.kind is StepKind.DECISION:
                continue
            if step.call is not None and step.call.tool is not None and not step.call.is_orphan:
                calls.setdefault((step.call.tool, step.call.arguments), []).append(step)
        loops = [
            steps
            for steps in calls.values()
            if len(steps) >= _LOOP and not any(step.span_id in told for step in steps)
        ]
        for steps in sorted(loops, key=len, reverse=True)[:_PLACES_EACH]:
            tool = steps[0].call.tool if steps[0].call is not None else None
            yield self._quote(f"{tool} was called {times(len(steps))} with equal arguments"), steps

    def _lacking(self, acquittal: Acquittal) -> Iterator[tuple[str, list[Step]]]:
        """What keeps the run from being acquitted, but for the faults that are leads already."""
        answer = telling_answer(self._steps)
        for check in acquittal.of_the_end:
            if check.missing is not None:
                yield self._quote(check.missing), [] if answer is None else [answer]

    def _quote(self, text: str) -> str:
        return self._readings.quote.line(text, _CHARS)

    def _agent(self, signal: Signal) -> str | None:
        return None if signal.agent is None else self._readings.quote.name(signal.agent)

    def _made_good(self, signal: Signal) -> str:
        by = signal.recovered_by
        return "" if by is None else f" (made good at {self._names.place(by)})"

    def _places(self, span_ids: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(self._names.place, span_ids)))[:_STEPS_NAMED]


def _as_written(values: Sequence[str], text: str) -> list[str]:
    """The values as the answer has them: figures and names that are no part of another."""
    plain = text.casefold()
    found = [text[at : at + len(v)] for v in values if (at := plain.find(v.casefold())) >= 0]
    telling = [v for v in found if len(v) >= _LEAST_VALUE and not v.isupper()]
    return [v for v in telling if not any(v != other and v in other for other in telling)]
