"""A policy's sentences are its own words, each with the line where it begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.controls.drafting.policy_sentences import policy_sentences, same_words


def told(text: str) -> list[tuple[int, str, str]]:
    """Line, heading and words of each sentence."""
    return [(one.line, one.heading, one.text) for one in policy_sentences(text)]


def test_headings_items_rows_and_wrapped_lines() -> None:
    """A heading is no sentence; an item and a row are passages; a wrapped line is no end."""
    text = (
        "Title\n=====\n\nOne thing is\nasked here. Another too.\n\n## Part\n1. First item\n"
        "   goes on.\n2) Second.\n\n| a row | of two |\n|---|---|\n> quoted words\n\n"
        "```\ncode here\n```\n"
    )
    assert told(text) == [
        (4, "Title", "One thing is asked here."),
        (5, "Title", "Another too."),
        (8, "Part", "First item goes on."),
        (10, "Part", "Second."),
        (12, "Part", "a row of two"),
        (14, "Part", "quoted words"),
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Call e.g. Smith or Dr. Jones first. Then wait.", 2),
        ("It costs 3.50 euros. No. 5 is free!", 2),
        ("Ask the user (“Really?”) before. Do it.", 2),
        ("返金の前に注文を読む。約束はしない。", 2),
        ("Vor der Erstattung wird gelesen. Über Fristen wird nichts zugesagt.", 2),
        ("Antes se lee el pedido. ¿Y después? Nada.", 3),
    ],
)
def test_sentences_end_where_they_do(text: str, count: int) -> None:
    """Not at a short form, nor in a number; in several languages."""
    assert len(told(text)) == count


@given(st.text(alphabet="aB. !?\n#-|>*`1)é。", max_size=200))
def test_every_sentence_stands_in_the_text_at_its_line(text: str) -> None:
    """Whatever the text: word for word, but for spaces, and in order."""
    lines = text.splitlines()
    found = policy_sentences(text)
    for one in found:
        first = one.text.split()[0]
        assert first in same_words(lines[one.line - 1])
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert [one.id for one in found] == [f"s{n}" for n in range(1, len(found) + 1)]
