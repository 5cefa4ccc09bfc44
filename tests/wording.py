"""What reads crooked in a text that a report says: each kind by a form, whatever the words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from investigator.claims.document import Document, Listing, Statements
from investigator.readings.languages import word_set

_SINGULAR = re.compile(r"(?<![\d.,:/#-])\b1 ([a-z]+(?: [a-z]+)?)")
_NO_PLURAL = word_set("is was has as its this does less across address class process status ms s")
_CROOKED = {
    "a plural in brackets": re.compile(r"\w\(e?s\)"),
    "two full stops": re.compile(r"(?<!\.)\.\.(?!\.)|…\.|[!?]\.|\.[”\"]\.|\.;"),
    "a stop before a comma": re.compile(r"\.,| ,|,,|;;|::(?=\s)"),
    "a template": re.compile(r"<(?:text|url|path)>|\B#(?=\s|:|$)|# -"),
    "nine-digit seconds": re.compile(r":\d\d\.\d{4,}|\d\.\d{4,} ?(?:s|ms|seconds)\b"),
    "empty advice": re.compile(r"\bLook at [^.:]{1,80}: \w+( \w+)?\."),
    "a printed object": re.compile(r"\{'|\['|': '|\bNone\b|\bnan\b|<\w+ object at"),
    "a missing value": re.compile(r"\(\)(?!\w)|“”|''"),
}
_COUNTED = re.compile(
    r"\b(?:[2-9]|\d{2,}|\d,\d{3}) (?:further |failing |tool |model )?"
    r"(trace|span|call|run|step|finding|fault|control|event|document|message|check)\b(?!-)"
)


def crooked(text: str) -> Iterator[str]:
    """What reads crooked in a text, by its kind."""
    for kind, form in _CROOKED.items():
        found = form.search(text)
        if found is not None:
            yield f"{kind}: …{text[max(0, found.start() - 30) : found.end() + 20]}…"
    for hit in _SINGULAR.finditer(text):
        nouns = hit.group(1).split()
        # Of `1 further finding` and `1 spans of a call` the noun is the first or the second word.
        if nouns[0].endswith("s") and nouns[0] not in _NO_PLURAL and not nouns[0].endswith("ss"):
            yield f"one of many: {hit.group(0)}"
    for hit in _COUNTED.finditer(text):
        yield f"many of one: {hit.group(0)}"


def texts_of(document: Document) -> Iterator[str]:
    """All that a document says in words of ours: its quotes are the trace's."""
    yield document.summary
    yield from document.notes
    for section in document.sections:
        if isinstance(section, Statements):
            for statement in section.statements:
                yield statement.text
                yield from statement.notes
                yield from filter(None, (statement.advice,))
        elif isinstance(section, Listing):
            yield from section.lines
