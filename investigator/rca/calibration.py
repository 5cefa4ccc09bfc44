"""How often an outcome or a finding of this kind is right, measured where the truth is known.

The figures come from `python -m benchmarks.quality --fit`, which prints them with the data that
they were fitted on; a report's confidence is one of them and nothing else.
"""

from __future__ import annotations

from math import exp, log1p

from investigator.rca.acquittal import Acquittal

# Fitted on 382 runs that passed every check, of which the truth is known: tool-calling runs over
# one request, and conversations of a user with an agent under a policy.
_BASE = 0.905
_DIALOGUE = 0.396
_DIALOGUE_WITH_CHANGES = -1.567
_DIALOGUE_CALLS = -0.307


def acquittal_confidence(acquittal: Acquittal) -> float:
    """The probability that a run that passed every check did its task, to two digits.

    A request that was carried out is one thing; in a conversation, what a user wanted comes out
    bit by bit, and each change that was made on the way may be one that was not wanted.
    """
    weight = _BASE
    if acquittal.is_dialogue:
        weight += _DIALOGUE + _DIALOGUE_CALLS * log1p(len(acquittal.actions))
        weight += _DIALOGUE_WITH_CHANGES if acquittal.changes else 0.0
    return round(1 / (1 + exp(-weight)), 2)
