"""A page is bounded by construction and redacted before it is cut.

Whatever a trace holds, `answer_rows` and `answer_text` give at most `PAGE_CHARS` characters of
canonical JSON. A text is redacted whole, then shown in part: so no cut can bring a secret to
light, and an offset always counts characters of the redacted text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_json
from investigator.ground.redaction import Redacted, Redactor
from investigator.runtime.tools import Cite, ToolAnswer
from investigator.traces.evidence import EvidenceRef

PAGE_CHARS = 6000
"""The most that a page takes, in characters of canonical JSON."""

TEXT_CHARS = 5000
"""The most that one text takes on a page that shows one text."""

NEARLY = 10
"""What fits but for a tenth is shown whole: a remainder of a few words would cost a turn."""

_ROWS_CHARS = 5000
_SHORT = 120
_CITATION_CHARS = 24

JsonObject: TypeAlias = dict[str, JsonValue]
_Seen: TypeAlias = dict[tuple[str, str], Redacted]
"""Texts as they were redacted, by the field that they stand in, where that is known."""

_T = TypeVar("_T")


class TextPart(NamedTuple):
    """A part of a text; `next_offset` is None where it reaches the end."""

    text: str
    length: int
    next_offset: int | None


class Lens:
    """How texts are seen: redacted, or (without a redactor) as they are.

    `redactions` counts the places replaced in what was shown through this lens. `seen` is
    shared by the lenses of one answer, so that a text is redacted once.
    """

    def __init__(self, redactor: Redactor | None, seen: _Seen | None = None) -> None:
        self._redactor = redactor
        self._known = {} if seen is None else seen
        self.redactions = 0

    def window(
        self, text: str, *, offset: int = 0, chars: int = TEXT_CHARS, field: str = ""
    ) -> TextPart:
        """As much of the text from `offset` as takes `chars` of JSON, or a tenth more."""
        seen = self._seen(text, field)
        part = _fitting(seen.text, offset, chars + chars // NEARLY)
        if offset + len(part) < len(seen.text):
            part = _fitting(seen.text, offset, chars)
        end = offset + len(part)
        self.redactions += sum(cut.new_start < end and cut.new_end > offset for cut in seen.cuts)
        more = end < len(seen.text) and offset < len(seen.text)
        return TextPart(part, len(seen.text), end if more else None)

    def whole(self, text: str) -> str:
        """All of a text."""
        seen = self._seen(text, "")
        self.redactions += len(seen.cuts)
        return seen.text

    def short(self, text: str, *, chars: int = _SHORT) -> str:
        """The start of a text, with `…` where it goes on."""
        window = self.window(text, chars=chars)
        return window.text if window.next_offset is None else f"{window.text}…"

    def excerpt(self, text: str, *, offset: int = 0, chars: int, field: str = "") -> JsonObject:
        """A window as fields of a row: what is not needed is left out."""
        window = self.window(text, offset=offset, chars=chars, field=field)
        shown: JsonObject = {"text": window.text}
        if window.next_offset is not None or offset:
            shown |= {"length": window.length, "next_offset": window.next_offset}
        return shown

    def around(
        self, text: str, position: int, *, before: int, chars: int, field: str = ""
    ) -> JsonObject:
        """A window that begins `before` characters before a position of the original."""
        seen = self._seen(text, field)
        first = max(seen.place_of(position) - before, 0)
        window = self.window(text, offset=first, chars=chars, field=field)
        return {"offset": first, "text": window.text}

    def _seen(self, text: str, field: str) -> Redacted:
        if self._redactor is None:
            return Redacted(text)
        if (field, text) not in self._known:
            self._known[field, text] = self._redactor.redact(text, field=field)
        return self._known[field, text]


@dataclass(frozen=True, slots=True)
class Rows(Generic[_T]):
    """What a page of rows is made of.

    `items` are the rows from the asked offset on; `total` is None where it is not known. `row`
    and `head` say how they look; both are short by their own making. `in_part` says of a shown row
    whether it has only a part of what it names; with `evidence` None a row is a place to look at.
    All of them take `chars` of JSON at most, or the first alone.
    """

    items: Sequence[_T]
    row: Callable[[_T, Lens], JsonObject]
    evidence: Callable[[_T], EvidenceRef | None]
    offset: int
    total: int | None = None
    head: Callable[[Lens], JsonObject] = lambda _: {}
    in_part: Callable[[JsonObject], bool] = lambda _: False
    chars: int = _ROWS_CHARS


def answer_rows(rows: Rows[_T], *, redactor: Redactor, cite: Cite) -> ToolAnswer:
    """As many rows as fit, each with the short id of its evidence, and where to go on.

    A page of a list that goes on at the offset has a row at least.
    """
    seen: _Seen = {}
    lens = Lens(redactor, seen)
    head = rows.head(lens)
    shown: list[JsonObject] = []
    redactions, used = lens.redactions, len(canonical_json(head))
    for item in rows.items:
        lens = Lens(redactor, seen)
        fields = rows.row(item, lens)
        used += len(canonical_json(fields)) + _CITATION_CHARS
        if shown and used > rows.chars:
            break
        shown.append(fields)
        redactions += lens.redactions
    read = rows.items[: len(shown)]
    ids = [
        _cited(rows.evidence(item), cite, in_part=rows.in_part(fields))
        for item, fields in zip(read, shown, strict=True)
    ]
    plain = Lens(None)
    original = [rows.row(item, plain) for item in read]
    rest = _rest(rows, len(shown))
    return ToolAnswer(
        page={**head, "rows": _with_ids(shown, ids), **rest},
        original_hash=sha256_json({**rows.head(plain), "rows": _with_ids(original, ids), **rest}),
        redactions=redactions,
    )


def _rest(rows: Rows[_T], shown: int) -> JsonObject:
    more = rows.offset + shown if shown < len(rows.items) else None
    place: JsonObject = {"offset": rows.offset} if rows.total is None else {"total": rows.total}
    return {**place, "next_offset": more}


def answer_text(
    show: Callable[[Lens], JsonObject], *, ref: EvidenceRef, redactor: Redactor, cite: Cite
) -> ToolAnswer:
    """One object with the short id of its evidence; `show` keeps within `TEXT_CHARS`."""
    lens = Lens(redactor)
    own: JsonObject = {"evidence": _cited(ref, cite)}
    return ToolAnswer(
        page={**show(lens), **own},
        original_hash=sha256_json({**show(Lens(None)), **own}),
        redactions=lens.redactions,
    )


def shows_a_part(row: JsonObject) -> bool:
    """Whether a row shows a part of its text: then it says how long the whole is."""
    return "length" in row


def _cited(ref: EvidenceRef | None, cite: Cite, *, in_part: bool = False) -> str | None:
    if ref is None:
        return None
    shown = ref.model_dump(mode="json")
    return cite(shown, in_part=True) if in_part else cite(shown)


def _with_ids(rows: Sequence[JsonObject], ids: Sequence[str | None]) -> list[JsonValue]:
    return [
        row if evidence is None else {**row, "evidence": evidence}
        for row, evidence in zip(rows, ids, strict=True)
    ]


def _fitting(text: str, offset: int, chars: int) -> str:
    """The longest start of `text[offset:]`, nearly, whose JSON takes at most `chars`."""
    part = text[offset : offset + chars]
    while (needed := len(json.dumps(part, ensure_ascii=False)) - 2) > chars:
        part = part[: min(len(part) * chars // needed, len(part) - 1)]
    return part
