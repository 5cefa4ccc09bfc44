"""How often an outcome under a policy is right, measured where the truth is known.

A run that had a policy to keep, and of which each demand was seen to be met, is acquitted on more
than one without; and one that broke it failed for another reason than an error. So both have
tables of their own. The figures come from `python -m benchmarks.tau_policy`.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

from investigator.controls.terms import Severity
from investigator.rca.acquittal import Acquittal

if TYPE_CHECKING:
    from investigator.rca.policy_verdicts import Policy

_GRAVE = frozenset({Severity.CRITICAL, Severity.HIGH})
_ACQUITTED = (1.523, -1.596)
_FAILED = (0.084, -0.391, 0.923, 1.039)
"""Of the features below, in their order. Fitted on 70 acquittals and 108 failures among 200
conversations of users with an agent under a policy, of which it is known how they ended."""


def policy_features(acquittal: Acquittal) -> tuple[float, ...]:
    """What the confidence of such an acquittal depends on.

    What a policy allows may still not be what the user wanted: an act that changes something can
    miss it. The number of changes, of calls and of messages told nothing beyond that.
    """
    return (1.0, float(acquittal.changes > 0))


def breach_features(policy: Policy) -> tuple[float, ...]:
    """What it depends on that a run failed which had a policy to keep.

    Whether a demand was broken at all, how many were, and whether one of them is grave. A policy
    has rules that make no difference to a case, so one breach alone may not have spoiled it.
    """
    broken = policy.broken
    grave = any(control.severity in _GRAVE for control in broken)
    return (1.0, float(not broken), log(max(len(broken), 1)), float(grave))


def acquitted_under_policy(acquittal: Acquittal) -> float:
    """The probability that a run that met every demand did its task, to two digits."""
    return _probability(_ACQUITTED, policy_features(acquittal))


def failed_under_policy(policy: Policy) -> float:
    """The probability that a run with a supported finding failed its task, to two digits."""
    return _probability(_FAILED, breach_features(policy))


def _probability(weights: tuple[float, ...], features: tuple[float, ...]) -> float:
    weight = sum(w * x for w, x in zip(weights, features, strict=True))
    return round(1 / (1 + exp(-weight)), 2)
