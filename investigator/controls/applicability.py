"""Whether a control applies; what cannot be told counts as met.

The control then applies, and the evidence that it requires will be missing. So "not applicable" is
always something that was looked at.
"""

from __future__ import annotations

from typing import NamedTuple

from investigator.controls.conditions.answers import Condition
from investigator.controls.conditions.call_facts import CallFacts
from investigator.readings.reading import Readings

_REASON = 300


class Applies(NamedTuple):
    """Whether a control applies, and why."""

    yes: bool
    reason: str


def applies(condition: Condition, subject: Readings) -> Applies:
    """Whether the trace meets the condition."""
    answer = condition.ask(CallFacts(subject, None))
    reason = subject.quote.line(answer.seen, _REASON)
    return Applies(answer.holds is not False, reason)
