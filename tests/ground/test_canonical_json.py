"""Canonical JSON is written fast, and as the standard library writes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue, canonical_json

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda held: (
        st.lists(held, max_size=4)
        | st.dictionaries(st.text(st.characters(), max_size=5), held, max_size=4)
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_it_is_the_same_text_whoever_writes_it(value: JsonValue) -> None:
    """Any number, any character, lone surrogates too: hashes that were kept stay true."""
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert canonical_json(value) == written.encode("utf-8", "replace").decode("utf-8")


@pytest.mark.parametrize("value", [1e16, 1e-5, 10.0**22, 2**64, -(2**63) - 1, 10**400])
def test_numbers_that_writers_spell_in_several_ways_keep_their_spelling(value: float) -> None:
    """An exponent, or more digits than 64 bits hold, nested or not."""
    nested: tuple[JsonValue, ...] = (value, [value], {"a": {"b": [value]}})
    for held in nested:
        assert canonical_json(held) == json.dumps(held, separators=(",", ":"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    """No null stands in for it."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": [value]})
