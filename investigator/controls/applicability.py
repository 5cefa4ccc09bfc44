"""Whether a control applies; what cannot be told counts as met.

The control then applies, and the evidence that it requires will be missing. So "not applicable" is
always something that was looked at, or something that nobody configured.
"""

from __future__ import annotations

from typing import NamedTuple

from investigator.controls.conditions.answers import Condition
from investigator.controls.conditions.call_facts import CallFacts
from investigator.readings.reading import Readings

_REASON = 300


class Applies(NamedTuple):
    """Whether a control applies, and why; `not_configured` are parameters that it lacks for it."""

    yes: bool
    reason: str
    not_configured: tuple[str, ...] = ()


def applies(condition: Condition, subject: Readings) -> Applies:
    """Whether the trace meets the condition."""
    answer = condition.ask(CallFacts(subject, None))
    if answer.holds is not False:
        return Applies(True, subject.quote.line(answer.seen, _REASON))
    lacking = tuple(dict.fromkeys(condition.lacking))
    if lacking and condition.ask(CallFacts(subject, None, as_configured=True)).holds is not False:
        return Applies(False, f"not configured: {', '.join(lacking)}", lacking)
    return Applies(False, subject.quote.line(answer.seen, _REASON))
