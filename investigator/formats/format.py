"""A format is one value: how a record of it is known, and how it is decoded.

A record is a JSON object: a span, a trace with its spans, a transcript, a request. Which format it
has is decided by looking at the record, never at a file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span

Record = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """How a plug-in's traces are put together that are written as many lines."""

    is_line: Callable[[Record], bool]
    """Whether a record is a line; it is asked of any JSON object that no built-in format knows."""

    records: Callable[[Sequence[Record], str], Iterable[Record]]
    """The records, as the format's `decode` takes them, that all lines of a file are.

    The text is the name that a trace without an id of its own goes by.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of trace files; a plug-in names its own under `investigator.formats`."""

    name: str
    """What one record is, for messages: "LangSmith run"."""

    reads: str
    """What is read, for people, in Markdown: a row of the README's table."""

    looks_like: Callable[[Record], bool]
    """Whether a record is of this format, by what its decoder must find in it.

    It is asked of any JSON object at all, and answers without raising.
    """

    decode: Callable[[Record, str], Iterable[Span | Evaluation | None]]
    """The spans of a record, in its order, and None for each item of it that is no span.

    Verdicts that the record gives beside its spans come as evaluations, anywhere among them; those
    that a span carries as events or attributes are read from the span. One that names no trace is
    of the span that it names.

    The text is the name that a record without an id of its own goes by. A span that the record
    gives no id has an empty one: nothing is invented.
    """

    files: tuple[str, ...] = ("JSON", "JSONL")
    """The kinds of files that records of this format are read from."""

    columns: tuple[str, ...] = ()
    """The columns by which a Parquet file of its rows is known; the first holds the trace's id."""

    lines: Lines | None = None
    """For a plug-in: how lines become records, where a trace is many of them."""

    transcript: bool = False
    """Whether a record is a whole conversation under an id that another may have too.

    Benchmarks number the samples of each file from one; such records are kept apart.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Lines that are one trace, or several that stand in one file."""

    format: Format
    """What reads the records that lines are put together to."""

    is_line: Callable[[Record], bool]
    """Whether a record is a line; it is asked of any JSON object, and answers without raising."""

    records: Callable[[Sequence[Record], str], Iterable[Record]]
    """The records that the lines of a file are; the text is the file's stem."""

    alone: bool = True
    """Whether a line is unmistakable, so that one is enough.

    Lines that are like other things too must be most of a file that holds no spans.
    """
