"""The search for reference cycles rests for as long as a block lasts."""

from __future__ import annotations

import gc

import pytest

from investigator.ground.garbage import cycle_search_at_rest


def test_it_goes_on_after_the_block_however_that_ends() -> None:
    """The outermost of nested blocks decides."""
    assert gc.isenabled()
    with pytest.raises(KeyError):
        _raise_at_rest()
    assert gc.isenabled()


def test_where_it_was_off_before_it_stays_off() -> None:
    """Whoever had turned it off turns it on again."""
    with cycle_search_at_rest():
        with cycle_search_at_rest():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def _raise_at_rest() -> None:
    with cycle_search_at_rest():
        raise KeyError
