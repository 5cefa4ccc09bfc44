"""Of several models, from strong to cheap, a turn asks the strongest that can be afforded.

The rule is a function of what the turn of each model takes and of what is left, so a replay
chooses alike. A model is passed over for a resource only where a cheaper one takes less of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from investigator.model_planner.prompting import Mode

AHEAD = {Mode.EXPLORE: 6, Mode.FOCUS: 3, Mode.CONCLUDE: 1, Mode.ONLY_FINALIZE: 1}
"""How many turns like the one that is asked a scope should still afford, by what it is doing."""


class Takes(NamedTuple):
    """What a turn takes at most: micro-USD, tokens in and out, and about how many seconds."""

    cost: int
    tokens: int
    seconds: float


class Leaves(NamedTuple):
    """What there is for a scope's turns, in the same order; None: no limit."""

    cost: int | None
    tokens: int | None
    seconds: float | None


def strongest(turns: Sequence[Takes], left: Leaves, ahead: int) -> int:
    """The place of the turn to ask.

    Turns whose hold would exceed what is left are out, unless all would: then it is the least.
    Of the others the first is asked that is affordable `ahead` times over in every resource of
    which a later one takes less.
    """
    fitting = [place for place, turn in enumerate(turns) if _can_be_held(turn, left)]
    if not fitting:
        return min(range(len(turns)), key=lambda place: turns[place])
    return next(
        place
        for n, place in enumerate(fitting)
        if _affords(turns[place], [turns[later] for later in fitting[n + 1 :]], left, ahead)
    )


def _can_be_held(turn: Takes, left: Leaves) -> bool:
    """Whether the pool would grant it; time is not held."""
    cost = left.cost is None or turn.cost <= left.cost
    return cost and (left.tokens is None or turn.tokens <= left.tokens)


def _affords(turn: Takes, later: Sequence[Takes], left: Leaves, ahead: int) -> bool:
    """Whether nothing would be saved that has to be."""
    return all(
        limit is None or takes * ahead <= limit or all(takes <= other[i] for other in later)
        for i, (takes, limit) in enumerate(zip(turn, left, strict=True))
    )
