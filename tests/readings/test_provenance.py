"""A value is followed by its content, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.readings.conversation import Source
from investigator.readings.provenance import (
    SearchedText,
    Value,
    ValueKind,
    normal,
    said_in,
    values_of,
    values_within,
)
from tests.builders import readings
from tests.controls.policy_chat import call, chat, says, user


def value(text: str) -> Value:
    """The value that the whole text is."""
    return next(found for found in values_of(text) if found.text in normal(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ann.lee@mail.example", ValueKind.ADDRESS),
        ("https://www.shop.example/a?b=1", ValueKind.URL),
        ("www.shop.example", ValueKind.URL),
        ("GB33BUKB20201555555555", ValueKind.CODE),
        ("12345678901", ValueKind.CODE),
        ("98.70", ValueKind.NUMBER),
        ("2024-05-01", ValueKind.NUMBER),
        ("Ann Lee", ValueKind.NAME),
        ("general", ValueKind.WORD),
        ("see you all at the office", ValueKind.PHRASE),
    ],
)
def test_a_value_has_the_kind_of_its_form(text: str, kind: ValueKind) -> None:
    """The most telling kind that fits."""
    assert values_of(text)[0].kind is kind


def test_values_inside_a_longer_text_are_found() -> None:
    """Addresses, links and accounts count wherever they stand."""
    found = {
        v.kind for v in values_of("Write to a@b.example, see http://c.example/x, pay DE12AB3456.")
    }
    assert {ValueKind.ADDRESS, ValueKind.URL, ValueKind.CODE} <= found


@pytest.mark.parametrize("name", ["Anna Maria", "Émile Zola", "Łukasz O'Neill-Żak", "Анна Петрова"])
@pytest.mark.parametrize("around", ["{}", "by {}.", '"x": "{}",', "({}) and Bob Dole", "1. {}\n"])
def test_a_name_is_found_in_any_script_that_has_capitals(name: str, around: str) -> None:
    """Where a word begins, and not inside one."""
    names = {v.text for v in values_within(SearchedText(around.format(name)))}
    assert normal(name) in names
    inside = values_within(SearchedText(around.format(f"x{name}")))
    assert normal(name) not in {v.text for v in inside if v.kind is ValueKind.NAME}


def test_an_address_before_the_next_sentence_ends_where_it_ends() -> None:
    """`.co.uk.Then` is an address and a word; `.co.uk` by itself is no end of a sentence."""
    assert normal("a@b.co.uk.Then") == "a@b.co.uk. then"
    assert normal("a@b.co.uk") == "a@b.co.uk"
    assert normal("see x.com.École") == "see x.com. école"


def test_the_parts_of_an_address_are_no_values_of_their_own() -> None:
    """A number in an e-mail address is not an account."""
    assert [v.kind for v in values_of("ann-20345@mail.example")] == [ValueKind.ADDRESS]


@pytest.mark.parametrize(
    ("wanted", "text", "stands"),
    [
        ("Ann Lee", "I met  'ANN   LEE' today", True),
        ("www.shop.example", "go to https://shop.example/sale", True),
        ("shop.example/", "go to my-shop.example", False),
        ("www.shop.example", "it is www.shop.example.They like it", False),
        ("www.shop.com", "it is www.shop.com.They like it", True),
        ("13", "id: 13, size 7", True),
        ("13", "id: 130 and 2.13", False),
        ("b@c.example", "mail a.b@c.example", False),
        ("b@c.example", "mail (b@c.example).", True),
    ],
)
def test_a_value_stands_in_a_text_as_a_whole(wanted: str, text: str, stands: bool) -> None:
    """Spacing, case, quotes and scheme do not matter; being part of something longer does."""
    assert SearchedText(text).holds(value(wanted)) is stands


def test_words_of_a_name_may_be_said_apart_but_an_address_may_not() -> None:
    """A name is known by its words; an address only as it is."""
    told = [SearchedText("Lunch with Lee, that is Ann; mail mail.example or ann")]
    assert said_in(value("Ann Lee"), told)
    assert not said_in(value("ann@mail.example"), told)


def test_the_origin_of_a_value_is_who_said_it_first() -> None:
    """From the tool to the assistant that repeats it; nothing after the position counts."""
    found = readings(
        chat(
            user("Pay my landlord."),
            call("find_contact", "landlord: DE44500105175407324931"),
            says("It is DE44500105175407324931."),
            call("pay", "ok", account="DE44500105175407324931"),
        )
    )
    paid = found.conversation.actions[1]
    (account,) = values_of(paid.leaves[0][1])
    origins = found.provenance.origins_of(account, paid.position)
    assert [u.source for u in origins] == [Source.TOOL, Source.ASSISTANT]
    assert not found.provenance.said(account, found.provenance.instructed(paid.position))


def test_what_the_assistant_put_to_the_user_counts_as_decided() -> None:
    """The user who goes on from a proposal has seen it; one who was not asked has not."""
    found = readings(
        chat(user("Pay."), says("To DE44500105175407324931?"), user("Yes."), says("On it."))
    )
    account = value("DE44500105175407324931")
    assert found.provenance.said(account, found.provenance.instructed(3))
    assert not found.provenance.said(account, found.provenance.instructed(2))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_searched_for_any_value(text: str, inside: str) -> None:
    """Odd characters break nothing, and comparing is stable."""
    for found in values_of(text):
        SearchedText(inside).holds(found)
    assert normal(normal(text)) == normal(text)


@given(st.from_regex(r"[a-z]{3,8}@[a-z]{3,8}\.example", fullmatch=True))
def test_an_address_is_found_whatever_is_put_around_it(address: str) -> None:
    """Quotes, brackets and case hide nothing."""
    for framed in (f"<{address}>", f'"{address.upper()}"', f"to:{address},", f"({address})."):
        assert SearchedText(framed).holds(value(address))
