"""Results go to stdout, everything about the work (progress, counts, errors) to stderr.

Text out of traces is untrusted: it is shown without markup, and what a terminal would obey is
shown as an escape.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.visible import visible

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


def say(text: str, style: str = "") -> None:
    """One line or block to people, on stderr."""
    stderr().print(Text(visible(text), style=style))


def print_json(value: JsonValue) -> None:
    """One JSON value on one line of stdout."""
    sys.stdout.write(canonical_json(value) + "\n")


def print_error(message: str) -> None:
    """An error that ended the command: one block on stderr."""
    first, *rest = visible(message).splitlines() or [""]
    block = Text.assemble(("error: ", "bold red"), first)
    for line in rest:
        block.append(f"\n  {line}")
    stderr().print(block, soft_wrap=True)
