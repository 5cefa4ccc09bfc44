"""The figures of the explanation, drawn from runs over the bundled samples.

Nothing in a figure depends on the machine: no time, no id of a run, no hash of a line.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from documentation.svg import (
    BLUE,
    CHARACTER,
    GREEN,
    INK,
    LINE,
    PALE,
    RED,
    SOFT,
    area,
    arrow,
    line,
    mono,
    picture,
    rect,
    shortened,
    text,
)
from investigator import RCA, Incident, RCAReport, Settings, investigate
from investigator.runtime.events import (
    Entry,
    OpenedScope,
    ScopeClosed,
    ScopesOpened,
    ToolHeld,
    TurnHeld,
)
from investigator.runtime.journal import read_entries
from investigator.runtime.ledger import Ledger
from investigator.samples import SAMPLE_TRACES

FAILED = "617fdb16cf685c234f3ef3cfbe54acd9"
"""The trip planner's run, which failed."""
ACQUITTED = "814eda3c0328aae5cc3296644c33bd73"
"""The weather agent's run, which did its task."""
_TURNS = 0
"""The place of planner turns in `Amounts`."""
_CHAINED = 12
"""Events that fit in the figure of the journal."""


def figures() -> Mapping[str, str]:
    """Every figure, by its path below `docs/`."""
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(runs_dir=Path(name) / "runs", cache_dir=Path(name) / "cache")
        failed = investigate(str(SAMPLE_TRACES), RCA(trace_id=FAILED), settings)
        passed = investigate(str(SAMPLE_TRACES), RCA(trace_id=ACQUITTED), settings)
        dossier = investigate(str(SAMPLE_TRACES), Incident(), settings)
        assert failed.report is not None
        assert passed.report is not None
        window = read_entries(dossier.run_dir)
        return {
            "images/pool.svg": pool_figure(window, dossier.record.runtime_ref.budget.iterations),
            "images/scopes.svg": scopes_figure(window),
            "images/journal.svg": journal_figure(read_entries(failed.run_dir)),
            "images/evidence.svg": evidence_figure(failed.report),
            "images/acquittal.svg": acquittal_figure(passed.report),
        }


class _Point(NamedTuple):
    """The pool after an event: turns that were spent, and those that were set aside."""

    spent: int
    aside: int


def _balances(entries: Sequence[Entry]) -> Iterator[_Point]:
    ledger = Ledger()
    for entry in entries:
        ledger.post(entry.event)
        spent = ledger.pool.settled()[_TURNS]
        yield _Point(spent, ledger.pool.used("0")[_TURNS] - spent)


def pool_figure(entries: Sequence[Entry], limit: int | None) -> str:
    """Planner turns of a run over its events: spent, set aside, free."""
    points = list(_balances(entries))
    assert limit is not None
    left, top, width, height = 60, 56, 600, 200
    across = width / len(points)
    up = height / limit

    def outline(values: Sequence[int]) -> list[tuple[float, float]]:
        levels = [top + height - value * up for value in values]
        # A balance holds until the next event: steps, not slopes.
        steps = [(left + (n + k) * across, y) for n, y in enumerate(levels) for k in (0, 1)]
        return [(left, top + height), *steps, (left + width, top + height)]

    both = [point.spent + point.aside for point in points]
    parts = [
        text(20, 28, "Planner turns of one incident run, event by event", bold=True, size=15),
        rect(left, top, width, height, "#f4f4f6", LINE),
        area(outline(both), PALE),
        area(outline([point.spent for point in points]), BLUE),
        text(left - 8 - CHARACTER * len(str(limit)), top + 10, str(limit), colour=SOFT),
        text(left - 16, top + height, "0", colour=SOFT),
        text(left, top + height + 20, "first event", colour=SOFT),
        text(left + width - 66, top + height + 20, "last event", colour=SOFT),
    ]
    legend = (
        (BLUE, f"spent: {points[-1].spent} at the end"),
        (
            PALE,
            f"set aside for open scopes: at most {max(p.aside for p in points)}",
        ),
        ("#f4f4f6", "free for all"),
    )
    x = float(left)
    for colour, words in legend:
        parts += [rect(x, 296, 12, 12, colour, LINE), text(x + 18, 307, words)]
        x += 40 + 6.4 * len(words)
    return picture(690, 325, "How a run draws on its budget pool", parts)


def scopes_figure(entries: Sequence[Entry]) -> str:
    """What each scope of a run was guaranteed, and what it used."""
    scopes = [
        scope for e in entries if isinstance(e.event, ScopesOpened) for scope in e.event.scopes
    ]
    ledger = Ledger()
    for entry in entries:
        ledger.post(entry.event)
    own = [scope for scope in scopes if scope.scope != "0"]
    most = max([*(s.floor[_TURNS] for s in own), *(ledger.pool.used(s.scope)[_TURNS] for s in own)])
    unit = 280 / most
    parts = [
        text(
            20, 28, "Scopes of the run: what each was guaranteed, what it used", bold=True, size=15
        )
    ]
    for number, scope in enumerate(own):
        used = ledger.pool.used(scope.scope)[_TURNS]
        y = 50 + 26 * number
        parts += [
            mono(20 + 14 * (scope.depth - 1), y + 13, scope.scope),
            text(90, y + 13, _role(scope), colour=SOFT),
            rect(320, y, scope.floor[_TURNS] * unit, 17, PALE),
            rect(320, y + 4, used * unit, 9, BLUE),
            text(330 + max(used, scope.floor[_TURNS]) * unit, y + 13, f"{used} turns"),
        ]
    y = 68 + 26 * len(own)
    parts += [rect(90, y, 12, 12, PALE), text(108, y + 11, "guaranteed (floor)")]
    parts += [
        rect(300, y, 12, 12, BLUE),
        text(318, y + 11, "used; what is left over is free for all"),
    ]
    return picture(690, y + 30, "Floors and use of the scopes of a run", parts)


