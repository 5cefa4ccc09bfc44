"""A plain yes is told from a choice, a condition, a question and a refusal."""

from __future__ import annotations

import pytest

from investigator.controls.checks.consent import Consent, ConsentWords, consent_in

ENGLISH = ConsentWords()


@pytest.mark.parametrize(
    "text",
    [
        "Please go ahead.",
        "Yes, please proceed. Also, when will it arrive?",
        "No problem, go ahead",
        "No thanks, I need no cover. Please proceed.",
        "That sounds good.",
        "Everything looks correct!",
    ],
)
def test_telling_to_do_it_is_a_go_ahead(text: str) -> None:
    """A sentence that is no question and holds the words is enough."""
    assert consent_in(text, ENGLISH) is Consent.GO_AHEAD


@pytest.mark.parametrize("text", ["yes", "“Yes!”", "Sure, my id is 7.", "- Okay,"])
def test_a_word_of_yes_begins_a_sentence(text: str) -> None:
    """What it is a yes to is for the question before it to say."""
    assert consent_in(text, ENGLISH) is Consent.YES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "I'll take the second one.",
        "Could you cancel it?",
        "Could we please proceed?",
        "Yes, but change the date.",
        "Yes. Wait, change the date.",
        "Yes please. However, use the other card.",
        "No, don't proceed.",
        "I don't want to proceed.",
        "I am not sure that works.",
        "Yes to the first. No, not the second.",
        "Please proceed only if it is free.",
    ],
)
def test_what_leaves_something_open_is_no_yes(text: str) -> None:
    """Choices, conditions, questions, refusals and second thoughts."""
    assert consent_in(text, ENGLISH) is Consent.NONE


def test_a_control_may_bring_the_words_of_its_language() -> None:
    """The lists take the place of the English ones."""
    german = ConsentWords(yes=("ja",), go_ahead=("mach das",), but=("aber",), no=("nein",))
    assert consent_in("Ja, bitte.", german) is Consent.YES
    assert consent_in("Gut, mach das.", german) is Consent.GO_AHEAD
    assert consent_in("Ja, aber morgen.", german) is Consent.NONE
    assert consent_in("Yes", german) is Consent.NONE


def test_empty_lists_and_odd_text_are_no_trouble() -> None:
    """Without negations a go-ahead stands; surrogates and long texts are read."""
    bare = ConsentWords(negations=(), no=(), but=())
    assert consent_in("I don't want to proceed", bare) is Consent.GO_AHEAD
    assert consent_in("\ud800 yes", ENGLISH) is Consent.YES
    assert consent_in("yes. " * 100_000, ENGLISH) is Consent.YES
