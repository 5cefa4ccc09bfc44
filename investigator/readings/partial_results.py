"""Whether a result says of itself that it is only a part: a page, a range, a cut.

Records say it by a flag (`has_more`), by where the next part begins (`next_cursor`), or by a total
above what they list. Texts say it at their beginning or end: "lines 1-200 of 9134", "page 1 of 7",
"8,934 more lines", "output truncated".
"""

from __future__ import annotations

from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.ground.patterns import well_formed

_EDGE = 600
_PARSED = 400_000

_FLAG = re2.compile(
    r"(?i)\\?\"(?:has_?more|has_?next(?:_?page)?|more_?available|more|(?:is_?)?truncated"
    r"|(?:is_?)?partial|incomplete(?:_?results)?|limit_?reached)\\?\"\s*:\s*(?:true\b|\\?\"true)"
    r"|\"(?:@odata\.)?next_?(?:page|cursor|offset|token|link|url|start|index|page_?token"
    r"|marker)?\\?\"\s*:\s*(?:\\?\"[^\"\\]|[1-9]|\{)"
    r"|\"(?:continuation(?:_?token)?|last_?evaluated_?key|scroll_?id|resume_?token)\\?\"\s*:\s*"
    r"(?:\\?\"[^\"\\]|\{)"
)
_TOTAL_KEY = re2.compile(
    r"(?i)\"(?:pages|page_?count|last_?page|total\w*|num_?(?:found|results|hits)|count_?total)\"\s*:"
)
_TEXTS = ("content", "text", "output", "stdout")
_WRAPS = re2.compile(r"\"(?:content|text|output|stdout)\"\s*:\s*(?:\[\s*\{|\")")
_MONEY = frozenset({"currency", "subtotal", "tax", "price", "amount", "unit", "unitprice"})
"""Beside these a total is none of things."""

_TOTALS = frozenset(
    {"total", "totalcount", "totalresults", "totalitems", "totalhits", "totalrecords", "totalrows",
     "totalsize", "totalelements", "numfound", "numresults", "numhits", "counttotal"}
)  # fmt: skip
_PAGES = ("totalpages", "pagecount", "pages", "lastpage")
_KINDS = (
    r"lines?|rows?|results?|entries|records?|items?|hits|pages?|bytes|char(?:acter)?s|messages"
    r"|documents|files|matches|chunks?|issues|orders|users|events|commits"
)
_RANGE = re2.compile(
    rf"(?i)\b(?:showing|displaying|listing|returned|viewing|read|{_KINDS})\W{{0,3}}"
    rf"(?:(?:{_KINDS})\W{{1,3}})?(?:\d[\d,]*\s*(?:-|–|—|to|through|\.\.)\s*)?(\d[\d,]*)\s*"
    rf"(?:(?:{_KINDS})\s*)?(?:of|out of|/)\s*(?:about |a total of |~)?(\d[\d,]*)\b"
    rf"|\b(?:first|top|last) (\d[\d,]*) (?:(?:{_KINDS}) )?(?:of|out of) (?:the )?(\d[\d,]*)\b"
    rf"|\b(\d[\d,]*) (?:of|out of) (\d[\d,]*) (?:{_KINDS}) "
    r"(?:shown|displayed|listed|returned|loaded)"
)
_REST = re2.compile(
    rf"(?i)\b[1-9][\d,]* (?:more|further|additional|remaining|omitted|other) (?:{_KINDS})\b"
    rf"|\b(?:{_KINDS}|output|content|response|list) (?:was |were |is |are |has been )?"
    r"(?:truncated|cut off|cut short|limited to \d)|[\[(<…][^\[\]()<>\n]{0,40}\btruncated\b"
    r"|\b(?:more|further|additional) (?:results|pages|rows|entries|items) (?:are )?available\b"
    r"|\b(?:use|pass|set|call again with) [`\"']?(?:offset|cursor|page|start|limit|after)\w*\b"
    r"[^\n]{0,60}\b(?:continue|more|next|rest|further)\b"
    r"|\b(?:row|result|page|size|line)?\s?limit (?:of \d[\d,]* )?(?:was |has been )?reached\b"
)


_LIMITED = re2.compile(
    rf"(?i)\b(\d[\d,]*) (?:{_KINDS})\b[^\n\d]{{0,20}}\blimit\b[^\n]{{0,20}}\b(?:reached|hit)\b"
)


class PartShown(NamedTuple):
    """A part of a result: how many things it lists and how many there are, where it says so."""

    shown: int | None
    total: int | None


