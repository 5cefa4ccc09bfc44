"""Reading a source in front of people: how far it is, and what of it could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from investigator.cli.screen import say, stderr
from investigator.errors import UsageError
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.formats.source_files import Unreadable
    from investigator.runs.sources import TraceSource
    from investigator.store.open import OpenedSource

_NAMED = 20


def open_with_progress(source: TraceSource) -> OpenedSource:
    """Open a source; its progress, unreadable files and clashes of ids are told on stderr."""
    from investigator.runs import sources

    with counted_spans() as on_span_count:
        opened = sources.open_source(source, on_span_count=on_span_count)
    name_unreadable(opened.unreadable)
    name_clashes(opened.clashes)
    return opened


@contextmanager
def counted_spans() -> Iterator[Callable[[int], None]]:
    """A spinner with the number of spans read so far; nothing where nobody watches."""
    console = stderr()
    if not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("opening", total=None)

        def show(count: int) -> None:
            progress.update(task, description=f"{counted(count, 'span')} read")

        yield show


def left_unread(opened: OpenedSource) -> bool:
    """Whether something could not be read; what a live source met on the way is named."""
    from investigator.runs.sources import is_live

    met = opened.api.unreadable if is_live(opened.api) else ()
    name_unreadable(met)
    return bool(met or opened.unreadable)


def name_unreadable(unreadable: Sequence[Unreadable]) -> None:
    """Count what could not be read and name it, with the reasons."""
    _name(f"{len(unreadable):,} unreadable:", unreadable)


def name_clashes(clashes: Sequence[str]) -> None:
    """Count the ids that several records share and say what became of each."""
    _name(f"ids that several records share ({len(clashes):,}):", clashes)


def _name(heading: str, items: Sequence[object]) -> None:
    if not items:
        return
    say(heading, style="yellow")
    for item in items[:_NAMED]:
        say(f"  {item}", style="yellow")
    if len(items) > _NAMED:
        say(f"  … and {len(items) - _NAMED:,} more", style="yellow")


def window_ns(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    """Nanoseconds of `--from` and `--to`; None where one was not given.

    Raises:
        UsageError: one is no time, or the window ends before it starts.
    """
    start_ns, end_ns = _time_ns(start, "--from"), _time_ns(end, "--to")
    if start_ns is not None and end_ns is not None and start_ns >= end_ns:
        raise UsageError(f"the window's end ({end}) must be after its start ({start})")
    return start_ns, end_ns


def _time_ns(text: str | None, flag: str) -> int | None:
    """Nanoseconds of the time that a flag was given; None where it was not."""
    from investigator.traces.model import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise UsageError(
            f"{flag} takes an ISO 8601 time like 2026-03-01T09:30, not '{text}'"
        ) from None
