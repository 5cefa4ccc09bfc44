"""Texts are brought into the form of values by short ways that change nothing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from investigator.readings.provenance import ValueKind, normal, values_of

_ALPHABET = "aZ9 \t\n.'\"`\\nrt/:-_“«é中\u3042hwpsf@"
_PIECES = st.sampled_from(["https://", "http:", "mailto:", "ftp://www.", "www.", ".com.Then", "  "])
_TEXTS = st.lists(st.text(_ALPHABET, max_size=6) | _PIECES, max_size=8).map("".join)


def _plainly(text: str) -> str:
    """The form as its docstring has it, in the order of its words."""

    def parted(joint: re.Match[str]) -> str:
        ends = joint[2].isupper() and joint[3].islower()
        return f"{joint[1]}. " if ends else joint[0]

    apart = re.sub(r"(\.[a-z]{2,4})\.(?=([^\W\d_a-z])([^\W\d_A-Z]))", parted, text).casefold()
    bare = re.sub(r"[\"'`“”‘’«»]+|\\+[nrt]?", " ", apart)
    scheme = r"\b(?:https?|ftp|mailto):/{0,3}(?:www\.)?|\bwww\."
    return re.sub(r"[\t\n\f\r ]+", " ", re.sub(scheme, "", bare, flags=re.ASCII)).strip()


@given(_TEXTS)
def test_the_normal_form_is_the_same_by_every_way(text: str) -> None:
    """In ASCII and beyond it, with and without escapes, schemes and runs of spaces."""
    assert normal(text) == _plainly(text)


@given(st.text("abz019_- ,.中", min_size=1, max_size=40))
def test_codes_are_found_alike_in_ascii_and_beyond_it(text: str) -> None:
    """A letter that is not ASCII, away from every code, changes none of them."""
    codes, beside = (
        [value.text for value in values_of(told) if value.kind is ValueKind.CODE]
        for told in (f"{text} x", f"{text} x é")
    )

    assert codes == beside
