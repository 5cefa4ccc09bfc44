"""JSON from the wild becomes values whose every string can be written as UTF-8.

Bytes must be UTF-8 (a leading byte order mark is allowed); a lone surrogate, which a JSON escape
can smuggle in, becomes U+FFFD; numbers are as `investigator.ground.canonical_json` reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from investigator.errors import UnreadableInput
from investigator.ground.canonical_json import JsonValue, count_of, read_json, read_json_at

_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_OBJECT_AT_MARGIN = re.compile(r"\n(?=\{)")
_BOM = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(raw: bytes, *, offset: int = 0) -> JsonValue:
    """The JSON value that UTF-8 bytes hold; they stand `offset` bytes into their file.

    Raises:
        UnreadableInput: the bytes are not UTF-8 or not JSON; the message has the byte offset.
    """
    text, offset = _decoded(raw, offset)
    return parse_json_text(text, offset=offset)


def parse_objects(raw: bytes) -> Iterator[tuple[int, JsonValue | UnreadableInput]]:
    """The JSON objects that stand one after another, each with its line, from 1.

    Damage is given in the place of an object; the next one after it starts at a margin. Bytes that
    are not UTF-8 give nothing.
    """
    try:
        text, _ = _decoded(raw, 0)
    except UnreadableInput:
        return
    line, counted, at = 1, 0, 0
    while (start := _NOT_SPACE.search(text, at)) is not None:
        line += text.count("\n", counted, start.start())
        counted = start.start()
        try:
            value, at = read_json_at(text, counted)
            yield line, _clean(value)
        except (ValueError, RecursionError) as error:
            following = _OBJECT_AT_MARGIN.search(text, counted)
            at = len(text) if following is None else following.end()
            yield line, UnreadableInput(_damage(error))


def _damage(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return _json_trouble(error, 0)
    return str(error) or "JSON nested too deeply to be read"


def _decoded(raw: bytes, offset: int) -> tuple[str, int]:
    """Bytes as text, and where it starts in its file behind a byte order mark."""
    body = raw.removeprefix(_BOM)
    offset += len(raw) - len(body)
    try:
        return body.decode("utf-8"), offset
    except UnicodeDecodeError as error:
        where = error.start
        raise UnreadableInput(
            f"not UTF-8: byte 0x{body[where]:02x} at offset {offset + where:,}"
        ) from error


def parse_json_text(text: str, *, offset: int = 0) -> JsonValue:
    """The JSON value that a text holds.

    Raises:
        UnreadableInput: the text is not JSON, or nests deeper than 300 levels.
    """
    try:
        value = read_json(text)
        return _clean(value) if _SURROGATE_ESCAPE.search(text) else value
    except json.JSONDecodeError as error:
        raise UnreadableInput(_json_trouble(error, offset)) from error
    except ValueError as error:
        raise UnreadableInput(str(error)) from error
    except RecursionError as error:
        raise UnreadableInput("JSON nested too deeply to be read") from error


def embedded_json(text: str) -> JsonValue:
    """The object or list that a text attribute holds; None where it holds neither."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return parse_json_text(text)
    except UnreadableInput:
        return None


def json_text(value: JsonValue) -> str:
    """A value as compact JSON text in the order it came in; a string as it is."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def nested(flat: Mapping[str, JsonValue]) -> JsonValue:
    """Dotted keys as objects; an object whose keys are all numbers is a list."""
    tree: dict[str, JsonValue] = {}
    for key, value in flat.items():
        head, _, rest = key.partition(".")
        if not rest:
            tree[head] = value
            continue
        below = tree.setdefault(head, {})
        if isinstance(below, dict):
            below[rest] = value
    grown = {k: nested(v) if isinstance(v, dict) else v for k, v in tree.items()}
    if grown and all(count_of(key) is not None for key in grown):
        return [grown[key] for key in sorted(grown, key=int)]
    return grown


def _json_trouble(error: json.JSONDecodeError, offset: int) -> str:
    where = offset + len(error.doc[: error.pos].encode("utf-8", "replace"))
    if not error.doc[error.pos :].strip() or error.msg.startswith("Unterminated string"):
        return f"JSON cut off before it is complete: {error.msg} at byte {where:,}"
    return f"not JSON: {error.msg} at byte {where:,}"


def _clean(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {
            _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", key): _clean(item)
            for key, item in value.items()
        }
    return value
