"""Whether a result is empty, in whatever shape: an empty list, no rows, a count of nothing, a table
that is all head, a sentence that says so.

A record is empty if it lists nothing and says nothing else: its other fields repeat the query, give
the place or time, count, or head a table. Lists of trouble (`errors`, `warnings`) are good empty.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, read_json
from investigator.traces.model import REDACTED

_SHORT = 400
_RECORD = 4_000
"""Characters; a record that lists nothing is short, but it may repeat a long query."""

_DEPTH = 4

_SENTENCE = re2.compile(
    r"(?i)^\W*(?:sorry,? )?(?:there (?:are|were|is) )?(?:no|zero|0) (?:[\w-]+ ){0,3}"
    r"(?:results?|documents?|match(?:es)?|records?|entries|hits|pages|items)\b"
    r"|^\W*no \w+(?: \w+)? (?:were |was )?found\b|^\W*nothing (?:was |were )?(?:found|matched)"
    r"|\b(?:returned|found|matched|yielded) (?:no|0|zero) (?:[\w-]+ ){0,2}"
    r"(?:results?|documents?|match(?:es)?|records?|items|entries)\b"
    r"|\bdid(?: not|n't) match any\b|^\W*empty (?:set|result|list|dataframe)\b"
)
_ROWS = re2.compile(r"(?i)\(?\b(?:0|no) rows?(?: returned| selected| in set)?\b\W*(?:\([^)]*\))?$")
_HEAD_ONLY = re2.compile(r"^\s*\|?[^\n|]+(?:\|[^\n|]*)+\n[ \t|:+-]+\s*$")
_BARE_TAG = re2.compile(
    r"(?i)^(?:<\?xml[^>]{0,200}>\s*)?<[\w:]*(?:results?|rows|items|hits|documents|list|records"
    r"|entries|response|data|feed)\b[^>]{0,200}(?:/>|>\s*</[\w:]+>)\s*$"
)
_FORMS = (
    (_SENTENCE, ("no", "n't", "zero", "0", "empty")),
    (_HEAD_ONLY, ("|",)),
    (_BARE_TAG, ("<",)),
    (_ROWS, ("row",)),
)
"""Each form with what a text has one of, in lower case, to have that form."""

_TROUBLE = frozenset(
    {"errors", "warnings", "issues", "problems", "failures", "conflicts", "violations", "alerts",
     "vulnerabilities", "duplicates", "blockers", "incidents", "missing", "skipped", "rejected",
     "failed", "invalid", "unresolved"}
)  # fmt: skip
_ATTRIBUTES = frozenset({"tags", "labels", "attachments", "notes", "comments", "cc", "bcc", "meta"})
_COLUMNS = frozenset({"columns", "fields", "headers", "header", "schema", "columnnames"})
_COUNTS = frozenset(
    {"count", "total", "totalcount", "totalresults", "totalhits", "numfound", "num", "size", "hits",
     "matches", "found", "rowcount", "resultcount", "length", "returned", "value", "rows",
     "results", "items", "matched"}
)  # fmt: skip
_BESIDE = frozenset(
    {"query", "q", "search", "searchterm", "filter", "filters", "sql", "statement", "keyword",
     "keywords", "page", "pages", "totalpages", "pagesize", "perpage", "limit", "offset", "start",
     "took", "time", "elapsed", "elapsedms", "duration", "durationms", "executiontime", "status",
     "statuscode", "ok", "success", "timedout", "hasmore", "hasnext", "hasnextpage", "next",
     "nextpage", "nextcursor", "cursor", "nextpagetoken", "endcursor", "type", "kind", "jsonrpc",
     "requestid", "id", "iserror", "error", "errors", "warnings", "relation", "eq", "maxscore",
     "truncated", "source", "index", "collection", "table", "database", "namespace", "topk", "k",
     "usage", "message", "note", "role", "name", "previous", "provider", "engine"}
)  # fmt: skip
_TEXTS = ("text", "content", "output", "stdout", "result")


def is_empty_result(result: str | None) -> bool:
    """Whether a result shows that nothing was found; one that is not recorded shows nothing."""
    if result is None or REDACTED in result[:100]:
        return False
    text = result.strip()
    if text[:1] in ("{", "["):
        return len(text) <= _RECORD and _is_empty_record(text)
    if not 0 < len(text) <= _SHORT:
        return False
    plain = text.lower()
    return any(form.search(text) is not None for form, signs in _FORMS if _has(plain, signs))


def _has(plain: str, signs: tuple[str, ...]) -> bool:
    return any(sign in plain for sign in signs)


def says_nothing_found(result: str) -> bool:
    """Whether a result says in a sentence that nothing was found."""
    return _SENTENCE.search(result.strip()[:_SHORT]) is not None


def _is_empty_record(text: str) -> bool:
    try:
        return _lists_nothing(read_json(text), _DEPTH)
    except (ValueError, RecursionError):
        return False


def _lists_nothing(value: JsonValue, depth: int) -> bool:
    if isinstance(value, str):
        return is_empty_result(value)
    if isinstance(value, list):
        nothing = all(item == [] for item in value)
        return nothing or (len(value) == 1 and _is_empty_block(value[0], depth))
    if not isinstance(value, dict) or depth == 0:
        return False
    fields = {key.replace("_", "").replace("-", "").lower(): item for key, item in value.items()}
    texts = [fields[key] for key in _TEXTS if isinstance(fields.get(key), str)]
    if texts and set(fields) <= {*_TEXTS, *_BESIDE}:
        return all(isinstance(one, str) and is_empty_result(one) for one in texts)
    shows = [_shows_nothing(key, item, depth) for key, item in fields.items()]
    return None not in shows and True in shows


def _is_empty_block(item: JsonValue, depth: int) -> bool:
    """A block of a message that holds an empty result."""
    return isinstance(item, dict) and "type" in item and _lists_nothing(item, depth - 1)


def _shows_nothing(key: str, item: JsonValue, depth: int) -> bool | None:
    """Whether a field shows that nothing was found; False if it says nothing, None if it tells
    of something else."""
    if isinstance(item, list):
        if key in _COLUMNS:
            return False
        if not item:
            return key not in _TROUBLE and key not in _ATTRIBUTES
        return True if _lists_nothing(item, depth - 1) else None
    if isinstance(item, dict):
        if not item:
            return False
        below = _lists_nothing(item, depth - 1)
        return True if below else False if key in _BESIDE else None
    if key in _COUNTS and type(item) is int:
        return True if item == 0 else None
    if item is None or key in _BESIDE or key in _COUNTS:
        return False
    return None
