"""Exit codes: a scale on which the gravest wins, and errors that each have their place on it."""

from __future__ import annotations

import pytest

from investigator.cli.exits import Exit, exit_of, gravest
from investigator.cli.limit_options import LimitOptions, changed_budget
from investigator.errors import (
    BudgetTooSmall,
    InvestigatorError,
    JournalError,
    RunExists,
    SourceUnavailable,
    TraceNotFound,
)
from investigator.ground.visible import one_visible_line, visible
from investigator.runtime.budget import Budget


@pytest.mark.parametrize(
    ("exits", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 1], 1),
        ([1, 3, 0], 3),
        ([3, 4, 1], 4),
        ([4, 5, 0], 5),
        ([1, 1], 1),
    ],
)
def test_of_several_outcomes_the_gravest_is_told(exits: list[int], expected: int) -> None:
    """5 outweighs 4, then 3, then 1, then 0; nothing at all is success."""
    assert gravest(Exit(code) for code in exits) == expected


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunExists("x"), 2),
        (BudgetTooSmall("x"), 2),
        (SourceUnavailable("x"), 2),
        (TraceNotFound("x", trace_id="t"), 2),
        (JournalError("x"), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_before_any_run_has_an_exit_code(error: InvestigatorError, code: int) -> None:
    """What the caller can change, or cannot read, is 2; the rest is 4."""
    assert exit_of(error) == code


def test_a_limit_that_is_not_given_stays_and_none_lifts_one() -> None:
    """`none` is unlimited and `0` is none, as everywhere in budgets."""
    budget = Budget(iterations=40, tokens=9, cost_usd=1.0)
    changed = changed_budget(
        budget, LimitOptions(max_tokens="none", max_cost_usd="0.25", max_tool_calls="0")
    )
    assert changed == Budget(iterations=40, tokens=None, cost_usd=0.25, tool_calls=0)


def test_texts_of_traces_are_shown_and_not_obeyed() -> None:
    """Control characters of both sets are escapes; lines and tabs stay, or become spaces."""
    assert visible("a\x1b[2Jb\x9bc\td\r\n") == "a\\x1b[2Jb\\x9bc\td\n"
    assert one_visible_line("a\n  b\x07", 10) == "a b\\x07"
    assert one_visible_line("x" * 20, 10) == "x" * 9 + "…"
