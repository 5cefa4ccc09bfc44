"""What a reply says beside its text is left out where it cannot be true.

Endpoints tell tokens below nothing, as text, or more than there are; and times that no calendar
has. The libraries refuse such a reply as a whole. Without its account it is one that gives none.
"""

from __future__ import annotations

import json
from typing import TypeGuard

MOST_TOKENS = 100_000_000
"""More than that no model reads or writes at once (the widest windows have ten million)."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, past which there is no date."""

_ACCOUNTS = ("usage", "usageMetadata")
"""Where providers tell the tokens of a reply."""

_TOLD_WHERE_ANY = ("prompt_tokens", "completion_tokens", "total_tokens")
"""What an account in OpenAI's form always has."""

_NEVER_NULL = (*_TOLD_WHERE_ANY, "input_tokens", "output_tokens")
"""Of the others, such as tokens that a cache took, null says that there were none."""


def is_count(tokens: object) -> TypeGuard[int]:
    """Whether it can be a number of tokens."""
    return type(tokens) is int and 0 <= tokens <= MOST_TOKENS


def without_untruths(body: bytes) -> bytes:
    """The body of a reply without an account, or a time, that cannot be; else as it is."""
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(reply, dict):
        return body
    untrue = [name for name in _ACCOUNTS if name in reply and not _is_account(reply[name])]
    for name in untrue:
        del reply[name]
    if reply.get("type") == "message" and "usage" not in reply:
        # Anthropic's library does not read a reply without one; of no tokens, it says nothing.
        untrue.append("usage")
        reply["usage"] = {"input_tokens": 0, "output_tokens": 0}
    created = reply.get("created", 0)
    if type(created) is not int or not 0 <= created <= LAST_SECOND:
        untrue.append("created")
        reply["created"] = 0
    return json.dumps(reply).encode() if untrue else body


def _is_account(told: object) -> bool:
    """Whether every number of tokens in it can be one."""
    if not isinstance(told, dict) or not told:
        return False
    if any(name in told for name in _TOLD_WHERE_ANY):
        told = dict.fromkeys(_TOLD_WHERE_ANY) | told
    return all(_is_true(name, value) for name, value in told.items())


def _is_true(name: str, value: object) -> bool:
    if name.lower().endswith(("tokens", "tokencount")):
        return is_count(value) or (value is None and name not in _NEVER_NULL)
    if isinstance(value, dict):
        return all(_is_true(inner, told) for inner, told in value.items())
    return not isinstance(value, list) or all(_is_true("", told) for told in value)
