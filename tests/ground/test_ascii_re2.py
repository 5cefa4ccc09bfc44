"""The short way for ASCII text finds what RE2's binding finds."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from investigator.ground.ascii_re2 import AsciiRegexp

PATTERNS = (
    r"a|b+",
    r"(a)(b)?",
    r"\b",
    r"(?i)x*",
    r"(?P<n>\d+)-(\pL+)?",
    r"^|$",
    r"(?m)^\s*(?:-|\*) ",
    r"[^a-z]+",
)
_TEXTS = st.text("aabbxX1-* \n.é中", max_size=12)


def _told(match: re2._Match | None) -> object:
    """All that a match says."""
    if match is None:
        return None
    spans = [match.span(group) for group in range(match.re.groups + 1)]
    return spans, match.groups(), match.groupdict(), match.group(0), match.string


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=_TEXTS)
def test_every_method_says_what_the_binding_says(pattern: str, text: str) -> None:
    """In ASCII and beyond it, with empty matches and with groups that took no part."""
    ours, theirs = AsciiRegexp(pattern, re2.Options()), re2.compile(pattern)

    for name in ("search", "match", "fullmatch"):
        assert _told(getattr(ours, name)(text)) == _told(getattr(theirs, name)(text))
    assert list(map(_told, ours.finditer(text))) == list(map(_told, theirs.finditer(text)))
    assert ours.findall(text) == theirs.findall(text)
    assert ours.split(text) == theirs.split(text)
    assert ours.split(text, 1) == theirs.split(text, 1)
    assert ours.sub(r"<\g<0>>", text) == theirs.sub(r"<\g<0>>", text)
    assert ours.sub(lambda match: match.group(0).upper(), text, 2) == theirs.sub(
        lambda match: match.group(0).upper(), text, 2
    )


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=_TEXTS, pos=st.integers(0, 12), endpos=st.integers(0, 12))
def test_a_part_of_a_text_is_searched_as_the_binding_does(
    pattern: str, text: str, pos: int, endpos: int
) -> None:
    """Bounds are the binding's affair."""
    ours, theirs = AsciiRegexp(pattern, re2.Options()), re2.compile(pattern)

    assert _told(ours.search(text, pos, endpos)) == _told(theirs.search(text, pos, endpos))
    assert list(map(_told, ours.finditer(text, pos))) == list(
        map(_told, theirs.finditer(text, pos))
    )
