"""A quotation is checked verbatim: its words stand in the text that the reference names.

Compared is what a planner was shown: the text without its secrets, with tracebacks and JSON folded
or not, whatever its line breaks. A step is one thing to whoever reads it, so a quotation may stand
in any text of the step. What hides the words (a redaction mark) is no quotation, nor is a text so
short that it stands anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.readings.excerpts import texts_cited
from investigator.readings.folding import folded
from investigator.readings.quoting import Quoting
from investigator.readings.steps import Step
from investigator.traces.evidence import EvidenceRef, Quoted, place_of
from investigator.traces.model import REDACTED, Trace

LEAST_BYTES = 8
"""Fewer bytes of words than these, as UTF-8, stand in too many texts to show anything."""

_SPACE = re2.compile(r"\s+")
_HIDDEN = re2.compile(r"\[REDACTED:[A-Za-z0-9_.-]{1,40}\]|" + REDACTED)
_LEFT_OUT = re2.compile(r"…(?:\([\d,]+ more\)…)?|\.\.\.|\[…\]")


class Quotations:
    """Checks quotations from one trace."""

    def __init__(self, trace: Trace, steps: tuple[Step, ...], quote: Quoting) -> None:
        self._trace = trace
        self._steps = steps
        self._quote = quote

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:
        """The reference in whose text the words stand: the one given, or another of its step."""
        parts = [part for part in map(_bare, _LEFT_OUT.split(words)) if part]
        said = "".join(parts)
        if not said and _HIDDEN.search(words):
            return Quoted(None, "quotes what is hidden")
        texts = list(self._texts(ref))
        if len(said.encode("utf-8", "replace")) < LEAST_BYTES and not any(
            said and said == _bare(text) for _, text in texts
        ):
            return Quoted(None, "is too short to show anything")
        for found, text in texts:
            if any(_stand_in(parts, _bare(form)) for form in (text, folded(text))):
                return Quoted(found)
        return Quoted(None, "does not stand there word for word")

    def _texts(self, ref: EvidenceRef) -> Iterator[tuple[EvidenceRef, str]]:
        """Every text that whoever cites the reference may mean, without its secrets."""
        for one in self._same_step.get(place_of(ref), (ref,)):
            for text in texts_cited(one, self._trace):
                yield one, self._quote.whole(text)

    @cached_property
    def _same_step(self) -> dict[str, tuple[EvidenceRef, ...]]:
        found: dict[str, dict[EvidenceRef, None]] = {}
        for step in self._steps:
            for ref in step.evidence:
                found.setdefault(place_of(ref), {ref: None}).update(dict.fromkeys(step.evidence))
        return {place: tuple(refs) for place, refs in found.items()}


def _bare(text: str) -> str:
    """The words without what parts them, and without marks of what is hidden."""
    return str(_SPACE.sub("", _HIDDEN.sub("", text)))


def _stand_in(parts: list[str], text: str) -> bool:
    """Whether the parts stand in a text, in their order."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return bool(parts)
