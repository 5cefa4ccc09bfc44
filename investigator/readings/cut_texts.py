"""A text that an exporter cut says so: in brackets, or with a count of what is gone.

A model that ran out of tokens is another thing: then the record is whole and the answer is not.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_TAIL = 200
_GONE = r"(?:truncated|omitted|elided|trimmed|cut(?: off)?|removed|clipped)"
_AT_THE_END = re2.compile(
    rf"(?i)(?:[\[(<{{][^\[\](){{}}<>\n]{{0,60}}\b{_GONE}\b[^\[\](){{}}<>\n]{{0,60}}[\])>}}]+"
    rf"|(?:…|\.\.\.)[ \t]*{_GONE}(?:[ \t]*[:(]?[ \t]*\d[\d,]*[ \t\w]{{0,20}}\)?)?"
    r"|(?:…|\.\.\.)[ \t]*[\[(]?\+?[ \t]*\d[\d,]*[ \t]*(?:more[ \t]+)?"
    r"(?:chars?|characters?|bytes?|tokens?|lines?)\b[^\n]{0,20})[\s.\"'`}\])>]*$"
)
_IN_THE_MIDDLE = re2.compile(
    rf"(?i)[\[(<][^\[\]()<>\n]{{0,30}}(?:\d[\d,]*[ \t]+(?:more[ \t]+)?(?:chars?|characters?|bytes?)"
    rf"[ \t]+{_GONE}|{_GONE}[ \t:]+\d[\d,]*[ \t]+(?:chars?|characters?|bytes?))"
    r"[^\[\]()<>\n]{0,30}[\])>]"
)
_SIGNS = (
    "truncated", "omitted", "elided", "trimmed", "cut", "removed", "clipped", "…", "...",
)  # fmt: skip
"""A text that was cut has one of these; most have none, and are searched no further."""


def is_cut(text: str) -> bool:
    """Whether the text says that part of it was left out of the record."""
    plain = text.lower()
    if not any(sign in plain for sign in _SIGNS):
        return False
    clean = well_formed(text)
    return _AT_THE_END.search(clean[-_TAIL:]) is not None or (
        _IN_THE_MIDDLE.search(clean) is not None
    )
