"""Words and letters of a text, which nearly every detector asks for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from investigator.readings.directives import letters_of, sentences_of, words_of

_INNER = "'’_-"
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("ab .,'’_-\n\t19²ß½")), max_size=80)


@given(TEXTS)
def test_words_are_runs_of_letters_digits_and_joints(text: str) -> None:
    apart = "".join(c if c.isalnum() or c in _INNER else " " for c in text.casefold()).split()
    assert words_of(text) == [word for part in apart if (word := part.strip(_INNER))]


@given(TEXTS)
def test_letters_are_what_is_left_without_spaces_and_marks(text: str) -> None:
    assert letters_of(text) == "".join(filter(str.isalnum, text)).casefold()


def test_wrapped_lines_are_one_sentence_and_a_margin_makes_no_difference() -> None:
    plain = "The order\nwas sent. It arrived\nthe same day!"
    indented = "   The order  \n\t was sent. It arrived\n      the same day!  "
    assert sentences_of(plain) == ("The order was sent", "It arrived the same day")
    assert sentences_of(indented) == sentences_of(plain)
