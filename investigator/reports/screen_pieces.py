"""The pieces of a text for a terminal: lines, lists, tables; written into whatever console.

Text out of traces is untrusted: it is shown without markup, and what a terminal would obey is
shown as an escape.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.ground.visible import one_visible_line

_ANY = 100_000
"""Wider than any row."""


def cell(text: str | None, style: str = "") -> Text:
    """A table cell; absence is a dash."""
    return Text(one_visible_line(text, 120) if text else "–", style=style if text else "dim")


def table(*columns: str, right: Iterable[str] = (), ids: Iterable[str] = ()) -> Table:
    """A table without a frame. Columns of `right` are numbers.

    The first column and those of `ids` are never folded, so that what they hold can be copied.
    """
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if column in right else "left"
        whole = place == 0 or column in ids
        how: Literal["ellipsis", "fold"] = "ellipsis" if whole else "fold"
        grid.add_column(column, justify=side, overflow=how, no_wrap=whole)
    return grid


def print_table(console: Console, grid: Table) -> None:
    """The table as wide as the terminal; off a terminal each row is one line, however long."""
    if console.is_terminal:
        console.print(grid)
        return
    wide = Console(file=io.StringIO(), width=_ANY, color_system=None, highlight=False)
    with wide.capture() as captured:
        wide.print(grid)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def print_wrapped(console: Console, indent: int, text: Text) -> None:
    """Wrapped and indented, without spaces at the ends of lines."""
    for line in text.wrap(console, console.width - indent):
        line.rstrip()
        console.print(Text(" " * indent) + line)


def print_list(console: Console, title: str, lines: Iterable[str]) -> None:
    """A titled list of one-liners; nothing where there are none."""
    for place, line in enumerate(lines):
        if place == 0:
            print_wrapped(console, 2, Text(one_visible_line(title), style="bold"))
        print_wrapped(console, 2, Text(f"- {one_visible_line(line, 300)}"))
