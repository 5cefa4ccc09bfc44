"""What was asked for is what is looked up: the year, the month."""

from __future__ import annotations

import pytest

from tests.signals.scripts import FORMS, gives, place, says, told, user

TOOLS = ("search_reports", "create_event")
ASKED = "What was the revenue of the Leeds branch in {when}?"


def _run(
    form: str, when: str, arguments: dict[str, str], *, more: str = ""
) -> list[tuple[str, str]]:
    script = (
        user(ASKED.format(when=when) + more),
        says("", ("c1", "search_reports", arguments)),
        gives("c1", '{"revenue": "several millions"}'),
        says("It was several millions."),
    )
    return told(form, *script, tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    ("when", "arguments"),
    [
        ("2023", {"branch": "Leeds", "year": "2024"}),
        ("2023", {"query": "Leeds revenue 2022"}),
        ("June 2024", {"branch": "Leeds", "from": "2024-07-01", "to": "2024-07-31"}),
        ("March", {"branch": "Leeds", "month": "2025-04"}),
        ("May 2024", {"query": "Leeds revenue April 2024"}),
    ],
)
def test_another_year_or_month_than_the_one_asked_for(
    form: str, when: str, arguments: dict[str, str]
) -> None:
    """It began with the model call that wrote it."""
    assert _run(form, when, arguments) == [("misread_request", place(form, 1))]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    ("when", "arguments", "more"),
    [
        ("2023", {"branch": "Leeds", "year": "2023"}, ""),
        ("2023", {"branch": "Leeds"}, ""),
        ("2023", {"from": "2022-12-31", "to": "2024-01-01"}, ""),
        ("June 2024", {"from": "2024-04-01", "to": "2024-06-30"}, ""),
        ("2023", {"year": "2022"}, " How did it change?"),
        ("2023 compared to the year before", {"year": "2022"}, ""),
        ("2023 or 2022", {"year": "2021"}, ""),
        ("the month in which you may reach me", {"month": "2024-04"}, ""),
    ],
)
def test_what_was_asked_for_in_other_words_is_fine(
    form: str, when: str, arguments: dict[str, str], more: str
) -> None:
    """A range that holds it, a comparison, a choice."""
    assert not _run(form, when, arguments, more=more)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_a_result_had_named_is_followed(form: str) -> None:
    """The report of 2023 says to look into that of 2022."""
    script = (
        user(ASKED.format(when="2023")),
        says("", ("c1", "search_reports", {"year": "2023"})),
        gives("c1", "See the restated figures in the report of 2022."),
        says("", ("c2", "search_reports", {"year": "2022"})),
        gives("c2", "several millions"),
        says("Several millions."),
    )
    assert not told(form, *script, tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_second_look_at_the_right_year_mends_it(form: str) -> None:
    """The first was a slip."""
    script = (
        user(ASKED.format(when="2023")),
        says("", ("c1", "search_reports", {"year": "2024"})),
        gives("c1", "nothing booked yet"),
        says("", ("c2", "search_reports", {"year": "2023"})),
        gives("c2", "several millions"),
        says("Several millions."),
    )
    assert not told(form, *script, tools=TOOLS)
