"""Patterns that the code states are compiled when first matched, and all of them can be."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

import pytest
import re2

from investigator.ground import lazy_re2
from investigator.ground.lazy_re2 import LazyPattern
from tests.rooms import module_files


def _patterns_in(value: object) -> Iterator[LazyPattern]:
    """Those in a constant of a module, also in a table of them."""
    if isinstance(value, LazyPattern):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _patterns_in(one)
    elif isinstance(value, tuple | list | frozenset | set):
        for one in value:
            yield from _patterns_in(one)


def test_every_pattern_that_a_module_states_is_one() -> None:
    """What RE2 refuses would else be found by the first trace that gets there."""
    stated = [
        (name, pattern)
        for name in module_files()
        if not name.endswith("__main__")
        for pattern in _patterns_in(list(vars(importlib.import_module(name)).values()))
    ]
    assert len(stated) > 300
    for name, pattern in stated:
        assert pattern.groups >= 0, name  # compiled, or it would have raised


def test_a_pattern_answers_as_re2_does() -> None:
    """The first time, when it is compiled, and from then on."""
    text, sure = "no 7, no 12", re2.compile(r"no (\d+)")
    lazy = lazy_re2.compile(r"no (\d+)")
    for _ in range(2):
        assert lazy.findall(text) == sure.findall(text) == ["7", "12"]
        assert lazy.sub("#", text) == sure.sub("#", text)
        assert [m.span(1) for m in lazy.finditer(text)] == [m.span(1) for m in sure.finditer(text)]
        assert (lazy.groups, lazy.fullmatch(text)) == (1, None)


def test_what_re2_refuses_is_told_at_the_first_match() -> None:
    """As `re2.compile` tells it."""
    lazy = lazy_re2.compile(r"(?=look-ahead)")
    with pytest.raises(re2.error):
        lazy.search("")
