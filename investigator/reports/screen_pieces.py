"""The pieces of a text for a terminal: lines, lists, tables; written into whatever console.

Text out of traces is untrusted: it is shown without markup, and what a terminal would obey is
shown as an escape.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from investigator.ground.visible import one_visible_line

_ANY = 100_000
"""Wider than any row."""
_FOLDED = 12
"""The width to which a column may be folded: a word or two, most of a time."""


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
    """The table, where the terminal is wide enough for it; else each row as a block.

    Off a terminal each row is one line, however long.
    """
    if console.is_terminal:
        if _least_width(grid) <= console.width:
            console.print(grid)
        else:
            _print_blocks(console, grid)
        return
    wide = Console(file=io.StringIO(), width=_ANY, color_system=None, highlight=False)
    with wide.capture() as captured:
        wide.print(grid)
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _least_width(grid: Table) -> int:
    """What its columns need: those that are not folded whole, of the others a word or two."""
    least = 0
    for column in grid.columns:
        cells = [text.cell_len for text in _texts(column)]
        widest = max((len(str(column.header)), *cells))
        least += (widest if column.no_wrap else min(widest, _FOLDED)) + 2
    return least


def _texts(column: Column) -> list[Text]:
    return [one if isinstance(one, Text) else Text(str(one)) for one in column.cells]


def _print_blocks(console: Console, grid: Table) -> None:
    """What stands first on a line of its own, the rest below it with its name, nothing split."""
    columns = [_texts(column) for column in grid.columns]
    names = [str(column.header) for column in grid.columns]
    for row in zip(*columns, strict=True):
        console.print(Text("", "bold").append_text(row[0]), soft_wrap=True)
        line = Text("  ")
        for name, text in zip(names[1:], row[1:], strict=True):
            part = Text(f"{name} ".lstrip(), "dim").append_text(text)
            if line.cell_len > 2 and line.cell_len + part.cell_len > console.width:
                line.rstrip()
                console.print(line, soft_wrap=True)
                line = Text("  ")
            line.append_text(part).append("  ")
        line.rstrip()
        console.print(line, soft_wrap=True)


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
