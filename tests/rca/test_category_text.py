"""A model is told every category of a taxonomy, however many there are, in bounded text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.rca.category_text import DESCRIPTIONS_CHARS, category_lines
from investigator.rca.report import Label
from investigator.rca.taxonomy import BUILT_IN_TAXONOMIES, Category, load_taxonomy


def category(category_id: str, title: str = "Title", description: str = "") -> Category:
    """A category of which only its texts matter."""
    return Category(
        id=category_id,
        label=Label.TOOL_FAILURE,
        title=title,
        description=description,
        remediation="Mend it.",
    )


@given(st.lists(st.text(max_size=5000), min_size=1, max_size=80))
def test_all_categories_are_named_in_bounded_text(descriptions: list[str]) -> None:
    """By their ids, and with something of each description."""
    categories = [category(f"c-{n}", "c", text) for n, text in enumerate(descriptions)]
    lines = list(category_lines(categories))
    assert [line.split(":")[0] for line in lines] == [f"- {c.id}" for c in categories]
    ids = sum(len(f"- {c.id}: ") for c in categories)
    assert sum(map(len, lines)) <= ids + DESCRIPTIONS_CHARS


def test_short_descriptions_leave_their_rest_to_the_longer() -> None:
    """One that alone is long is cut last."""
    lines = list(category_lines([category("a", "A", "Short."), category("b", "B", "x" * 2394)]))
    assert lines == ["- a: Short.", f"- b: {'x' * 2394}"]
    assert list(category_lines([category("b", "B", "x" * 2401)])) == [f"- b: {'x' * 2399}…"]


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (category("tool_failure", "Tool failures", "It broke."), "- tool_failure: It broke."),
        (category("1.2", "Step repetition", "Again."), "- 1.2: Step repetition. Again."),
        (category("tool_failure", "Tool failure"), "- tool_failure: Tool failure."),
    ],
)
def test_a_title_that_repeats_its_id_is_left_out(shown: Category, line: str) -> None:
    """Where a description says what it is."""
    assert list(category_lines([shown])) == [line]


@pytest.mark.parametrize("name", BUILT_IN_TAXONOMIES)
def test_built_in_categories_are_told_in_full(name: str) -> None:
    """Nothing of them is cut."""
    lines = category_lines(load_taxonomy(name).categories)
    assert not any(line.endswith("…") for line in lines)
