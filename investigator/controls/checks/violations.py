"""How checks of a policy tell a breach: one bounded line, the call first, then what shows it."""

from __future__ import annotations

from collections.abc import Iterable

from investigator.controls.checking import Violation
from investigator.controls.checks.chosen_calls import (
    evidence_of_call,
)
from investigator.readings.call_outcomes import succeeded
from investigator.readings.utterances import Action
from investigator.traces.evidence import EvidenceRef, unique

CERTAIN = 0.9
"""Strength of a breach that follows from calls and values alone."""

WORDED = 0.7
"""Strength of a breach that was read from somebody's words."""


def broken_by(
    action: Action, summary: str, shown_by: Iterable[EvidenceRef] = (), *, strength: float = CERTAIN
) -> Violation:
    """A breach by one call; `shown_by` is the evidence beside the call's own."""
    asked, *given = evidence_of_call(action)
    refused = action.result is not None and succeeded(action) is False
    return Violation(
        span_id=action.span.span_id,
        summary=summary,
        evidence=unique([asked, *shown_by, *given]),
        strength=strength,
        refused_at=action.result.span.span_id if refused and action.result else None,
    )
