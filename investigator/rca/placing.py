"""Where a fault began, how it reached the end of the run, and what it did there.

A finding is placed in the steps of the run: from the step where the fault began, along what
depends on it, to the answer, or to where it surfaced if the answer rests on something else. All of
it comes from the steps and their dependencies; only what the planner itself says of it (that the
fault was decisive, who should have caught it, by which steps it went) comes before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from investigator.rca.report import Excerpt, Finding, Impact, StepPlace
from investigator.readings.excerpts import excerpt_of
from investigator.readings.faults import Fault
from investigator.readings.graph import TELLING, EdgeKind
from investigator.readings.quoting import QUOTE_LIMIT, one_line
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind, final_answer
from investigator.readings.templates import masked
from investigator.readings.view import error_of
from investigator.signals.model import Signal
from investigator.traces.model import Span, SpanKind, StatusCode
from investigator.traces.openinference import tool_io_of

_SLIPS = frozenset({Fault.FORMAT_VIOLATION, Fault.REPEATED_CALL})
"""Faults of form: the run can come right with them."""

_GRAPH_STEPS = 5_000
"""Up to so many steps a path is looked for; in a longer run it leads from origin to symptom."""

_PATH_PLACES = 12
_EXCERPTS = 3
_TAKES = frozenset({StepKind.MODEL, StepKind.ANSWER, StepKind.HANDOFF})
_GIVEN = frozenset({StepKind.SYSTEM, StepKind.USER})


class Placing:
    """Places the findings of one trace."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def placed(self, finding: Finding, signals: Sequence[Signal]) -> Finding:
        """The finding with all that its place tells; `signals` are those that it states, if any.

        What whoever stated it said of these things stays.
        """
        open_ = [signal for signal in signals if signal.open]
        first = max(open_ or signals, key=lambda signal: signal.strength, default=None)
        recovered = bool(signals) and not open_
        named = finding.step is not None and finding.step < len(self._steps)
        origin = (
            self._steps[finding.step]
            if named and finding.step is not None
            else self._step_of(finding.span_id, finding)
        )
        symptom = None if first is None else self._step_of(first.span_id)
        path = self._path(origin, symptom)
        surfaced = first.span_id if first is not None else finding.span_id
        return finding.model_copy(
            update={
                "fault": None if first is None else first.fault,
                "step": None if origin is None else origin.number,
                "path": finding.path or tuple(map(self._place, _bounded(path))),
                "should_have_caught": finding.should_have_caught
                or (None if recovered else self._catcher(path, origin, symptom)),
                "impact": self._impact(first, path, recovered=recovered),
                "decisive": finding.decisive
                if finding.decisive is not None
                else (False if recovered else self._decisive(surfaced, path)),
                "excerpts": tuple(self._excerpts(finding)),
                "signature": self._signature(finding, first, signals),
                "controls": _topics(signals, Fault.POLICY_BREACH),
            }
        )

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self._readings.steps

    @cached_property
    def _answer(self) -> Step | None:
        return final_answer(self._steps)

    @cached_property
    def _by_span(self) -> dict[str, Step]:
        """What each span did: its last step that nobody gave it, else its first."""
        found: dict[str, Step] = {}
        for step in self._steps:
            if step.kind not in _GIVEN or step.span_id not in found:
                found[step.span_id] = step
            if step.call is not None and step.call.result_span_id is not None:
                found.setdefault(step.call.result_span_id, step)
        return found

    @cached_property
    def _by_ref(self) -> dict[str, Step]:
        found: dict[str, Step] = {}
        for step in self._steps:
            for shown in step.shown:
                found.setdefault(shown.ref, step)
        return found

    def _step_of(self, span_id: str, finding: Finding | None = None) -> Step | None:
        """The step at a span or around it; of many at one span, the one that the finding cites."""
        cited = () if finding is None else finding.evidence_refs
        steps = (self._by_ref.get(ref.ref) for ref in cited if ref.span_id == span_id)
        told = next((step for step in steps if step is not None and step.kind not in _GIVEN), None)
        if told is not None:
            return told
        above = (self._by_span.get(span.span_id) for span in self._upwards(span_id))
        return next((step for step in above if step is not None and step.kind not in _GIVEN), None)

    def _upwards(self, span_id: str) -> Iterator[Span]:
        """The span and those that enclose it: what it did is part of what they did."""
        return self._readings.trace.lineage(self._readings.trace.get(span_id))

    def _path(self, origin: Step | None, symptom: Step | None) -> tuple[Step, ...]:
        """From the origin to the answer or the symptom: by what rests on what, else by order."""
        if origin is None:
            return ()
        ends = [step.number for step in (self._answer, symptom) if step is not None]
        if len(self._steps) <= _GRAPH_STEPS:
            ways = ((end, kinds) for kinds in (TELLING, frozenset(EdgeKind)) for end in ends)
            for end, kinds in ways:
                way = self._readings.graph.path(origin.number, end, kinds)
                if end > origin.number and way:
                    return tuple(self._steps[number] for number in way)
        later = symptom is not None and symptom.number > origin.number
        return (origin, symptom) if later and symptom is not None else (origin,)

    def _catcher(
        self, path: Sequence[Step], origin: Step | None, symptom: Step | None
    ) -> StepPlace | None:
        """The first step after the fault that took it for good."""
        shown = symptom if symptom is not None and symptom in path[1:] else origin
        if shown is None:
            return None
        later = (step for step in path if step.number > shown.number and step.kind in _TAKES)
        after = (step for step in self._steps[shown.number + 1 :] if step.kind in _TAKES)
        taker = next(later, next(after, None))
        return None if taker is None else self._place(taker)

    def _impact(self, first: Signal | None, path: Sequence[Step], *, recovered: bool) -> Impact:
        if recovered or (first is not None and first.fault in _SLIPS):
            return Impact.LOW
        ends = self._answer is None or (bool(path) and path[-1] is self._answer)
        return Impact.HIGH if ends else Impact.MEDIUM

    def _decisive(self, surfaced: str, path: Sequence[Step]) -> bool | None:
        """Yes where the run ended by it; else code can't tell what would have become of the run."""
        span = self._readings.trace.get(surfaced)
        if span is None:
            return None
        told = error_of(span)
        roots = self._readings.trace.roots
        ended = [error_of(root) for root in roots if root.status is StatusCode.ERROR]
        if told is not None and any(root is span for root in roots):
            return True
        if told is not None and any(told in (error or "") for error in ended):
            return True
        last = self._steps[-1] if self._steps else None
        stopped = self._answer is None and last is not None and bool(path) and path[-1] is last
        return True if stopped else None

    def _excerpts(self, finding: Finding) -> list[Excerpt]:
        found = {excerpt.text: excerpt.ref for excerpt in finding.excerpts}
        for ref in finding.evidence_refs:
            if ref.ref in found.values():
                continue
            text = excerpt_of(ref, self._readings.trace, self._readings.quote)
            if text is not None:
                found.setdefault(text, ref.ref)
        return [Excerpt(ref=ref, text=text) for text, ref in found.items()][:_EXCERPTS]

    def _signature(self, finding: Finding, first: Signal | None, signals: Sequence[Signal]) -> str:
        """Category, fault, the tool or agent, and what the error says without what varies."""
        trace, quote = self._readings.trace, self._readings.quote
        surfaced = first.span_id if first is not None else finding.span_id
        span = trace.get(surfaced)
        error = None if span is None else error_of(span)
        parts = (
            "rca",
            finding.category,
            "-" if first is None else " ".join((first.fault.value, *_topics(signals, first.fault))),
            quote.name(self._tool(surfaced) or finding.agent or "-"),
            "-" if error is None else one_line(masked(quote.error(error)), QUOTE_LIMIT),
        )
        return " | ".join(parts)

    def _tool(self, span_id: str) -> str | None:
        """The tool that the span called, or in which it ran; None for a model call or none."""
        tools = (span for span in self._upwards(span_id) if span.kind is SpanKind.TOOL)
        called = (tool_io_of(span) for span in tools)
        return next((io.name for io in called if io is not None), None)

    def _place(self, step: Step) -> StepPlace:
        agent = None if step.agent is None else self._readings.quote.whole(step.agent)
        return StepPlace(step=step.number, span_id=step.span_id, agent=agent)


def _topics(signals: Sequence[Signal], fault: Fault) -> tuple[str, ...]:
    """What the signals of a fault are about, in an order that holds for other runs, too."""
    told = (signal.topic for signal in signals if signal.fault is fault)
    return tuple(sorted({topic for topic in told if topic is not None}))


def _bounded(path: Sequence[Step]) -> Sequence[Step]:
    """The path, a long one without its middle."""
    if len(path) <= _PATH_PLACES:
        return path
    half = _PATH_PLACES // 2
    return (*path[:half], *path[-half:])