def _role(scope: OpenedScope) -> str:
    if scope.synthesis:
        return "synthesis, opened first, run last"
    return "a representative trace" if scope.opened_by == "engine" else "a child, by the planner"


def journal_figure(entries: Sequence[Entry]) -> str:
    """The first events of a run, each chained to the one before."""
    parts = [
        text(20, 28, "The first events of a run, as they stand in events.jsonl", bold=True, size=15)
    ]
    for number, entry in enumerate(entries[:_CHAINED]):
        y = 48 + 30 * number
        parts += [
            rect(60, y, 600, 23, "#f4f4f6", LINE),
            mono(70, y + 16, f"{entry.seq:>2}"),
            mono(105, y + 16, entry.event.scope, colour=SOFT),
            mono(165, y + 16, entry.event.type, colour=BLUE),
            text(310, y + 16, shortened(_said(entry), 52), colour=SOFT),
        ]
        if number:
            parts += [line(40, y - 18, 40, y + 11), line(40, y - 18, 60, y - 18)]
            parts += [arrow(40, y + 11, 60)]
    y = 48 + 30 * _CHAINED
    parts += [
        text(
            60,
            y + 14,
            f"… {len(entries) - _CHAINED} more. Each line ends with the sha256 of the line",
        ),
        text(
            60,
            y + 32,
            "before it and of itself, so no line can be changed, dropped or moved unseen.",
        ),
    ]
    return picture(690, y + 48, "The journal of a run", parts)


def _said(entry: Entry) -> str:
    match entry.event:
        case ScopesOpened(scopes=scopes):
            return f"opens {', '.join(one.scope for one in scopes)}, with a floor and a reserve"
        case TurnHeld(amounts=amounts):
            return f"reserves {amounts[_TURNS]} turn before the planner is asked"
        case ToolHeld(tool_name=name):
            return f"reserves a tool call: {name}"
        case ScopeClosed(status=status):
            return f"ends: {status}"
        case _:
            return {
                "run_opened": "source, question, limits, planner",
                "turn_settled": "books what the turn used, keeps the reply",
                "tool_settled": "books the call, keeps the redacted page",
            }.get(entry.event.type, "")


def evidence_figure(report: RCAReport) -> str:
    """A finding, its references, and what each says in the trace."""
    finding = report.findings[0]
    said = {excerpt.ref: excerpt.text for excerpt in finding.excerpts}
    parts = [
        text(20, 28, "A claim, its references, and what they resolve to", bold=True, size=15),
        rect(20, 48, 210, 92, "#fdecea", RED),
        text(32, 70, f"1. {finding.category}", bold=True),
        text(32, 92, shortened(finding.description, 27)),
        text(32, 126, f"confidence {finding.confidence:.2f}", colour=SOFT),
    ]
    for number, ref in enumerate(finding.evidence_refs):
        y = 48 + 62 * number
        parts += [
            arrow(230, y + 22, 262) if number < 2 else line(246, 92, 246, y + 22),
            rect(262, y, 408, 50, "#f4f4f6", LINE),
            mono(272, y + 19, ref.ref, colour=BLUE),
            mono(
                272,
                y + 38,
                shortened(
                    said.get(ref.ref, f"{ref.kind.replace('_', ' ').lower()}, no excerpt kept"), 50
                ),
            ),
            text(655, y + 19, "✓", colour=GREEN, bold=True),
        ]
        if number >= 2:
            parts.append(arrow(246, y + 22, 262))
    y = 64 + 62 * max(len(finding.evidence_refs), 2)
    parts += [
        text(
            20,
            y,
            "✓ resolves in the trace, and the sha256 of its whole text is the one in the report.",
        ),
        text(
            20,
            y + 19,
            "A confidence of 0.5 or more needs two references that different steps produced.",
        ),
    ]
    return picture(690, y + 34, "How evidence is checked", parts)


def acquittal_figure(report: RCAReport) -> str:
    """The checks that a run passed to be called free of failure."""
    parts = [
        text(20, 28, "What “no failure” rests on: the weather agent's run", bold=True, size=15)
    ]
    for number, check in enumerate(report.checks):
        y = 54 + 25 * number
        mark, colour = (
            ("✓", GREEN) if check.met else ("–", SOFT) if check.met is None else ("✗", RED)
        )
        parts += [
            text(24, y, mark, colour=colour, bold=True),
            text(46, y, check.name, colour=INK),
            text(384, y, shortened(check.looked_at, 46), colour=SOFT, size=12),
        ]
    y = 62 + 25 * len(report.checks)
    parts.append(
        text(24, y, f"All of them: no_failure, confidence {report.confidence:.2f}.", bold=True)
    )
    return picture(690, y + 20, "The checks of an acquittal", parts)
