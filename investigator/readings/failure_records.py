"""Whether a record that a tool answered with says that the call failed.

Told by fields that speak of the call: a flag (`ok: false`, `isError: true`), an error that holds
something, a status in words or as an HTTP status, an exit code. They are looked for at the top
and in envelopes (`result`, `data`, MCP's `content`, JSON within JSON), never among the things
that an answer lists: a list of jobs of which some failed is a good answer. Where an envelope says
that the call worked, what it holds is data, and only a flag inside it says otherwise.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Callable, Iterator, Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, read_json

_LIMIT = 1_000_000
"""Characters; a record of that size is read in some ten milliseconds."""

_PYTHON_LIMIT = 20_000
_NESTED = 6
_SHORT = 600
_HEAD = 400

_WORKED = frozenset({"ok", "success", "succeeded", "successful", "issuccess", "isok"})
_FAILED = frozenset({"iserror", "haserror", "isfailure", "failed", "failure", "errored"})
"""Flags. Keys are compared without case, `_` and `-`."""

_ERRORS = (
    "error", "errors", "exception", "failure", "err", "errormessage", "errormsg", "errmsg",
    "faultstring",
)  # fmt: skip
_ERROR_CODES = ("errorcode", "errcode")
_CODES = frozenset({"code", "status", "statuscode", "errno", *_ERROR_CODES})
_VERDICTS = frozenset(
    {"valid", "isvalid", "exists", "passed", "available", "reachable", "alive", "found", "matches",
     "allowed", "eligible", "authorized", "equal", "compliant"}
)  # fmt: skip
"""Flags that answer a question: an error beside one is the reason for the answer."""

_STATUS_WORDS = ("status", "outcome", "result")
_FAILED_WORDS = frozenset({"error", "errored", "failed", "failure", "fail", "exception"})
_REFUSED_WORDS = frozenset(
    {"denied", "rejected", "refused", "aborted", "timeout", "timedout", "unavailable", "forbidden",
     "unauthorized", "notok", "ko", *_FAILED_WORDS}
)  # fmt: skip
"""Words of a status or state that may also be those of a thing: failures where nothing else is
shown."""
_HTTP = ("statuscode", "httpstatus", "httpstatuscode", "status")
_EXITS = ("exitcode", "exitstatus", "returncode")
_NONE = frozenset(
    {"", "none", "null", "nil", "no", "false", "0", "ok", "success", "n/a", "no error", "no errors"}
)
_ENVELOPES = (
    "result", "results", "response", "output", "data", "body", "payload", "content", "text",
    "structuredcontent", "toolresult", "tooloutput", "functionresponse", "return", "returnvalue",
    "value", "observation", "outputs", "parts", "contents", "resource", "artifact", "json", "fault",
)  # fmt: skip
_OF_THE_CALL = frozenset(
    {"type", "role", "name", "toolname", "callid", "toolcallid", "tooluseid", "requestid",
     "traceid", "mimetype", "meta", "annotations", "duration", "durationms", "timestamp",
     "jsonrpc", "tool", "server", "isfinal", "headers", "contenttype", "elapsed", "elapsedms",
     *_HTTP, *_WORKED, *_FAILED}
)  # fmt: skip
"""What may stand beside the text in an envelope that is nothing but one."""

_OF_THE_ERROR = frozenset(
    {"message", "msg", "detail", "details", "title", "reason", "hint", "code", "extensions", "path",
     "instance", "error", "errors", "exception", "description", *_ERROR_CODES, *_OF_THE_CALL}
) - {"name"}  # fmt: skip
"""What may stand beside an error that is why a call failed. Beside anything else a list of errors
is part of what was asked for (the report of a linter), and a status is that of the thing shown."""

_MESSAGES = ("message", "detail", "msg", "reason", "description")
_BLOCKS = frozenset({"text", "output_text", "input_text", "tool_result", "json", "resource"})
_BARE_BLOCKS = frozenset({"text", "json", "content", "toolresult", "functionresponse"})
_CODE = re2.compile(
    r"(?i)error$|exception$|fault$|^(?:fail(?:ed|ure)?|err)$|not[_ ]?found|denied|invalid|unauthori"
    r"|forbidden|exceeded|_failed|expired|unavailable|timeout|missing|unsupported|conflict"
)
"""Codes and types of errors, as services spell them (`NOT_FOUND`, `AccessDeniedException`)."""
_PAGE = re2.compile(r"(?i)^\s*(?:<!doctype html|<html|<\?xml)")
_HTTP_TEXT = re2.compile(r"^[45]\d\d(?: [A-Za-z][A-Za-z ]{2,40})?$")
_NUMBER = re2.compile(r"^-?\d{1,10}$")
_PYTHON_DICT = re2.compile(r"^\{\s*'")
_FLAGGED = r'"(?:(?:ok|success)"\s*:\s*false|is_?error"\s*:\s*true)'
_CUT_FAILURE = re2.compile(
    rf'(?i)^\s*\{{\s*(?:{_FLAGGED}\b|"error"\s*:\s*(?:"[^"]{{5}}|true\b|\{{\s*"))'
)
_LATE_FAILURE = re2.compile(rf"(?i){_FLAGGED}\s*\}}\s*$")
"""How a record begins or ends that says it, where it is cut off or too long to be read."""

_EDGE = 80

_Fields = Mapping[str, JsonValue]
Reader = Callable[[str], str | None]


class NoRecord(Exception):
    """A text that begins like a record and is none."""


def failure_in_record(text: str, read_text: Reader) -> str | None:
    """The part of a record that says the call failed; None where nothing says so.

    `read_text` answers the same for the text in an envelope.

    Raises:
        NoRecord: the text is no record, and not the beginning of one that says it.
    """
    try:
        return _failure(_parsed(text), read_text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        if _CUT_FAILURE.search(text[:_HEAD]) is not None:
            return text[:_SHORT]
        if _LATE_FAILURE.search(text[-_EDGE:]) is not None:
            return text[-_SHORT:]
        last = text.rpartition("\n")[2]
        if last != text and last.lstrip().startswith("{"):
            return failure_in_record(last, read_text)
        raise NoRecord from error


def _parsed(text: str) -> JsonValue:
    """The record that a text is, as JSON or as Python writes one."""
    if _PYTHON_DICT.search(text[:_HEAD]) is None:
        if len(text) > _LIMIT:
            raise ValueError("too long")
        value: JsonValue = read_json(text)
        return value
    if len(text) > _PYTHON_LIMIT:
        raise ValueError("too long")
    with warnings.catch_warnings():
        # Escapes that Python does not know are warned of; the text is not ours.
        warnings.simplefilter("ignore")
        read: JsonValue = ast.literal_eval(text)
        return read


def _failure(
    value: JsonValue, read_text: Reader, *, depth: int = 0, flags_only: bool = False
) -> str | None:
    if depth > _NESTED or not isinstance(value, dict | list):
        return None
    if isinstance(value, list):
        found = (
            _failure(one, read_text, depth=depth, flags_only=flags_only) for one in _blocks(value)
        )
        return next(filter(None, found), None)
    fields = {_plain(key): item for key, item in value.items()}
    if _is_flagged(fields):
        said = _error(fields) or _said(fields)
        return said or json.dumps(value, ensure_ascii=False, default=str)[:_SHORT]
    inside_a_thing = depth > 0 and any(map(_is_id, fields))
    is_verdict = any(isinstance(fields.get(key), bool) for key in _VERDICTS)
    if not flags_only and not inside_a_thing and not is_verdict:
        told = _error(fields) or _status(fields) or _exit_code(fields) or _told(fields, read_text)
        if told is not None:
            return told
    if flags_only and fields.keys() <= _OF_THE_ERROR and (told := _error(fields)) is not None:
        return told
    worked = any(_is_flag(fields.get(key), True) for key in _WORKED) or any(
        _whole(fields.get(key)) == 0 for key in _EXITS
    )
    return _enclosed(fields, read_text, depth=depth + 1, flags_only=flags_only or worked)


def _blocks(items: list[JsonValue]) -> Iterator[JsonValue]:
    """The first and last block of a message made of blocks; nothing of any other list."""
    if items and all(map(_is_block, items)):
        yield items[0]
        if len(items) > 1:
            yield items[-1]


def _is_block(item: JsonValue) -> bool:
    if not isinstance(item, dict):
        return False
    bare = len(item) == 1 and _BARE_BLOCKS.issuperset(map(_plain, item))
    return bare or item.get("type") in _BLOCKS


def _enclosed(fields: _Fields, read_text: Reader, *, depth: int, flags_only: bool) -> str | None:
    """What the envelopes among the fields hold that says so."""
    for key in (*_ENVELOPES, *_named_after_the_tool(fields)):
        item = fields.get(key)
        if isinstance(item, str):
            is_record = item.lstrip()[:1] in ("{", "[")
            is_page = _PAGE.search(item[:_HEAD]) is not None and "path" not in fields
            wraps = fields.keys() <= _OF_THE_CALL | {key}
            read = is_page or (wraps and (is_record or not flags_only))
            found = read_text(item) if read else None
        else:
            found = _failure(item, read_text, depth=depth, flags_only=flags_only)
        if found is not None:
            return found
    return None


def _named_after_the_tool(fields: _Fields) -> Iterator[str]:
    """The one field of an envelope that is called after what answered (`find_user_response`)."""
    if len(fields) == 1:
        (key,) = fields
        if key not in _ENVELOPES and key.endswith(("result", "response", "output")):
            yield key


def _told(fields: _Fields, read_text: Reader) -> str | None:
    """A record that is nothing but a message, which is judged as a text would be.

    Beside a code or type that is called an error the message need not say it again.
    """
    if not fields or not fields.keys() <= _OF_THE_ERROR:
        return None
    said = next((fields[key] for key in _MESSAGES if fields.get(key)), None)
    named = [fields.get(key) for key in ("type", "code", "kind")]
    kind = next((one for one in named if isinstance(one, str) and _CODE.search(one)), None)
    if kind is not None and said:
        return f"{kind}: {said}"
    if isinstance(said, str):
        return read_text(said) if said.lstrip()[:1] not in ("{", "[") else None
    is_invalid = isinstance(said, list) and all(
        isinstance(one, dict) and {"loc", "msg"} <= one.keys() for one in said
    )
    return f"invalid input: {said}" if is_invalid else None


def _is_flagged(fields: _Fields) -> bool:
    """Whether a flag says that the call failed; a 0 is a flag only beside nothing but an error."""
    if any(_is_flag(fields.get(key), True) for key in _FAILED):
        return True
    bare = fields.keys() <= _OF_THE_ERROR and any(fields.get(key) for key in _MESSAGES)
    found = [fields[key] for key in _WORKED if key in fields]
    return any(_is_flag(one, False) or (bare and _whole(one) == 0) for one in found)


def _is_flag(value: object, wanted: bool) -> bool:
    """Whether a flag has this value; counts and texts that are no flag have none."""
    return value is wanted or (isinstance(value, str) and value.lower() == str(wanted).lower())


def _error(fields: _Fields) -> str | None:
    for key in _ERRORS:
        if _says_error(key, fields.get(key), fields):
            return f"{key}: {_words(fields[key])}"
    for key in _ERROR_CODES:
        value = fields.get(key)
        numbered = _whole(value)
        named = isinstance(value, str) and value.strip().lower() not in _NONE
        if numbered if numbered is not None else named:
            return f"{key}: {value}"
    return None


def _said(fields: _Fields) -> str | None:
    """The words of an answer that a flag calls failed: its message, or the text of its blocks."""
    content = fields.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [b.get("text") if isinstance(b, dict) else b for b in blocks]
    found = [*(fields.get(key) for key in _MESSAGES), *texts]
    return next((one[:_SHORT] for one in found if isinstance(one, str) and one.strip()), None)


def _words(error: JsonValue) -> str:
    """What an error says, with its code; the whole of one that has no message."""
    fields = {_plain(key): item for key, item in error.items()} if isinstance(error, dict) else {}
    message = next((said for key in _MESSAGES if isinstance(said := fields.get(key), str)), None)
    if not message:
        return str(error)
    code = next(
        (one for key in ("status", "statuscode", "code", "type") if (one := fields.get(key))), None
    )
    return message if code is None else f"{message} (code: {code})"


def _says_error(key: str, value: object, fields: _Fields) -> bool:
    """An error field that holds something: neither a figure nor a list that was asked for."""
    if isinstance(value, str):
        return value.strip().lower() not in _NONE
    if isinstance(value, dict | list):
        says = _says_something(value)
        beside = fields.keys() - _OF_THE_ERROR
        return says and (key != "errors" or all(_is_empty(fields[one]) for one in beside))
    if value is True or value is None or not isinstance(value, int):
        return value is True
    return 400 <= value < 600 or (value != 0 and isinstance(fields.get("message"), str))


def _says_something(value: dict[str, object] | list[object]) -> bool:
    """Whether an error says more than figures and empty fields."""
    if isinstance(value, list):
        return any(isinstance(one, str | dict | list) and one for one in value)
    return any(
        _whole(item) not in (None, 0)
        if _plain(key) in _CODES and not isinstance(item, str)
        else item is True or (isinstance(item, str | dict | list) and not _is_none(item))
        for key, item in value.items()
    )


def _is_none(item: str | dict[str, object] | list[object]) -> bool:
    return item.strip().lower() in _NONE if isinstance(item, str) else not item


def _is_empty(value: object) -> bool:
    """Nothing, or nothing but empty fields."""
    if isinstance(value, dict):
        return all(map(_is_empty, value.values()))
    if isinstance(value, list):
        return all(map(_is_empty, value))
    return value is None or value == ""


def _status(fields: _Fields) -> str | None:
    """A status that says so, in words or by its number, where it is not that of a thing shown."""
    message = fields.get("message") or ""
    shows_a_thing = any(map(_is_id, fields)) and any(
        not _is_id(key) and key not in _OF_THE_ERROR and not _is_empty(fields[key])
        for key in fields
    )
    for key in _STATUS_WORDS:
        word = fields.get(key)
        if isinstance(word, str) and word.lower() in _FAILED_WORDS and not shows_a_thing:
            return f"{key}: {word} {message}".strip()
    only_an_error = fields.keys() <= _OF_THE_ERROR
    if fields.keys() <= _OF_THE_ERROR | {"state"}:
        for key in ("status", "state"):
            word = fields.get(key)
            if isinstance(word, str) and _plain(word) in _REFUSED_WORDS:
                return f"{key}: {word} {message or fields.get('reason') or ''}".strip()
    for key in (*_HTTP, *(("code",) if only_an_error else ())):
        code = fields.get(key)
        text = str(code) if isinstance(code, int | str) and not isinstance(code, bool) else ""
        if _HTTP_TEXT.search(text) is not None:
            return f"HTTP status {text} {message}".strip()
    return None


def _exit_code(fields: _Fields) -> str | None:
    of_a_process = "stdout" in fields or "stderr" in fields
    silent = fields.get("stderr") == "" and fields.get("stdout") == ""
    for key in (*_EXITS, *(("code",) if of_a_process else ())):
        code = _whole(fields.get(key))
        # A search or a comparison that found nothing ends with 1 and says nothing (POSIX: an
        # error of those is above 1).
        if code and not (code == 1 and silent):
            said = fields.get("stderr") or fields.get("message") or ""
            return f"exit code {code} {said}".strip()
    return None


def _whole(value: object) -> int | None:
    """A whole number, also one written as text."""
    if isinstance(value, str) and _NUMBER.search(value) is not None:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_id(key: str) -> bool:
    """Whether a field names a thing (`id`, `order_id`), and not the call itself."""
    return key.endswith("id") and key not in _OF_THE_CALL and key not in ("valid", "paid")


def _plain(key: object) -> str:
    return str(key).casefold().replace("_", "").replace("-", "").replace(" ", "")
