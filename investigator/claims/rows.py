"""A report as rows of three tables: a trace, a finding, a control verdict.

The fields are the columns, for whatever holds many results: CSV, SARIF, JUnit, baselines, data
frames. Texts are plain and already redacted. `signature` knows the same fault or breach again in
another run, whatever its ids and wording.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEPARATOR = " | "
"""Between the parts of a signature: engine, category or control, fault, tool or agent, template."""
_LASTING_PARTS = 4
"""The parts of a signature before the text of the error, which is the one that is reworded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceVerdict:
    """What a report says of its trace; `trace_id` is None for a window of many.

    `label` is the kind of cause, `confidence` that of the verdict (0 to 1), None where the report
    gives none. `findings` and `failed_controls` count. The fault began at `began_*`.
    """

    trace_id: str | None
    verdict: str
    label: str | None = None
    confidence: float | None = None
    summary: str
    findings: int = 0
    failed_controls: int = 0
    fault: str | None = None
    began_step: int | None = None
    began_span_id: str | None = None
    began_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding, ranked from 1. `fails` says whether it makes its trace fail a build.

    `evidence` are references, `excerpts` what they say. `fault` is finer than the category.
    """

    trace_id: str | None
    rank: int
    category: str
    fault: str | None = None
    description: str
    confidence: float | None = None
    impact: str | None = None
    decisive: bool | None = None
    fails: bool
    began_step: int | None = None
    began_span_id: str | None = None
    began_agent: str | None = None
    caught_step: int | None = None
    caught_span_id: str | None = None
    path: tuple[str, ...] = ()
    advice: str | None = None
    evidence: tuple[str, ...] = ()
    excerpts: tuple[str, ...] = ()
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow:
    """One control's verdict. `fails` says whether it makes its trace fail a build.

    `span_id` is where the first piece of evidence stands, `violations` counts the breaches.
    """

    trace_id: str | None
    controls_version: str
    control_id: str
    title: str
    severity: str
    verdict: str
    judged_by: str
    confidence: float | None = None
    fails: bool
    explanation: str
    violations: int = 0
    span_id: str | None = None
    remediation: str | None = None
    missing_evidence: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    signature: str


@dataclass(frozen=True, slots=True)
class ReportRows:
    """A report as rows."""

    trace: TraceVerdict
    findings: tuple[FindingRow, ...] = ()
    controls: tuple[ControlRow, ...] = ()

    @property
    def failing(self) -> Iterator[FindingRow | ControlRow]:
        """What makes the trace fail a build, the most important first."""
        yield from (finding for finding in self.findings if finding.fails)
        yield from (control for control in self.controls if control.fails)


def signature_of(*parts: str | None) -> str:
    """The parts as one signature; what is not known is a dash."""
    return SEPARATOR.join(part or "-" for part in parts)


def lasting(signature: str) -> str:
    """The parts of a signature that stay when an error is worded otherwise."""
    return SEPARATOR.join(signature.split(SEPARATOR)[:_LASTING_PARTS])