def part_of(result: str) -> PartShown | None:
    """What a result says of being a part; None where it says nothing, or is the last part."""
    text = well_formed(result.strip())
    if text[:1] == "{":
        return _of_record(text)
    edges = text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\n{text[-_EDGE:]}"
    for found in _RANGE.finditer(edges):
        given = [one for one in found.groups() if one]
        end, total = given[0], given[1]
        if found.group(0)[:4].lower() == "page" and _number(end) < _number(total):
            return PartShown(_lines_but_one(text), None)
        return PartShown(_number(end), _number(total)) if _number(end) < _number(total) else None
    limited = _LIMITED.search(edges)
    if limited is not None:
        return PartShown(_number(limited.group(1)), None)
    if _REST.search(edges) is None:
        return None
    return PartShown(_lines_but_one(text), None)


def _lines_but_one(text: str) -> int | None:
    """How many things a text lists, one a line, beside the line that says it is a part."""
    listed = sum(bool(line.strip()) for line in text.splitlines()) - 1
    return listed if listed > 1 else None


def _of_record(text: str) -> PartShown | None:
    flagged = _FLAG.search(text) is not None
    counted = _TOTAL_KEY.search(text) is not None
    wraps = _WRAPS.search(text[:_EDGE]) is not None
    if not flagged and not counted and not wraps:
        return None
    record = json_object(text) if len(text) <= _PARSED else None
    if record is None:
        return PartShown(None, None) if flagged else None
    if (inner := _enclosed(record)) is not None:
        return part_of(inner)
    shown, total = _counts(record, 0)
    more = total is not None and shown is not None and 0 < shown < total and not _is_last(record)
    return PartShown(shown, total) if flagged or more or _is_page_before(record) else None


def _enclosed(record: dict[str, JsonValue]) -> str | None:
    """The text in an envelope that is nothing but one."""
    content = next((record[key] for key in _TEXTS if key in record), None)
    blocks = content if isinstance(content, list) else [content]
    texts = [one.get("text") if isinstance(one, dict) else one for one in blocks]
    plain = [one for one in texts if isinstance(one, str)]
    return "\n".join(plain) if plain and len(plain) == len(texts) else None


def _counts(record: dict[str, JsonValue], depth: int) -> tuple[int | None, int | None]:
    """How many things a record lists, and what it gives as the total of them."""
    fields = {key.replace("_", "").lower(): item for key, item in record.items()}
    lists = [len(item) for item in fields.values() if isinstance(item, list)]
    totals = [item for key, item in fields.items() if key in _TOTALS]
    totals = [one.get("value") if isinstance(one, dict) else one for one in totals]
    total = next((one for one in totals if type(one) is int), None)
    total = None if _MONEY & fields.keys() else total
    inner = [item for item in fields.values() if isinstance(item, dict)]
    if len(lists) != 1 and depth < 2:
        for one in inner:
            shown, below = _counts(one, depth + 1)
            if shown is not None:
                return shown, total if total is not None else below
    return (lists[0] if len(lists) == 1 else None), total


def _is_page_before(record: dict[str, JsonValue]) -> bool:
    """Whether a page says by its number that pages come after it."""
    fields = {key.replace("_", "").lower(): item for key, item in record.items()}
    pages = next((fields[key] for key in _PAGES if type(fields.get(key)) is int), None)
    page = fields.get("page", fields.get("currentpage"))
    before = isinstance(pages, int) and isinstance(page, int) and 0 < page < pages
    inner = (fields.get(key) for key in ("meta", "pagination", "paging", "pageinfo"))
    return before or any(isinstance(one, dict) and _is_page_before(one) for one in inner)


def _is_last(record: dict[str, JsonValue]) -> bool:
    """Whether a page says that no page comes after it."""
    fields = {key.replace("_", "").lower(): item for key, item in record.items()}
    pages = next((fields[key] for key in _PAGES if type(fields.get(key)) is int), None)
    page = fields.get("page", fields.get("currentpage"))
    by_page = isinstance(pages, int) and isinstance(page, int) and page >= pages
    says_no = any(fields.get(key) is False for key in ("hasmore", "hasnext", "hasnextpage"))
    start, size = fields.get("offset"), fields.get("count", fields.get("limit"))
    total = next((fields[key] for key in _TOTALS if key in fields), None)
    by_place = all(type(one) is int for one in (start, size, total)) and start + size >= total  # type: ignore[operator]
    return by_page or says_no or by_place


def _number(text: str) -> int:
    return int(text.replace(",", ""))
