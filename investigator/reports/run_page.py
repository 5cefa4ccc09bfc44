"""All that a page shows of one run: its report, its scopes, what it spent, and the trace beside it.

The trace is read again where the source still holds the same; else the page says so, and has the
excerpts that the report keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from investigator.claims.document import Listing, Statement, Statements
from investigator.errors import InvestigatorError, RunNotFound
from investigator.readings.reading import Readings
from investigator.reports.page_trace import PageTrace
from investigator.reports.run_report import RunReport
from investigator.runs.investigation import Options, source_of
from investigator.runs.run_store import folder_of, read_record
from investigator.runtime.budget import Amounts
from investigator.runtime.journal import read_entries
from investigator.runtime.record import RunRecord, SubcallRecord
from investigator.runtime.spending import spending
from investigator.traces.evidence import place_of

_POINTS = 200
"""Points of a burn-down: more than a screen can tell apart."""
_RESOURCES = {
    "iterations": ("turns", 1.0),
    "tool_calls": ("tool calls", 1.0),
    "subcalls": ("subcalls", 1.0),
    "tokens": ("tokens", 1.0),
    "cost": ("cost in USD", 1e-6),
}


@dataclass(frozen=True, slots=True)
class BurnDown:
    """What was left of a resource over the run: `line` in a box of 100 × 40, from the left top."""

    name: str
    limit: str
    used: str
    part: float
    line: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What is known of a run besides its report."""

    record: RunRecord
    scopes: tuple[SubcallRecord, ...]
    burn_downs: tuple[BurnDown, ...]
    seconds: float
    trace: PageTrace | None
    why_no_trace: str | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A report, and the run that made it where it is known."""

    report: RunReport
    detail: RunDetail | None = None

    @property
    def to_do(self) -> str | None:
        """What to do first."""
        return first_advice(self.report)


def page_of(report: RunReport, runs_dir: Path, cache_dir: Path | None = None) -> RunPage:
    """A report with its run, as far as the runs folder and the source have it."""
    if report.run_id is None:
        return RunPage(report)
    try:
        run_dir = folder_of(report.run_id, runs_dir)
        record = read_record(report.run_id, runs_dir)
    except RunNotFound:
        return RunPage(report)
    trace, why = _trace_of(report, run_dir, cache_dir)
    entries = read_entries(run_dir)
    spent = spending(entries)
    return RunPage(
        report,
        RunDetail(
            record=record,
            scopes=record.runtime_ref.subcall_metadata,
            burn_downs=tuple(_burn_downs(record, [(one.seconds, one.used) for one in spent])),
            seconds=spent[-1].seconds if spent else 0.0,
            trace=trace,
            why_no_trace=why,
        ),
    )


def first_advice(report: RunReport) -> str | None:
    """The first thing to do that a document names."""
    for section in () if report.document is None else report.document.sections:
        if isinstance(section, Listing) and section.title == "what to do" and section.lines:
            return section.lines[0]
        if isinstance(section, Statements):
            advised = (one.advice for one in section.statements if one.advice)
            advice = next(advised, None)
            if advice is not None:
                return advice
    return None


def statements_of(report: RunReport) -> Sequence[Statement]:
    """The claims of a document, in the order in which they are numbered on a page."""
    sections = () if report.document is None else report.document.sections
    return [one for s in sections if isinstance(s, Statements) for one in s.statements]


def _cited(report: RunReport) -> Mapping[str, tuple[int, ...]]:
    """The numbers of the claims that cite a place."""
    found: dict[str, tuple[int, ...]] = {}
    for number, statement in enumerate(statements_of(report), 1):
        for ref in statement.evidence:
            place = place_of(ref)
            if number not in found.get(place, ()):
                found[place] = (*found.get(place, ()), number)
    return found


def _trace_of(
    report: RunReport, run_dir: Path, cache_dir: Path | None
) -> tuple[PageTrace | None, str | None]:
    """The trace of a run about one, if the source still holds what the run read."""
    trace_id = None if report.document is None else report.document.subject
    if trace_id is None:
        return None, None
    try:
        with source_of(run_dir, cache_dir) as (opened, api):
            trace = api.get_trace(trace_id)
            if trace.content_hash != opened.dataset_ref.dataset_hash:
                return None, "the trace has changed since the run; the excerpts are the report's"
            redactor = Options.model_validate_json(opened.options).redactor
            return PageTrace(Readings(trace, redactor), _cited(report)), None
    except InvestigatorError as error:
        return None, f"the source cannot be read any more ({error}); the excerpts are the report's"


def _burn_downs(record: RunRecord, spent: Sequence[tuple[float, Amounts]]) -> list[BurnDown]:
    limits = record.runtime_ref.budget.limits
    seconds = max(spent[-1][0], 1e-9) if spent else 1.0
    found = []
    for place, name in enumerate(Amounts._fields):
        title, unit = _RESOURCES[name]
        limit, used = limits[place], spent[-1][1][place] if spent else 0
        if not used and not limit:
            continue
        most = limit or used
        kept = spent[:: max(1, len(spent) // _POINTS)] if spent else []
        points = [(s, u[place]) for s, u in [*kept, *spent[-1:]]]
        found.append(
            BurnDown(
                name=title,
                limit="no limit" if limit is None else f"{limit * unit:,.10g}",
                used=f"{used * unit:,.10g}",
                part=min(1.0, used / most),
                line=_stairs(points, seconds, most),
            )
        )
    return found


def _stairs(points: Sequence[tuple[float, int]], seconds: float, most: int) -> str:
    """The points of an SVG line that goes down where something is used."""
    drawn, last = ["0,0"], 0.0
    for moment, used in points:
        x, y = 100 * moment / seconds, 40 * min(1.0, used / most)
        drawn += [f"{x:.1f},{last:.1f}", f"{x:.1f},{y:.1f}"]
        last = y
    return " ".join([*drawn, f"100,{last:.1f}"])
