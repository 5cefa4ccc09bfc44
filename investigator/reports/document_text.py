"""How a report looks in a terminal: a document as a block, many reports as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.claims.document import (
    TONE_SIGNS,
    Document,
    Listing,
    Overview,
    Roll,
    Statement,
    Statements,
    Tone,
    Word,
)
from investigator.claims.report import Report
from investigator.ground.visible import one_visible_line, visible
from investigator.reports.screen_pieces import cell, print_list, print_wrapped, table
from investigator.traces.evidence import EvidenceRef

_COLOURS = {Tone.GOOD: "green", Tone.BAD: "red", Tone.UNSURE: "yellow", Tone.QUIET: "dim"}
_QUOTES_SHOWN = 2
_REFS_SHOWN = 4
_REF_CHARS = 60


def print_document(console: Console, document: Document) -> None:
    """The document as a block, with a blank line after it."""
    subject = document.subject
    title = Text()
    if subject is not None:
        title.append("trace ", "dim").append(one_visible_line(subject), "bold").append("  ")
    verdict = _signed(document.verdict, signs=console.is_terminal)
    title.append(one_visible_line(verdict), f"bold {_colour(document.verdict)}")
    title.append(f"  {_noted(document.notes)}", "dim")
    console.print(title)
    print_wrapped(console, 2, Text(visible(document.summary)))
    for section in document.sections:
        match section:
            case Statements():
                _print_statements(console, section)
            case Listing():
                _print_listing(console, section)
            case Roll():
                _print_roll(console, section)
    console.print()


def overview_table(
    overview: Overview[Report],
    rows: Sequence[tuple[str, str, Report | None]],
    *,
    signs: bool,
) -> Table:
    """One row a run: (its subject, its status, its report where it has one).

    With `signs` what passed and what failed is told apart without its colour too.
    """
    columns = overview.columns
    grid = table(
        "trace", "run", *(column.name for column in columns),
        right=[column.name for column in columns if column.is_number], ids=("began at",),
    )  # fmt: skip
    for subject, status, report in rows:
        if report is None:
            grid.add_row(cell(subject), cell(status, "red"), *[cell(None)] * len(columns))
        else:
            words = (_cell(word, signs=signs) for word in overview.row(report))
            grid.add_row(cell(subject), cell(status), *words)
    return grid


def _cell(word: Word, *, signs: bool) -> Text:
    text = _signed(word, signs=signs) if word.text else None
    return cell(text, "" if word.tone is None else f"bold {_colour(word)}")


def _signed(word: Word, *, signs: bool) -> str:
    """A word with the sign of its tone, for a terminal; programs get the word alone."""
    sign = TONE_SIGNS[word.tone] if signs and word.tone is not None else ""
    return f"{sign} {word.text or ''}".strip()


def _colour(word: Word) -> str:
    return "" if word.tone is None else _COLOURS[word.tone]


def _print_statements(console: Console, section: Statements) -> None:
    if section.title and section.statements:
        notes = f" ({_noted(section.notes)})" if section.notes else ""
        title = one_visible_line(section.title)
        print_wrapped(console, 2, Text.assemble((title, "bold"), (notes, "dim")))
    for statement in section.statements[: section.shown]:
        _print_statement(console, statement)
    _print_rest(console, len(section.statements), section.shown, section.noun)


def _print_statement(console: Console, statement: Statement) -> None:
    """Named statements have their text below them; others are one line."""
    notes = [*statement.notes]
    if statement.confidence is not None:
        notes.append(f"confidence {statement.confidence:.2f}")
    if statement.by_model:
        notes.append("judged by a model")
    place = f" at {one_visible_line(statement.place)}" if statement.place else ""
    aside = place + (f" ({_noted(notes)})" if notes else "")
    if statement.name:
        name = one_visible_line(statement.name)
        first = Text.assemble(_bullet(statement), (name, "bold"), (aside, "dim"))
        print_wrapped(console, 2, first)
        print_wrapped(console, 5, Text(one_visible_line(statement.text, 300)))
        for quote in statement.quotes[:_QUOTES_SHOWN]:
            print_wrapped(console, 5, Text(f"“{one_visible_line(quote, 200)}”", style="italic"))
        _print_evidence(console, statement.evidence, len(statement.evidence), None)
    else:
        text = one_visible_line(statement.text, 400)
        print_wrapped(console, 2, Text.assemble(_bullet(statement), text, (aside, "dim")))
        _print_evidence(console, statement.evidence, _REFS_SHOWN, _REF_CHARS)
    if statement.advice is not None:
        to_do = f"to do: {one_visible_line(statement.advice, 300)}"
        print_wrapped(console, 5, Text(to_do, style="dim"))


def _bullet(statement: Statement) -> str | tuple[str, str]:
    if statement.word is not None:
        return (f"{one_visible_line(statement.word.text or '')} ", _colour(statement.word))
    return "- " if statement.rank is None else f"{statement.rank}. "


def _print_evidence(
    console: Console, refs: Sequence[EvidenceRef], shown: int, chars: int | None
) -> None:
    if refs:
        named = ", ".join(one_visible_line(ref.ref, chars or 120) for ref in refs[:shown])
        more = f" and {len(refs) - shown} more" if len(refs) > shown else ""
        print_wrapped(console, 5, Text(f"evidence: {named}{more}", style="dim"))


def _print_listing(console: Console, section: Listing) -> None:
    print_list(console, section.title, section.lines[: section.shown])
    _print_rest(console, len(section.lines), section.shown, section.noun)


def _print_rest(console: Console, count: int, shown: int | None, noun: str) -> None:
    if shown is not None and count > shown:
        rest = f"… and {count - shown} more {noun} (--json has all)"
        print_wrapped(console, 2, Text(rest, style="dim"))


def _print_roll(console: Console, roll: Roll) -> None:
    if roll.names:
        word = (f"{one_visible_line(roll.word.text or '')} ", _colour(roll.word))
        print_wrapped(console, 2, Text.assemble(word, _noted(roll.names)))


def _noted(notes: Sequence[str]) -> str:
    return one_visible_line(", ".join(notes))
