"""A report as a reader wants it, free of any form: renderers show it, and know no engine.

A document has one verdict, a summary, and sections in the order in which they are read. Texts
are plain and already redacted; where a reader gets less than all, the renderer says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from investigator.traces.evidence import EvidenceRef

ReportT = TypeVar("ReportT")


class Tone(StrEnum):
    """How a word is meant, for whoever gives it a colour."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    QUIET = "quiet"


TONE_SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.UNSURE: "?", Tone.QUIET: "–"}
"""What tells them apart where colours do not."""


class Word(NamedTuple):
    """A verdict, a status or a cell of a table; None is a dash."""

    text: str | None
    tone: Tone | None = None


class PathStep(NamedTuple):
    """A step of the run, by its number (None where the span is no step), its span and its agent."""

    step: int | None
    span_id: str
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One claim: what it names, where, how sure, what it says, what shows it, what to do.

    `quotes` are short excerpts of the evidence, redacted; `path` leads from where a fault began to
    where it surfaced.

    `rank` (from 1) or `word` stands before the `name`. `notes` are short qualifications such as
    a severity. `confidence` is from 0 to 1, None where the report gives none.
    """

    name: str = ""
    text: str
    rank: int | None = None
    word: Word | None = None
    place: str = ""
    notes: tuple[str, ...] = ()
    confidence: float | None = None
    path: tuple[PathStep, ...] = ()
    quotes: tuple[str, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()
    advice: str | None = None
    by_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Claims under one title; most readers want the first `shown`."""

    title: str = ""
    notes: tuple[str, ...] = ()
    statements: tuple[Statement, ...]
    shown: int | None = None
    noun: str = "findings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Plain lines under one title; most readers want the first `shown`."""

    title: str
    lines: tuple[str, ...]
    shown: int | None = None
    noun: str = "lines"


@dataclass(frozen=True, slots=True)
class Roll:
    """Names that share one word: the controls that passed."""

    word: Word
    names: tuple[str, ...]


Section: TypeAlias = Statements | Listing | Roll


class Bar(NamedTuple):
    """One bar of a figure: `part` of its whole length, from 0 to 1, and what it stands for."""

    label: str
    amount: str
    part: float
    tone: Tone | None = None


class BarFigure(NamedTuple):
    """Amounts beside each other."""

    title: str
    bars: tuple[Bar, ...]


class TimeMark(NamedTuple):
    """What happened, and when: `at` is from 0, the begin of its figure, to 1."""

    at: float
    label: str


class TimeFigure(NamedTuple):
    """Moments in order, between two times."""

    title: str
    begin: str
    end: str
    moments: tuple[TimeMark, ...]


Figure: TypeAlias = BarFigure | TimeFigure


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report for a reader. `subject` is the trace it is about, None for a window of many.

    `figures` show what sections say, in forms that can show them.
    """

    subject: str | None
    verdict: Word
    notes: tuple[str, ...] = ()
    summary: str
    sections: tuple[Section, ...] = ()
    figures: tuple[Figure, ...] = ()


class Column(NamedTuple):
    """One column of the table that shows many reports, one a row."""

    name: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Overview(Generic[ReportT]):
    """How many reports of one engine stand in a table: its columns, and a report's row."""

    columns: tuple[Column, ...]
    row: Callable[[ReportT], tuple[Word, ...]]
