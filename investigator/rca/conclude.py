"""Signals become findings, and findings a report, by rules that can be checked by hand.

Every signal ends up in a finding: the signals of one category that began at one span are one.
An open finding keeps the strength of its signals as its confidence, as far as its references
bear it; a recovered one stays below a half. The first supported open finding is the root cause.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from investigator.claims.confidence import SUPPORTED, ProducedBy, capped_confidence
from investigator.claims.refutations import RefutedLead
from investigator.ground.wording import counted, sentence
from investigator.rca.acquittal import Acquittal
from investigator.rca.advice import advice_on
from investigator.rca.calibration import FAILED, acquittal_confidence
from investigator.rca.policy_calibration import failed_under_policy
from investigator.rca.report import Finding, Label, Outcome, RCAReport, StatedOutcome
from investigator.rca.taxonomy import Taxonomy
from investigator.readings.outcome import NOT_KNOWN, KnownOutcome, Sayer
from investigator.signals.model import Signal
from investigator.traces.evidence import unique
from investigator.traces.model import Trace

_RECOVERED_SHARE = 0.5
_REMEDIES = 5
_TRUST = {
    Sayer.CALLER: 1.0,
    Sayer.PERSON: 0.9,
    Sayer.CODE: 0.9,
    Sayer.MODEL: 0.7,
    Sayer.UNKNOWN: 0.6,
}
"""How sure a failure is that is known beforehand. The caller's word is given; the others are not
measured, they keep the order in which sources are believed."""


class LastWord(NamedTuple):
    """What a planner other than the rules concluded with, of a scope that came to its end."""

    summary: str
    found_nothing: bool


def finding_of(signals: Sequence[Signal], taxonomy: Taxonomy, produced_by: ProducedBy) -> Finding:
    """The finding of signals that share their category and their origin."""
    first = signals[0]
    refs = unique(ref for signal in signals for ref in signal.evidence)
    return Finding(
        category=taxonomy.category_of(first.fault).id,
        span_id=first.origin_id,
        agent=first.agent,
        description=description_of(signals),
        confidence=round(capped_confidence(confidence_of(signals), refs, produced_by), 2),
        evidence_refs=refs,
    )


def description_of(signals: Sequence[Signal]) -> str:
    """What the signals say, each once, and whether a later step made it good."""
    told = (
        s.summary if s.open else f"{s.summary} (recovered at {s.recovered_by})" for s in signals
    )
    return "; ".join(dict.fromkeys(told))


def confidence_of(signals: Sequence[Signal]) -> float:
    """The strongest signal's strength; half of it where a later step made the fault good."""
    return round(max(s.strength * (1.0 if s.open else _RECOVERED_SHARE) for s in signals), 2)


def rank(finding: Finding) -> tuple[bool, bool, float]:
    """Supported findings as they were found, the root cause first; then suspects by likelihood.

    What was made good comes last: it did not decide the end.
    """
    supported = finding.confidence >= SUPPORTED
    made_good = not supported and finding.decisive is False
    return not supported, made_good, 0.0 if supported else -finding.confidence


def report_from_findings(
    trace: Trace,
    findings: Sequence[Finding],
    taxonomy: Taxonomy,
    *,
    gaps: Iterable[str],
    acquittal: Acquittal,
    unstated: int = 0,
    made_good: Collection[str] = (),
    refuted: Sequence[RefutedLead] = (),
    said: LastWord | None = None,
    known: KnownOutcome = NOT_KNOWN,
    remedies: Callable[[Finding], Sequence[str]] = lambda _: (),
) -> RCAReport:
    """The report that states these findings; the first supported one decides the outcome.

    Without one the run is acquitted where that was earned, and is more likely right than wrong.
    A run that is `known` to have failed is never acquitted: its findings are the suspects.
    `unstated` faults are only counted: a gap of the report, not of the trace, as those are that
    were `made_good`. `remedies` are those that somebody else knows for a finding, before advice
    on its fault. What a planner other than the rules `said` of the whole stands in the summary; one
    that found nothing speaks for a run that passed every check.
    """
    named = tuple(gaps)
    complete = all(gap in made_good for gap in named)
    likely = acquittal_confidence(acquittal)
    if said is not None and said.found_nothing:
        likely = max(likely, SUPPORTED)
    earned = complete and acquittal.earned and likely >= SUPPORTED
    outcome = _outcome(findings, known, earned=earned)
    open_ = () if outcome is not Outcome.UNDETERMINED else _unproved(acquittal, likely)
    return RCAReport(
        trace_id=trace.trace_id,
        trace_ids=trace.trace_ids,
        outcome=outcome,
        primary_label=_label(findings[0], taxonomy) if outcome is Outcome.FAILURE else None,
        summary=_summary(outcome, findings, known, said),
        confidence=_outcome_confidence(outcome, findings, known, acquittal, likely),
        findings=tuple(findings),
        evidence_refs=unique(ref for finding in findings for ref in finding.evidence_refs),
        remediation=_remedies(findings, taxonomy, remedies)
        if outcome is not Outcome.NO_FAILURE
        else (),
        checks=acquittal.checks,
        refuted=tuple(refuted),
        gaps=tuple(dict.fromkeys((*named, *open_, *_unstated(unstated)))),
        known_outcome=_stated(known, outcome),
    )


