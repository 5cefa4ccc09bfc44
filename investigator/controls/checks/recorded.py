"""What a step says of the software that ran it: on its own span, one above it, or in metadata."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from investigator.controls.checking import Violation
from investigator.controls.required_evidence import about, is_hidden
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.readings.reading import Readings
from investigator.traces.ancestry import Nearest
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span

_SHOWN = 4
_PREFIXES = ("", "metadata.", "resource.")

PARTLY_RECORDED = 0.6
"""Strength of a breach where some steps say what others of the same trace do not."""


def own_statement(span: Span, keys: Sequence[str]) -> str | None:
    """What the span itself says under one of the keys, as an attribute or in its metadata."""
    metadata = _metadata(span)
    for key in keys:
        texts = (span.text(prefix + key) for prefix in _PREFIXES)
        found = next((text for text in texts if text and text.strip()), None)
        if found is not None:
            return found
        value = metadata.get(key)
        if isinstance(value, str | int | float) and str(value).strip():
            return str(value)
    return None


def _metadata(span: Span) -> dict[str, JsonValue]:
    return json_object(span.text("metadata")) or {}


class StepStatements(NamedTuple):
    """One thing that each of several steps should say, and what each says of it."""

    subject: Readings
    what: str
    said: tuple[tuple[Span, str | None], ...]

    @property
    def silent(self) -> list[Span]:
        """The steps that do not say it."""
        return [span for span, text in self.said if text is None]

    def violations(self) -> Iterator[Violation]:
        """A breach where some steps say it and others do not."""
        silent = self.silent
        if silent and len(silent) < len(self.said):
            shown = [span for span, text in self.said if text is not None][:1]
            line = next(about(self.subject, silent, f"without {self.what}"))
            yield Violation(
                span_id=silent[0].span_id,
                summary=f"{line}, as others have",
                evidence=tuple(map(span_evidence, [*silent[:_SHOWN], *shown])),
                strength=PARTLY_RECORDED,
            )

    def missing(self) -> Iterator[str]:
        """Where no step says it, or it is hidden, nobody can tell."""
        silent = self.silent
        if silent and len(silent) == len(self.said):
            yield f"{self.what} is recorded nowhere"
        hidden = [span for span, text in self.said if is_hidden(text)]
        yield from about(self.subject, hidden, f"whose {self.what} is hidden")


def statements(
    subject: Readings, spans: Iterable[Span], what: str, keys: Sequence[str]
) -> StepStatements:
    """What each of the spans, or one above it, says under the keys."""
    nearest = Nearest(subject.trace.parent, lambda span: own_statement(span, keys))
    said = tuple((span, nearest.of(span)) for span in spans)
    return StepStatements(subject, what, said)
