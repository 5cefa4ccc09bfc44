"""How often an outcome or a finding of this kind is right, measured where the truth is known.

The figures come from `python -m benchmarks.quality --fit`, which prints them with the data that
they were fitted on; a report's confidence is one of them and nothing else.
"""

from __future__ import annotations

from math import exp, log1p

from investigator.rca.acquittal import Acquittal
from investigator.rca.policy_calibration import acquitted_under_policy

_WEIGHTS = (0.755, 0.534, -1.595, -0.285)
"""Of the features below, in their order. Fitted on 443 runs that passed every check, of which the
truth is known: tool-calling runs over one request, and conversations of a user with an agent under
a policy."""


_FAILED = (1.570, -0.370)
"""Of the features of a failure, in their order. Fitted on the failures among the same runs."""


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
    return _probability(_WEIGHTS, acquittal_features(acquittal))


def failure_features(acquittal: Acquittal) -> tuple[float, ...]:
    """What the confidence of a failure depends on.

    In a conversation a user can still put right what went wrong. How far a supported finding
    speaks for a fault told nothing beyond that.
    """
    return (1.0, float(acquittal.is_dialogue))


def failure_confidence(acquittal: Acquittal) -> float:
    """The probability that a run with a supported finding failed, to two digits."""
    return _probability(_FAILED, failure_features(acquittal))


def _probability(weights: tuple[float, ...], features: tuple[float, ...]) -> float:
    weight = sum(w * x for w, x in zip(weights, features, strict=True))
    return round(1 / (1 + exp(-weight)), 2)
