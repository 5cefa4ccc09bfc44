"""While runs are made, a terminal shows how far they are, how quickly, and what they spent."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from investigator.cli.progress import (
    progress_in_words,
    progress_of_batch,
    progress_of_run,
    rate_in_words,
    spent_in_words,
)
from investigator.runs.batch import BatchOutcome
from investigator.runtime.budget import NOTHING, Amounts, Budget
from investigator.runtime.status import RunStatus


def outcome(used: Amounts | None) -> BatchOutcome:
    """A run that ended."""
    return BatchOutcome("rca", "t1", "run-1", None, RunStatus.SUCCEEDED, None, None, used=used)


def terminal() -> Console:
    """A terminal that keeps what it was shown."""
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        force_interactive=True,
        width=140,
        color_system=None,
    )


def shown_on(console: Console) -> str:
    """What a terminal was shown, all frames of it."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_batch_shows_how_many_ended_at_what_rate_and_what_they_spent() -> None:
    """Those of before count as ended, and what they spent is spent."""
    console = terminal()
    with progress_of_batch(4, [outcome(Amounts(tokens=500, cost=10_000))], console) as tell:
        for _ in range(3):
            tell(outcome(Amounts(tokens=1_000, cost=250_000)))
    said = shown_on(console)
    assert "4/4" in said
    assert "3,500 tokens, 0.76 USD" in said
    assert "runs/s" in said or "runs/min" in said
    assert "left" in said


def test_a_pipe_is_shown_no_progress() -> None:
    """Nothing at all: what a command says stands below it."""
    file = io.StringIO()
    console = Console(file=file, width=140)
    with progress_of_batch(2, [], console) as tell, progress_of_run(Path("none"), console):
        tell(outcome(NOTHING))
    assert file.getvalue() == ""


def test_a_run_whose_folder_is_not_there_yet_shows_that_it_is_under_way() -> None:
    """And ends with what it shows."""
    console = terminal()
    with progress_of_run(Path("none"), console):
        pass
    assert "investigating" in shown_on(console)


def test_a_run_shows_what_it_used_of_its_limits() -> None:
    """With its rate, and the time that its limit leaves it."""
    budget = Budget(iterations=40, tokens=60_000, cost_usd=1.0, wall_time_s=300)
    used = Amounts(iterations=6, tokens=12_300, cost=80_000)
    said = progress_in_words(used, budget, 45.0, new=used)
    assert said == (
        "6 of 40 turns · 8.0 turns/min · 12,300 of 60,000 tokens · 0.08 of 1.00 USD"
        " · at most 4:15 left"
    )


def test_a_run_without_limits_or_a_model_shows_its_turns_alone() -> None:
    """A limit that is not there leaves no time, and rules spend nothing."""
    budget = Budget(iterations=None, wall_time_s=None)
    used = Amounts(iterations=1)
    assert progress_in_words(used, budget, 0.5, new=NOTHING) == "1 turn"


def test_a_rate_is_said_in_the_unit_that_shows_it() -> None:
    """A slow one in a minute."""
    assert rate_in_words(4.26, "run") == "4.3 runs/s"
    assert rate_in_words(0.05, "run") == "3.0 runs/min"


def test_what_is_not_known_is_said_to_be_spent_too() -> None:
    """A run without a known cost hides behind no sum."""
    assert spent_in_words([NOTHING, NOTHING]) is None
    known = Amounts(tokens=10, cost=5_000)
    assert spent_in_words([known, None]) == "10 tokens, 0.01 USD and that of 1 run unknown"
