"""An incident dossier: what happened in a window, what changed, and what to do, all with evidence.

"No incident" and "nothing changed" are answers like any other. A change is asserted only with
evidence; else it is one of the hypotheses, or none. Dossiers hold no run id and no time of the
run. One of version 1.0.0 tells of no shifts, patterns and refuted changes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from investigator.claims.confidence import SUPPORTED, Confidence
from investigator.claims.refutations import RefutedLead
from investigator.claims.report import Report
from investigator.runtime.status import Artifact
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import parse_time

SCHEMA_VERSION: Literal["1.1.0"] = "1.1.0"
RUN_TYPE = "incident_dossier"
DOSSIER = Artifact("incident_dossier", SCHEMA_VERSION)


class SuspicionStatus(StrEnum):
    """How far a suspicion goes."""

    ASSERTED = "asserted"
    HYPOTHESIS = "hypothesis"
    NONE_FOUND = "none_found"
    UNKNOWN = "unknown"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IncidentOutcome(StrEnum):
    """Whether something happened in the window."""

    INCIDENT = "incident"
    NO_INCIDENT = "no_incident"
    UNDETERMINED = "undetermined"


class Window(_Part):
    """What was looked at; times are RFC 3339 (UTC), None where nothing limits or names them."""

    start: str | None
    end: str | None
    first_trace: str | None
    last_trace: str | None
    traces: int
    failing: int
    slow: int


class Component(_Part):
    """What failed, and in how many traces."""

    name: str
    service: str | None
    error_types: tuple[str, ...]
    traces: int


class Event(_Part):
    """One moment of the timeline."""

    timestamp: str
    event: str
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)


class RepresentativeTrace(_Part):
    """A trace that stands for others."""

    trace_id: str
    why_selected: str
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)


class ChangeSeen(_Part):
    """One change: of what, from what to what, between which traces, and the diff if there is one.

    `diff` is shortened and without secrets.
    """

    kind: str
    subject: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    at: str
    trace_before: str | None
    trace_after: str | None
    diff: str | None = None


class ShiftSeen(_Part):
    """A measure that runs have at another level, whether or not anything failed.

    Levels are medians, or shares from 0 to 1, in `unit`; `effect` is a ratio of amounts and a
    difference of scores and shares, freed of agents, tenants and the like. `chance` is the
    probability of such a shift by chance, corrected for all that was tried. `slice` names the runs
    that it holds for, if not all; `explained_by` the changes, of which there may be none.
    """

    measure: str
    worse: bool
    before: float
    after: float
    unit: str
    effect: float
    effect_is: Literal["ratio", "difference"]
    runs_before: int
    runs_after: int
    chance: float = Field(ge=0.0, le=1.0)
    slice: str | None
    start: str
    end: str | None
    explained_by: tuple[str, ...]
    statement: str = Field(min_length=1)
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)


class PatternSeen(_Part):
    """When or for whom bad runs come again and again; counts are of bad runs and of all runs."""

    what: str
    place: str
    recurs: bool
    bad_there: int
    runs_there: int
    bad_elsewhere: int
    runs_elsewhere: int
    chance: float = Field(ge=0.0, le=1.0)
    statement: str = Field(min_length=1)
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)


class SuspectedChange(_Part):
    """What may have changed; `changes` came together and are empty where none is named."""

    status: SuspicionStatus
    statement: str = Field(min_length=1)
    changes: tuple[ChangeSeen, ...] = ()
    confidence: Confidence = 0.0
    evidence_refs: tuple[EvidenceRef, ...] = ()

    @model_validator(mode="after")
    def _asserted_with_evidence(self) -> SuspectedChange:
        named = self.status in (SuspicionStatus.ASSERTED, SuspicionStatus.HYPOTHESIS)
        if named and not self.evidence_refs:
            raise ValueError("a change needs a reference")
        return self


class Hypothesis(_Part):
    """One possible cause, ranked by its evidence and its breadth."""

    rank: int = Field(ge=1)
    statement: str = Field(min_length=1)
    confidence: Confidence
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _evidence_bears_confidence(self) -> Hypothesis:
        if self.confidence >= SUPPORTED and len(set(self.evidence_refs)) < 2:
            raise ValueError(f"confidence {self.confidence} needs two independent references")
        return self


class IncidentDossier(Report):
    """What happened in a window; `refuted` are guesses of code, and changes, that did not hold."""

    schema_version: Literal["1.0.0", "1.1.0"] = SCHEMA_VERSION
    outcome: IncidentOutcome
    window: Window
    incident_summary: str = Field(min_length=1)
    impacted_components: tuple[Component, ...] = ()
    timeline: tuple[Event, ...] = ()
    representative_traces: tuple[RepresentativeTrace, ...] = ()
    suspected_change: SuspectedChange
    shifts: tuple[ShiftSeen, ...] = ()
    patterns: tuple[PatternSeen, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    refuted: tuple[RefutedLead, ...] = ()
    recommended_actions: tuple[str, ...] = ()
    confidence: Confidence
    gaps: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The dossier in one word."""
        return self.outcome.value

    @property
    def cited(self) -> tuple[EvidenceRef, ...]:
        """Every reference in it."""
        return (
            *(ref for event in self.timeline for ref in event.evidence_refs),
            *(ref for one in self.representative_traces for ref in one.evidence_refs),
            *self.suspected_change.evidence_refs,
            *(ref for cause in self.hypotheses for ref in cause.evidence_refs),
            *(ref for shift in self.shifts for ref in shift.evidence_refs),
            *(ref for pattern in self.patterns for ref in pattern.evidence_refs),
            *(ref for one in self.refuted for ref in one.evidence_refs),
        )

    @model_validator(mode="after")
    def _in_order(self) -> IncidentDossier:
        times = [parse_time(event.timestamp) for event in self.timeline]
        if times != sorted(times):
            raise ValueError("the timeline is not in order")
        if [h.rank for h in self.hypotheses] != list(range(1, len(self.hypotheses) + 1)):
            raise ValueError("hypotheses are ranked 1, 2, …")
        if self.outcome is IncidentOutcome.NO_INCIDENT and (
            self.hypotheses or self.representative_traces
        ):
            raise ValueError("where there is no incident there is nothing to explain")
        return self
