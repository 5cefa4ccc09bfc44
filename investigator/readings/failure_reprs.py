"""An answer that was written as code prints its objects: `Result(content=[Text(text='…')])`.

Flags are read before and behind the lists that it holds, so that those of the things in it are
not its own; a text that it holds is an envelope's, and is judged as such.
"""

from __future__ import annotations

from collections.abc import Callable

from investigator.ground import lazy_re2 as re2

_SHOWN = re2.compile(
    r"^\[?(?:[A-Z][\w.]*\(\w+=|(?:content|text|result|output|data)=(?:['\"\[{]|[A-Z]\w*\())"
)
REPR_OPENINGS = (_SHOWN,)
"""How every printed object begins that is read here."""

_FLAG = re2.compile(
    r"\b(?:is_?[eE]rror|has_?[eE]rrors?)=True\b|\b(?:ok|success|is_?[sS]uccess)=False\b"
    r"|\bstatus=['\"](?:error|failed|failure)['\"]|\berror=(?:['\"][^'\"]|[A-Z]\w+\()"
)
_TEXT = re2.compile(r"\b(?:text|content|result|output)=(?:'((?:[^'\\]|\\.)*)|\"((?:[^\"\\]|\\.)*))")
_HEAD = 200
_TAIL = 300
_WINDOW = 20_000
_LIMIT = 600


def failure_in_repr(text: str, read_text: Callable[[str], str | None]) -> str | None:
    """What a printed object says of its failure; None where it says nothing, or is none."""
    if _SHOWN.search(text[:_HEAD]) is None:
        return None
    edges = text[:_HEAD].partition("[")[0] + text.rpartition("]")[2][-_TAIL:]
    held = _TEXT.search(text[:_WINDOW])
    inner = None if held is None else (held.group(1) or held.group(2) or "")
    plain = None if inner is None else inner.replace("\\n", "\n").replace("\\'", "'")
    if _FLAG.search(edges) is not None:
        return plain or text[:_LIMIT]
    return read_text(plain) if plain else None
