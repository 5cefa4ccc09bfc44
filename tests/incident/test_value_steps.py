"""Steps of a fact: found where values are consistent, never where they vary."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.incident.value_steps import chance_of_spread, steps_in, strength_of


def sequence(text: str) -> list[frozenset[str]]:
    """One trace for each word, one value for each letter of it."""
    return [frozenset(word) for word in text.split()]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a a a b b b", [3]),
        ("a b", [1]),
        ("a a a b b b c c c", [3, 6]),
        ("a a a a b b b b a a a a", [4, 8]),
        ("ax a ax a bx b bx b", [4]),
        ("a a a ab ab ab", [3]),
        ("a a a a a a", []),
        ("a b a b a b a b", []),
        ("a a a b a a a a b a a", []),
        ("a b c d e f g h", []),
        ("a a a a a b a a a a a", []),
        ("", []),
    ],
)
def test_steps_are_where_values_change_for_good(text: str, places: list[int]) -> None:
    """A mixture, a single exception, or a value of each trace's own is no step."""
    assert [step.at for step in steps_in(sequence(text))] == places


def test_a_step_says_what_stopped_and_what_started() -> None:
    """Values on both sides are neither gone nor new."""
    (step,) = steps_in(sequence("ax ax ax bx bx bx"))
    assert (step.gone, step.new) == (frozenset("a"), frozenset("b"))
    assert (step.begin, step.at, step.end) == (0, 3, 6)


@given(st.lists(st.frozensets(st.sampled_from("abcd"), min_size=1), max_size=40))
def test_steps_lie_inside_and_change_something(values: list[frozenset[str]]) -> None:
    """Every step has traces on both sides, a value that differs, and a strength from 0 to 1."""
    for step in steps_in(values):
        assert 0 <= step.begin < step.at < step.end <= len(values)
        assert step.gone or step.new
        assert 0 <= step.strength <= 1


def test_values_in_random_order_seldom_make_a_step() -> None:
    """Two values side by side, thrown by a coin: about one window in twenty shows a step."""
    rng = random.Random(7)
    found = sum(
        bool(steps_in([frozenset(rng.choice("ab")) for _ in range(20)])) for _ in range(1_000)
    )
    assert found <= 70


def test_long_sequences_are_quick() -> None:
    """Ten thousand traces with hundreds of values take well under a second."""
    rng = random.Random(1)
    many = [frozenset({f"v{rng.randrange(150)}"}) for _ in range(10_000)]
    began = time.process_time()
    steps_in(many)
    assert time.process_time() - began < 2
    assert strength_of(5_000, 5_000) == pytest.approx(1.0)


def test_the_chance_of_a_spread_is_that_of_fishers_exact_test() -> None:
    """Known values: all of three failures in the second half of six, and so on."""
    assert chance_of_spread(0, 3, 3, 3) == pytest.approx(1 / 20)
    assert chance_of_spread(1, 10, 8, 10) == pytest.approx(0.0027, abs=1e-4)
    assert chance_of_spread(0, 5, 0, 5) == pytest.approx(1.0)
