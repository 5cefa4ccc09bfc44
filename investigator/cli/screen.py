"""Results go to stdout, everything about the work (progress, counts, errors) to stderr.

Text out of traces is untrusted: it is shown without markup, and control characters, which a
terminal would obey, are shown as `�`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.ground.canonical_json import JsonValue, canonical_json

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
WIDTH_WITHOUT_TERMINAL = 120


def stdout() -> Console:
    """Where results go; a pipe gets a fixed width and no colour."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where everything about the work goes."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def printable(text: str) -> str:
    """The text with control characters replaced, lines and tabs kept."""
    return _CONTROL.sub("�", text)


def screen_line(text: str, limit: int = 120) -> str:
    """The text on one line, cut at `limit` characters with an ellipsis."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def cell(text: str | None, style: str = "") -> Text:
    """A table cell; absence is a dash."""
    return Text(screen_line(text) if text else "–", style=style if text else "dim")


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
            print_wrapped(console, 2, Text(title, style="bold"))
        print_wrapped(console, 2, Text(f"- {screen_line(line, 300)}"))


def say(text: str, style: str = "") -> None:
    """One line or block to people, on stderr."""
    stderr().print(Text(printable(text), style=style))


def print_json(value: JsonValue) -> None:
    """One JSON value on one line of stdout."""
    sys.stdout.write(canonical_json(value) + "\n")


def print_error(message: str) -> None:
    """An error that ended the command: one block on stderr."""
    first, *rest = printable(message).splitlines() or [""]
    block = Text.assemble(("error: ", "bold red"), first)
    for line in rest:
        block.append(f"\n  {line}")
    stderr().print(block, soft_wrap=True)
