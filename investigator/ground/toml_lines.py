"""Where in a TOML text a key stands: `tomllib` gives the values without their lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TABLE = re.compile(r"^\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(?:#.*)?$")
_PAIR = re.compile(
    r"""^\s*(?P<key>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def line_of_key(text: str, path: Sequence[str]) -> int | None:
    """The 1-based line of the key at a path, or of the table or pair above it that is there.

    The text is TOML. None where no part of the path is found.
    """
    table: list[str] = []
    found: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        key, is_table = _key_in(line)
        if key is None:
            continue
        table = key if is_table else table
        whole = key if is_table else [*table, *key]
        depth = len(whole) if whole == list(path[: len(whole)]) else 0
        if depth and (found is None or depth > found[0]):
            found = (depth, number)
    return None if found is None else found[1]


def _key_in(line: str) -> tuple[list[str] | None, bool]:
    """The dotted key that a line begins with, and whether it opens a table."""
    for pattern, is_table in ((_TABLE, True), (_PAIR, False)):
        match = pattern.match(line)
        if match is not None:
            return [part.strip("\"'") for part in _PART.findall(match["key"])], is_table
    return None, False
