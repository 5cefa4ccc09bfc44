"""A signal is one fault that a deterministic detector saw, with the evidence for it.

`span_id` is where the fault surfaced, `origin_id` where it began; the two differ when, say, a
tool rejects a call that a model wrote badly. A signal that a later step made good is closed:
it names that step in `recovered_by`. Signals never quote secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef


@dataclass(frozen=True, slots=True)
class Signal:
    """One fault. `strength` (0..1) is how far what was seen speaks for a fault at all.

    `topic` tells it from others of its fault, whatever the run: the control that was broken.
    """

    detector: str
    fault: Fault
    span_id: str
    origin_id: str
    evidence: tuple[EvidenceRef, ...]
    summary: str
    strength: float
    agent: str | None = None
    recovered_by: str | None = None
    topic: str | None = None

    @property
    def open(self) -> bool:
        """Whether no later step made the fault good."""
        return self.recovered_by is None


@dataclass(frozen=True, slots=True)
class Detector:
    """Sees one sort of trouble in a trace: pure, without a model, whatever the agent's framework.

    Its signals name one of the known faults. The set is closed because every taxonomy, a user's
    own among them, gives each fault its category: a new one would make all of them incomplete.
    """

    name: str
    detect: Callable[[Readings], Iterable[Signal]]
