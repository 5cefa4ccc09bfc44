"""The pieces of a text for a terminal: lines, lists, tables; written into whatever console.

Text out of traces is untrusted: it is shown without markup, and what a terminal would obey is
shown as an escape.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.ground.visible import one_visible_line


def cell(text: str | None, style: str = "") -> Text:
    """A table cell; absence is a dash."""
    return Text(one_visible_line(text, 120) if text else "–", style=style if text else "dim")


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table without a frame; the first column is never folded, those of `right` are numbers."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if column in right else "left"
        grid.add_column(column, justify=side, overflow="fold", no_wrap=place == 0)
    return grid


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
