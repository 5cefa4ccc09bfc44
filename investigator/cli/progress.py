"""How far the runs are: at what rate, how long it may still take, and what was spent.

On a terminal alone (or in a notebook): a pipe gets what the command says at its end. What a run
spends is read from its journal, which anybody may read while the run writes it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from investigator.cli.screen import stderr
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from investigator.runs.batch import BatchOutcome
    from investigator.runtime.budget import Amounts, Budget

_LOOK_S = 0.5
"""How often a run's journal is looked at."""
_RATE_OVER_S = 600
"""The rate of a batch is that of its last minutes: a run that asks a model takes minutes."""


@contextmanager
def progress_of_batch(
    total: int, done: Sequence[BatchOutcome], console: Console | None = None
) -> Iterator[Callable[[BatchOutcome], None]]:
    """A bar of the runs that have ended, with their rate, the time left and what they spent.

    `done` had ended before, so they count, but are no part of the rate; each further one is told
    to what this yields.
    """
    console = console or stderr()
    if not console.is_interactive:
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("investigating"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    spent = [outcome.used for outcome in done]
    with Progress(
        *columns, console=console, transient=True, speed_estimate_period=_RATE_OVER_S
    ) as bar:
        task = bar.add_task("", total=total, completed=len(done))

        def tell(outcome: BatchOutcome) -> None:
            spent.append(outcome.used)
            bar.advance(task)
            speed = bar.tasks[0].speed
            rate = None if speed is None else rate_in_words(speed, "run")
            parts = (rate, spent_in_words(spent))
            bar.update(task, description=" · ".join(filter(None, parts)))

        yield tell


@contextmanager
def progress_of_run(run_dir: Path, console: Console | None = None) -> Iterator[None]:
    """What the run in a folder has used of its limits, while it runs in this process."""
    console = console or stderr()
    if not console.is_interactive:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("investigating"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    ended = threading.Event()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        watch = threading.Thread(
            target=_watch,
            args=(run_dir, ended, lambda text: bar.update(task, description=text)),
            name="progress",
            daemon=True,
        )
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()


def _watch(run_dir: Path, ended: threading.Event, show: Callable[[str], None]) -> None:
    """Tell what the journal says until the run has ended."""
    from investigator.errors import JournalError
    from investigator.runtime.budget import NOTHING
    from investigator.runtime.events import RunOpened, RunResumed
    from investigator.runtime.journal_tail import JournalTail
    from investigator.runtime.spending import settled_by

    tail, used, budget, began = JournalTail(run_dir), NOTHING, None, time.monotonic()
    before: Amounts | None = None
    while not ended.wait(_LOOK_S):
        try:
            new = tail.new_entries()
        except (OSError, JournalError):
            return  # whoever reads the journal for its own sake says so
        for entry in new:
            if isinstance(entry.event, RunOpened | RunResumed):
                budget = entry.event.budget
            used = used.plus(settled_by(entry))
        before = used if before is None else before  # of a run that is resumed: not of now
        if budget is not None:
            seconds = time.monotonic() - began
            show(progress_in_words(used, budget, seconds, new=used.minus(before)))


def progress_in_words(used: Amounts, budget: Budget, seconds: float, *, new: Amounts) -> str:
    """What a run has used of its limits, how quickly, and the time that its limit leaves it.

    `new` is what was used in the last `seconds`, which is less than all for a resumed run.
    """
    parts = [_of_limit(used.iterations, budget.iterations, "turn")]
    if new.iterations:
        parts.append(rate_in_words(new.iterations / max(seconds, 1e-9), "turn"))
    if used.tokens:
        parts.append(_of_limit(used.tokens, budget.tokens, "token"))
        cost, limit = used.cost / 1e6, budget.cost_usd
        parts.append(f"{cost:.2f} USD" if limit is None else f"{cost:.2f} of {limit:.2f} USD")
    if budget.wall_time_s is not None:
        left = max(0, round(budget.wall_time_s - seconds))
        parts.append(f"at most {left // 60}:{left % 60:02} left")
    return " · ".join(parts)


def _of_limit(used: int, limit: int | None, noun: str) -> str:
    return counted(used, noun) if limit is None else f"{used:,} of {counted(limit, noun)}"


def rate_in_words(per_second: float, noun: str) -> str:
    """So many a second, or a minute where they are fewer."""
    if per_second >= 1:
        return f"{per_second:.1f} {noun}s/s"
    return f"{per_second * 60:.1f} {noun}s/min"


def spent_in_words(spent: Sequence[Amounts | None]) -> str | None:
    """Tokens and dollars of several runs; None where there were none. None in it is unknown."""
    known = [one for one in spent if one is not None]
    tokens, cost = sum(one.tokens for one in known), sum(one.cost for one in known)
    if len(known) < len(spent):
        unknown = f" and that of {counted(len(spent) - len(known), 'run')} unknown"
        return f"{counted(tokens, 'token')}, {cost / 1e6:.2f} USD{unknown}"
    return f"{counted(tokens, 'token')}, {cost / 1e6:.2f} USD" if tokens else None
