"""One rule turns what was found into a verdict, for every control alike.

Not applicable, where the condition was evaluated and says so, or where nobody configured what it
would be judged by. Else a breach that is shown by
evidence is a fail. Else anything that could not be seen makes the evidence insufficient, and so
does, for code alone, a question that a model has to judge. What is left is a pass, with what was
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from investigator.controls.applicability import applies
from investigator.controls.checking import Checked, Violation
from investigator.controls.model import Control
from investigator.controls.reading_places import spoken_places
from investigator.controls.required_evidence import missing_evidence, nothing_visible
from investigator.controls.terms import Verdict
from investigator.ground.wording import counted
from investigator.readings.quoting import one_line
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef, unique

PASSED = 0.8
"""Confidence in a pass: a check that saw everything may still not know every kind of breach."""

NOT_MET = 0.9
"""Confidence that a control does not apply: counted in a record that hides nothing of it."""

NOTHING_KNOWN = 0.0
"""Confidence of insufficient evidence: it claims nothing of the agent."""

_LINE = 300
_LINES = 20


@dataclass(frozen=True, slots=True)
class ControlEvaluation:
    """The verdict of one control over one trace, and what it rests on.

    `violations` are strongest first; `evidence` is theirs for a fail, else some of what was
    scanned. `missing_evidence` is kept beside a fail as well: there may be more to see.
    `to_judge` is the question that only a model can judge, `to_read` where to begin with it.
    `not_configured` are the parameters without which nothing, or not all of it, was asked.
    """

    control_id: str
    verdict: Verdict
    confidence: float
    reason: str
    violations: tuple[Violation, ...] = ()
    missing_evidence: tuple[str, ...] = ()
    scanned: str = ""
    evidence: tuple[EvidenceRef, ...] = ()
    to_judge: str | None = None
    to_read: tuple[EvidenceRef, ...] = ()
    not_configured: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a model has something to judge: all is seen that its question needs."""
        return self.to_judge is not None and not self.missing_evidence


def evaluate(control: Control, subject: Readings) -> ControlEvaluation:
    """What code alone can say of a control."""
    met = applies(control.applies_when, subject)
    if not met.yes:
        return _not_applicable(control, met.reason, met.not_configured)
    found = _checked(control, subject)
    unconfigured = _unconfigured(control, found)
    if unconfigured and not _is_judged(control, found):
        return _not_applicable(control, f"not configured: {', '.join(unconfigured)}", unconfigured)
    shown = [_quoted(violation, subject) for violation in found.violations if violation.evidence]
    violations = tuple(sorted(shown, key=lambda violation: -violation.strength))
    lines = _missing(control, subject, found)
    if violations:
        verdict, confidence = Verdict.FAIL, violations[0].strength
        reason, evidence = violations[0].summary, _evidence_of(violations)
    elif lines:
        verdict, confidence = Verdict.INSUFFICIENT_EVIDENCE, NOTHING_KNOWN
        reason, evidence = f"could not be judged: {lines[0]}", found.evidence
    elif control.check.model is not None:
        verdict, confidence = Verdict.INSUFFICIENT_EVIDENCE, NOTHING_KNOWN
        reason, evidence = unjudged(control.check.model.question), found.evidence
    else:
        verdict, confidence = Verdict.PASS, PASSED
        scanned = subject.quote.line(found.scanned, _LINE)
        reason, evidence = f"no breach in {scanned or 'the trace'}", found.evidence
    return ControlEvaluation(
        control_id=control.control_id,
        verdict=verdict,
        confidence=confidence,
        reason=one_line(reason, _LINE),
        violations=violations,
        missing_evidence=lines,
        scanned=found.scanned,
        evidence=unique(evidence),
        to_judge=None if control.check.model is None else control.check.model.question,
        to_read=() if control.check.model is None else spoken_places(subject),
        not_configured=unconfigured,
    )


def _not_applicable(
    control: Control, reason: str, unconfigured: tuple[str, ...]
) -> ControlEvaluation:
    return ControlEvaluation(
        control.control_id,
        Verdict.NOT_APPLICABLE,
        NOT_MET,
        reason=reason,
        not_configured=unconfigured,
    )


def _unconfigured(control: Control, found: Checked) -> tuple[str, ...]:
    """What the check lacked, as the organisation would configure it."""
    code = control.check.code
    if code is None:
        return ()
    named = [code.unset.get(key, f"params.{key}") for key in found.unconfigured]
    return tuple(dict.fromkeys([*code.lacking, *named]))


def _is_judged(control: Control, found: Checked) -> bool:
    """Whether anything was looked at, or is to be judged, whatever is not configured."""
    seen = found.violations or found.missing or found.scanned
    return bool(seen) or control.check.model is not None


def _quoted(violation: Violation, subject: Readings) -> Violation:
    """With its line as planners and reports may have it, whatever check wrote it."""
    return replace(violation, summary=subject.quote.line(violation.summary, _LINE))


def unjudged(question: str) -> str:
    """The line that says that nobody has answered a control's question yet."""
    return one_line(f"a model has to judge: {question}", _LINE)


def _checked(control: Control, subject: Readings) -> Checked:
    code = control.check.code
    if code is None or code.lacking:
        return Checked()
    return code.known.run(subject, code.ready)


def _missing(control: Control, subject: Readings, found: Checked) -> tuple[str, ...]:
    """Everything that was needed and not seen, one bounded line each."""
    lines = [*missing_evidence(subject, control.required_evidence), *found.missing]
    if not subject.trace.spans:
        lines.append("the trace has no spans")
    elif subject.kept(nothing_visible):
        lines.append("nothing that was said or done can be seen")
    if not all(violation.evidence for violation in found.violations):
        lines.append("a breach was suspected that nothing in the trace shows")
    told = tuple(dict.fromkeys(subject.quote.line(line, _LINE) for line in lines))
    more = len(told) - _LINES
    return (
        told
        if more <= 0
        else (*told[:_LINES], f"{counted(more, 'more thing')} that could not be seen")
    )


def _evidence_of(violations: tuple[Violation, ...]) -> tuple[EvidenceRef, ...]:
    return tuple(ref for violation in violations for ref in violation.evidence)
