"""Which of several models a turn asks."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from investigator.model_planner.model_choice import Leaves, Takes, strongest

AMOUNTS = st.integers(0, 50)
TURNS = st.lists(st.builds(Takes, AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=5)
LEFT = st.builds(Leaves, *3 * [st.none() | st.integers(0, 200)])
AHEAD = st.sampled_from([1, 3, 6])


def fits(turn: Takes, left: Leaves) -> bool:
    """Whether a turn can be held."""
    pairs = ((turn.cost, left.cost), (turn.tokens, left.tokens))
    return all(limit is None or takes <= limit for takes, limit in pairs)


@given(turns=TURNS, left=LEFT, ahead=AHEAD)
@example(turns=[Takes(2, 1, 1), Takes(1, 60, 1)], left=Leaves(10, 50, None), ahead=6)
def test_no_turn_exceeds_what_is_left_where_another_would_fit(
    turns: list[Takes], left: Leaves, ahead: int
) -> None:
    """In whatever order the models were named."""
    asked = turns[strongest(turns, left, ahead)]
    assert fits(asked, left) == any(fits(turn, left) for turn in turns)


@given(turns=TURNS, left=LEFT, ahead=AHEAD)
def test_a_stronger_model_is_passed_over_only_to_save(
    turns: list[Takes], left: Leaves, ahead: int
) -> None:
    """Of something that would not last, and of which a weaker one takes less."""
    place = strongest(turns, left, ahead)
    assume(fits(turns[place], left))
    for n in range(place):
        if fits(turns[n], left):
            assert any(
                limit is not None
                and turns[n][i] * ahead > limit
                and any(fits(w, left) and w[i] < turns[n][i] for w in turns[n + 1 :])
                for i, limit in enumerate(left)
            )


@given(turns=TURNS, left=LEFT, ahead=AHEAD, more=st.builds(Takes, AMOUNTS, AMOUNTS, AMOUNTS))
def test_more_is_never_spent_on_a_weaker_model(
    turns: list[Takes], left: Leaves, ahead: int, more: Takes
) -> None:
    """Where each model takes no more than the one before it."""
    by_resource = (sorted(amounts, reverse=True) for amounts in zip(*turns, strict=True))
    falling = [Takes(*amounts) for amounts in zip(*by_resource, strict=True)]
    richer = Leaves(
        None if left.cost is None else left.cost + more.cost,
        None if left.tokens is None else left.tokens + more.tokens,
        None if left.seconds is None else left.seconds + more.seconds,
    )
    assume(fits(falling[-1], left))
    assert strongest(falling, richer, ahead) <= strongest(falling, left, ahead)


@given(turn=st.builds(Takes, AMOUNTS, AMOUNTS, AMOUNTS), left=LEFT, ahead=AHEAD)
def test_a_model_that_saves_nothing_is_not_asked_instead(
    turn: Takes, left: Leaves, ahead: int
) -> None:
    """Little left is no reason to ask a weaker one at the same price."""
    assert strongest([turn, turn], left, ahead) == 0


def test_little_time_is_for_a_fast_model() -> None:
    """A slow one is asked while its turns would still fit."""
    turns = [Takes(0, 0, 30.0), Takes(0, 0, 2.0)]
    assert [strongest(turns, Leaves(None, None, s), 3) for s in (None, 90.0, 89.0)] == [0, 0, 1]
