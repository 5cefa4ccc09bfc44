"""Pages as plain text: what JSON says, in fewer tokens, and cut with a mark of what is missing.

A page is an object of fields and rows. Fields become lines, rows a table whose columns are named
once, texts stand as they are. What is not JSON stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from investigator.ground.canonical_json import JsonValue, compact_json

Estimate = Callable[[str], int]
"""How many tokens a text has, at most, nearly."""

_CHARS_A_TOKEN = 8
"""More characters than a token has, in any text worth cutting exactly."""


def page_text(page: str) -> str:
    """The text of a page; the short fields first, so that no cut takes where to read on."""
    try:
        value: JsonValue = json.loads(page)
    except ValueError:
        return page
    if not isinstance(value, dict):
        return compact_json(value)
    short = [key for key, item in value.items() if _is_short(item)]
    fields = "; ".join(f"{key}: {_cell(value[key])}" for key in short)
    long = (_long(key, item) for key, item in value.items() if key not in short)
    return "\n".join([fields, *long] if fields else long)


def cut(text: str, tokens: int, estimate: Estimate) -> str:
    """As much of the text as takes `tokens`, and how much was left out."""
    if len(text) <= tokens * _CHARS_A_TOKEN and estimate(text) <= tokens:
        return text
    low, high = 0, min(len(text), max(tokens, 0) * _CHARS_A_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate(_marked(text, middle)) <= tokens:
            low = middle
        else:
            high = middle - 1
    line = text.rfind("\n", 0, low)
    return _marked(text, line if line >= low * 3 // 4 else low)


def _marked(text: str, end: int) -> str:
    rest = text[end:]
    lines = rest.strip("\n").count("\n") + 1
    of_lines = f" in {lines:,} lines" if lines > 1 else ""
    return f"{text[:end]}\n… {len(rest):,} more characters{of_lines}".lstrip("\n")


def _is_short(item: JsonValue) -> bool:
    if isinstance(item, str):
        return _plain(item)
    return not isinstance(item, list | dict) or not item


def _long(key: str, item: JsonValue) -> str:
    if isinstance(item, str):
        return f"{key}:\n{item}"
    if isinstance(item, list) and all(isinstance(row, dict) for row in item):
        return f"{key}:\n{_table([row for row in item if isinstance(row, dict)])}"
    return f"{key}: {compact_json(item)}"


def _table(rows: Sequence[dict[str, JsonValue]]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [" | ".join(_cell(row[c]) if c in row else "" for c in columns) for row in rows]
    return "\n".join([" | ".join(columns), *lines])


def _cell(item: JsonValue) -> str:
    """A value on one line; quoted where it could be taken for something else."""
    return item if isinstance(item, str) and _plain(item) else compact_json(item)


def _plain(text: str) -> bool:
    """Whether a text can stand without quotes."""
    return (
        0 < len(text) <= 120
        and text == text.strip()
        and text[0] not in '"[{'
        and not any(mark in text for mark in ("\n", "\r", "|", ";"))
        and text not in ("null", "true", "false")
    )
