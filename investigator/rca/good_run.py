"""Beside a good run of the same task, the first departure from it is a suspect.

Where a detector saw a fault begin at the same step, the departure is evidence for that fault;
else it is a fault of its own. It makes a failure only where something else says that the run
failed. What both runs did alike did not decide the end: faults that began there are weakened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from investigator.claims.confidence import SUPPORTED
from investigator.ground.canonical_json import JsonValue
from investigator.rca.report import Finding, GoodStep
from investigator.readings.acts import Act
from investigator.readings.departure_words import departure_words, good_excerpt
from investigator.readings.departures import Compared, Departure, Ground, compared
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span, SpanKind

GOOD_RUN = "good_run"
"""The detector of departures."""

_DECIDES, _UNSURE, _BESIDE = 0.7, 0.45, 0.3
"""Strength of a departure to which the end of a failed run leads back; of one in a run of which
nothing says that it failed; of what differs besides."""

_FAULTS = {
    Ground.SETUP: Fault.DEPARTED_SETUP,
    Ground.ACT: Fault.DEPARTED_ACT,
    Ground.RESULT: Fault.DEPARTED_RESULT,
    Ground.FOUND: Fault.DEPARTED_RETRIEVAL,
}
_QUOTED = 100


@dataclass(frozen=True)
class GoodRun:
    """A run and a good one of the same task; `seen` are the faults that were seen in the run."""

    readings: Readings
    good: Readings
    seen: tuple[Signal, ...]

    @cached_property
    def compared(self) -> Compared:
        """The two side by side."""
        return compared(self.readings, self.good)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What was `seen`, weaker where both runs did the same, and the departures."""
        departing = tuple(signal for signal, _ in self._departing)
        if self.compared.first is None:
            return (*self.seen, *(departing if self._failed else ()))
        return (*map(self._weighed, self.seen), *departing)

    @property
    def notes(self) -> tuple[str, ...]:
        """Why nothing was compared."""
        if self.compared.other_task is None:
            return ()
        ours, theirs = (self.readings.quote.line(t, _QUOTED) for t in self.compared.other_task)
        return (
            f"the good run {self.good.trace.trace_id} was not compared with: its task is another "
            f"(it was asked “{theirs}”, this run “{ours}”)",
        )

    def told(self, place: Callable[[str], JsonValue]) -> JsonValue:
        """The comparison as a planner is told of it; `place` names the step of a span."""
        found = self.compared.first or self.compared.beside
        if self.compared.other_task is not None:
            return {"trace_id": self.good.trace.trace_id, "compared": self.notes[0]}
        if found is None:
            return {"trace_id": self.good.trace.trace_id, "first_departure": None}
        return {
            "trace_id": self.good.trace.trace_id,
            "first_departure": {
                "step": place(found.span.span_id),
                "what": departure_words(found, self.readings.quote),
                "the good run there": good_excerpt(found, self.readings.quote),
            },
        }

    def step_beside(self, signals: Iterable[Signal]) -> GoodStep | None:
        """What the good run did where a finding of these signals departs from it."""
        told = tuple(signals)
        found = (departure for signal, departure in self._departing if signal in told)
        return next(map(self._good_step, found), None)

    def problems(self, findings: Sequence[Finding]) -> list[str]:
        """References into the good run that do not resolve there."""
        cited = ((n, f.departs_from) for n, f in enumerate(findings, 1) if f.departs_from)
        return [
            f"finding {number}: evidence {step.evidence.ref} does not resolve in the good run"
            for number, step in cited
            if step.evidence is not None and self.good.evidence.problem(step.evidence) is not None
        ]

    @cached_property
    def _failed(self) -> bool:
        """Whether something besides the good run says that the run failed."""
        strong = (s.open and s.strength >= SUPPORTED for s in self.seen)
        return self.readings.outcome.failed or any(strong)

    @cached_property
    def _departing(self) -> tuple[tuple[Signal, Departure], ...]:
        first, beside = self.compared.first, self.compared.beside
        strength = _DECIDES if self._failed else _UNSURE
        told = [] if first is None else [(self._signal(first, strength, decides=True), first)]
        if beside is not None:
            told.append((self._signal(beside, _BESIDE, decides=False), beside))
        return tuple(told)

    def _signal(self, one: Departure, strength: float, *, decides: bool) -> Signal:
        known = self._seen_there(one) if decides else None
        return build_signal(
            self.readings.view,
            detector=GOOD_RUN,
            fault=_FAULTS[one.ground] if known is None else known.fault,
            span=self._place(one, known),
            evidence=self._evidence(one),
            summary=f"departs from the good run: {departure_words(one, self.readings.quote)}",
            strength=strength,
            topic=_topic(one) if known is None else None,
        )

    def _seen_there(self, one: Departure) -> Signal | None:
        """The strongest fault that was seen to begin there, or to surface in what was answered."""
        spoken = one.act is not None and one.act.span.kind is not SpanKind.TOOL
        answered = spoken and one.ground is not Ground.ACT
        came = one.act.evidence[-1:] if one.act is not None and answered else ()
        there = (
            signal
            for signal in self.seen
            if signal.open
            and signal.origin_id not in self.compared.twins
            and (signal.origin_id == one.span.span_id or set(came) & set(signal.evidence))
        )
        return max(there, key=lambda signal: signal.strength, default=None)

    def _place(self, one: Departure, known: Signal | None) -> Span:
        """Where it began: a result without a span of its own is told where it was read."""
        there = None if known is None else self.readings.trace.get(known.origin_id)
        return one.span if there is None else there

    def _evidence(self, one: Departure) -> Iterator[EvidenceRef]:
        """What was done, by what step, and what that had before it."""
        view = self.readings.view
        if one.act is None:
            yield view.given_evidence(one.span)
            yield span_evidence(one.span)
            yield view.spoken_evidence(one.span)
            return
        yield from one.act.evidence
        yield view.spoken_evidence(one.act.by)
        yield span_evidence(one.span)
        yield view.given_evidence(one.act.by)

    def _weighed(self, signal: Signal) -> Signal:
        """The signal, weaker where the good run did the same and passed."""
        first = self.compared.first
        alike = signal.origin_id in self.compared.twins
        if not alike or first is None or signal.origin_id == first.span.span_id:
            return signal
        return replace(
            signal,
            strength=min(signal.strength, _UNSURE),
            summary=f"{signal.summary} (the good run did the same there)",
        )

    def _good_step(self, one: Departure) -> GoodStep:
        act = one.good
        if act is None:
            return GoodStep(trace_id=self.good.trace.trace_id)
        return GoodStep(
            trace_id=self.good.trace.trace_id,
            step=act.step,
            span_id=act.span.span_id,
            evidence=next(iter(reversed(act.evidence)), None),
            text=good_excerpt(one, self.readings.quote),
        )


def _topic(one: Departure) -> str | None:
    """What was done in place of what, by the names of tools and steps."""
    names = [_name(act) for act in (one.act, one.good)]
    return None if not any(names) or names[0] == names[1] else f"{names[0]} for {names[1]}"


def _name(act: Act | None) -> str:
    return "nothing" if act is None else act.name or act.kind.value
