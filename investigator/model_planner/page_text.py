"""Pages as plain text: what JSON says, in fewer tokens, and cut with a mark of what is missing.

A page is an object of fields and rows. Fields become lines, rows a table whose columns are named
once, steps of a run and texts stand as they are. What is not JSON stays what it is. Where a page
is cut, what it says of reading on names the first thing that is not shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.ground.wording import counted

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


def fitted_page(page: str, tokens: int, estimate: Estimate) -> str:
    """As much of a page as takes `tokens`; it says how to read on from the first thing left out."""
    if estimate(page_text(page)) <= tokens:
        return page_text(page)
    value = _object(page)
    for shorter in _shorter(value, tokens, estimate):
        return page_text(compact_json(shorter))
    # What is cut here goes on, so nothing beside it may say that it does not.
    told: dict[str, JsonValue] = {key: item for key, item in value.items() if item is not None}
    return cut(page_text(compact_json(told) if told else page), tokens, estimate)


def ids_of(page: str) -> set[str]:
    """The short ids that a page gives its rows or itself."""
    return {short_id for item in _items(_object(page)) for short_id in _evidence(item)}


def faded_ids(page: str, chars: int) -> list[str]:
    """A line for each id of a page: what it names, and how that begins."""
    lines = []
    for item in _items(_object(page)):
        text = " ".join(str(item.get("text") or item.get("name") or "").split())
        ids = _evidence(item)
        if ids:
            lines.append(f"{', '.join(ids)}: {text[:chars]}{'…' if len(text) > chars else ''}")
    return lines


def _object(page: str) -> dict[str, JsonValue]:
    try:
        value: JsonValue = json.loads(page)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _items(value: dict[str, JsonValue]) -> Iterator[dict[str, JsonValue]]:
    """A page and its rows, each of which may have evidence."""
    yield value
    for rows in (value.get("rows"), value.get("evaluations"), value.get("read")):
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                yield row


def _evidence(item: dict[str, JsonValue]) -> list[str]:
    given = item.get("evidence")
    return [str(one) for one in given] if isinstance(given, list) else [str(given)] if given else []


def _shorter(
    value: dict[str, JsonValue], tokens: int, estimate: Estimate
) -> Iterator[dict[str, JsonValue]]:
    """The page with as many rows, or as much of its one text, as fits; nothing where none does."""

    def fits(made: dict[str, JsonValue]) -> bool:
        return estimate(page_text(compact_json(made))) <= tokens

    rows, text = value.get("rows"), value.get("text")
    if isinstance(rows, list) and rows:
        made = [_with_rows(value, rows, count) for count in range(len(rows))]
        low = _most(
            len(rows) - 1, lambda count: made[count] is not None and fits(made[count] or {})
        )
        if low and (best := made[low]) is not None:
            yield best
            return
        first = rows[0]
        if "next" in value and isinstance(first, dict):
            said, offset = str(first.get("text", "")), _number(first.get("offset"))

            def with_text(chars: int) -> dict[str, JsonValue]:
                following: JsonValue = {"from": first.get("step"), "offset": offset + chars}
                return {**value, "next": following, "rows": [{**first, "text": said[:chars]}]}

            chars = _most(len(said), lambda count: fits(with_text(count)))
            if chars:
                yield with_text(chars)
    elif isinstance(text, str) and "next_offset" in value:

        def with_part(chars: int) -> dict[str, JsonValue]:
            following = _number(value.get("offset")) + chars
            return {**value, "text": text[:chars], "next_offset": following}

        chars = _most(len(text), lambda count: fits(with_part(count)))
        if chars:
            yield with_part(chars)


def _with_rows(
    value: dict[str, JsonValue], rows: Sequence[JsonValue], count: int
) -> dict[str, JsonValue] | None:
    """The page with its first rows; None where it cannot say where to go on."""
    if "next" in value:
        first = rows[count]
        step = first.get("step") if isinstance(first, dict) else None
        return {**value, "rows": list(rows[:count]), "next": {"from": step, "offset": 0}}
    following, total, start = value.get("next_offset"), value.get("total"), value.get("offset")
    if isinstance(following, int):
        offset = following - len(rows)
    elif isinstance(total, int):
        offset = total - len(rows)
    elif isinstance(start, int):
        offset = start
    else:
        return None
    return {**value, "rows": list(rows[:count]), "next_offset": offset + count}


def _most(high: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `high` that fits; 0 where none does."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _number(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


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
    of_lines = f" in {counted(lines, 'line')}" if lines > 1 else ""
    return f"{text[:end]}\n… {counted(len(rest), 'more character')}{of_lines}".lstrip("\n")


def _is_short(item: JsonValue) -> bool:
    if isinstance(item, str):
        return _plain(item) or not item
    return not isinstance(item, list | dict) or not item


def _long(key: str, item: JsonValue) -> str:
    if isinstance(item, str):
        return f"{key}:\n{item}"
    if isinstance(item, list) and item and all(_is_step(row) for row in item):
        return "\n".join(str(row["text"]) for row in item if isinstance(row, dict))
    if isinstance(item, list) and all(isinstance(row, dict) for row in item):
        return f"{key}:\n{_table([row for row in item if isinstance(row, dict)])}"
    return f"{key}: {compact_json(item)}"


def _is_step(row: JsonValue) -> bool:
    """Whether a row is a step in words, which needs no columns."""
    return isinstance(row, dict) and "step" in row and isinstance(row.get("evidence"), list)


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