def _stated(known: KnownOutcome, outcome: Outcome) -> StatedOutcome | None:
    """What was known, and what the report itself says against it."""
    if known.is_empty:
        return None
    against = known.ended == "passed" and outcome is Outcome.FAILURE
    contradicted = (f"{known.line}; contradicted by the findings",) if against else ()
    return StatedOutcome(
        outcome=known.ended,
        said_by=None if known.said_by is None else known.said_by.value,
        given=known.given,
        symptom=known.symptom,
        expected=known.expected,
        decided=known.decided,
        shown=known.shown,
        contradictions=(*known.contradictions, *contradicted),
    )


def _unstated(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    told = counted(count, "further fault is", "further faults are")
    return (f"{told} not listed: no scope looked at them",)


def _unproved(acquittal: Acquittal, likely: float) -> tuple[str, ...]:
    """What keeps a run without a supported finding from being acquitted."""
    if acquittal.earned and likely < SUPPORTED:
        return (
            f"every check was passed, and of such runs {likely:.0%} did their task: a conversation"
            " in which things were changed",
        )
    return acquittal.missing


def _outcome(findings: Sequence[Finding], known: KnownOutcome, *, earned: bool) -> Outcome:
    if findings and (known.failed or any(f.confidence >= SUPPORTED for f in findings)):
        return Outcome.FAILURE
    if known.failed:
        return Outcome.UNDETERMINED
    return Outcome.NO_FAILURE if earned else Outcome.UNDETERMINED


def _outcome_confidence(
    outcome: Outcome,
    findings: Sequence[Finding],
    known: KnownOutcome,
    acquittal: Acquittal,
    likely: float,
) -> float:
    """How often such an outcome is right where the truth is known.

    That a run failed of which that is known is as sure as whoever says so; of one that had a
    policy to keep it depends on how that was broken.
    """
    if outcome is Outcome.FAILURE and acquittal.policy is not None and not known.failed:
        return failed_under_policy(acquittal.policy)
    if outcome is Outcome.FAILURE:
        told = _TRUST[known.said_by] if known.failed and known.said_by is not None else 0.0
        supported = any(finding.confidence >= SUPPORTED for finding in findings)
        return max(FAILED if supported else findings[0].confidence, told)
    return likely if outcome is Outcome.NO_FAILURE else 0.0


def _label(finding: Finding, taxonomy: Taxonomy) -> Label | None:
    category = taxonomy.category(finding.category)
    return None if category is None else category.label


def _summary(
    outcome: Outcome, findings: Sequence[Finding], known: KnownOutcome, said: LastWord | None
) -> str:
    found = _found(outcome, findings)
    line = known.line
    if known.ended is not None and line not in found:
        found = f"{found} {sentence(line[0].upper() + line[1:])}"
    if said is None or outcome is Outcome.FAILURE or not said.summary.strip():
        return found
    return f"{found} In the planner's words: {said.summary.strip()}"


def _found(outcome: Outcome, findings: Sequence[Finding]) -> str:
    if outcome is Outcome.FAILURE:
        first, more = findings[0], len(findings) - 1
        others = f" {counted(more, 'further finding')}." if more else ""
        return sentence(f"{first.category} at span {first.span_id}: {first.description}") + others
    if outcome is Outcome.NO_FAILURE:
        count = counted(len(findings), "fault was", "faults were")
        recovered = f"; {count} recovered" if findings else ""
        return f"The run passed every check of an acquittal{recovered}."
    return "No fault was found that the evidence supports, and no acquittal was earned."


def _remedies(
    findings: Sequence[Finding],
    taxonomy: Taxonomy,
    known: Callable[[Finding], Sequence[str]],
) -> tuple[str, ...]:
    """One remedy for each fault and agent, or each control, in the order of the findings."""
    remedies: dict[tuple[str, str | None], str] = {}
    for finding in findings:
        own = known(finding)
        for control, text in zip(finding.controls, own, strict=False):
            remedies.setdefault((control, None), text)
        if not own:
            key = (finding.fault or finding.category, finding.agent)
            remedies.setdefault(key, advice_on(finding, taxonomy.category(finding.category)))
    return tuple(dict.fromkeys(remedies.values()))[:_REMEDIES]
