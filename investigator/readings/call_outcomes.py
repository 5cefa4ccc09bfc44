"""Whether a call did what it was asked to do, by what came back and by its own span."""

from __future__ import annotations

from investigator.readings.utterances import Action
from investigator.readings.view import error_of
from investigator.traces.model import SpanKind


def succeeded(action: Action) -> bool | None:
    """Whether a call gave a result that is no error; None where that cannot be seen.

    A record with hidden values is seen to be one; of other hidden text nothing is known.
    """
    result = action.result
    if result is None:
        return None
    if result.span.kind is SpanKind.TOOL and error_of(result.span) is not None:
        return False
    if result.is_error or result.failure is not None:
        return False
    is_record = result.text.lstrip()[:1] in ("{", "[")
    return None if result.hidden and not is_record else True
