"""How often an outcome or a finding of this kind is right, measured where the truth is known.

The figures come from `python -m benchmarks.quality --fit`, which prints them with the data that
they were fitted on; a report's confidence is one of them and nothing else.
"""

from __future__ import annotations

from math import exp, log1p

from investigator.rca.acquittal import Acquittal
from investigator.rca.policy_calibration import acquitted_under_policy

_WEIGHTS = (0.762, 0.719, -1.894, -0.248)
"""Of the features below, in their order. Fitted on 464 runs that passed every check, of which the
truth is known: tool-calling runs over one request, and conversations of a user with an agent under
a policy."""


FAILED = 0.81
"""How often a run with a supported finding failed: 70 of 86 among the same runs. How far the
finding speaks for a fault, and whether it was a conversation, told nothing beyond that."""


def acquittal_features(acquittal: Acquittal) -> tuple[float, ...]:
    """What the confidence of an acquittal depends on.

    A request that was carried out is one thing; in a conversation, what a user wanted comes out
    bit by bit, and each change that was made on the way may be one that was not wanted.
    """
    if not acquittal.is_dialogue:
        return (1.0, 0.0, 0.0, 0.0)
    return (1.0, 1.0, float(acquittal.changes > 0), log1p(len(acquittal.actions)))


def acquittal_confidence(acquittal: Acquittal) -> float:
    """The probability that a run that passed every check did its task, to two digits."""
    if acquittal.is_dialogue and acquittal.policy is not None and acquittal.policy.checks:
        return acquitted_under_policy(acquittal)
    features = acquittal_features(acquittal)
    weight = sum(w * x for w, x in zip(_WEIGHTS, features, strict=True))
    return round(1 / (1 + exp(-weight)), 2)
