"""A dossier as figures: when it happened, in which components, for whom, from which level to which.

They say nothing that the document does not say in words.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.claims.document import Bar, BarFigure, Figure, TimeFigure, TimeMark, Tone
from investigator.ground.wording import counted, shown_time
from investigator.incident.report import IncidentDossier, PatternSeen, ShiftSeen
from investigator.traces.model import parse_time

_MOMENTS = 40
"""More rows than that are read in the list below, not in a figure."""
_BARS = 12


def figures_of(dossier: IncidentDossier) -> tuple[Figure, ...]:
    """Those that have something to show."""
    return tuple(_figures(dossier))


def _figures(dossier: IncidentDossier) -> Iterator[Figure]:
    if len(dossier.timeline) > 1:
        yield _timeline(dossier)
    if dossier.impacted_components:
        whole = max(1, dossier.window.traces)
        bars = tuple(
            Bar(
                f"{c.name} ({c.service})" if c.service else c.name,
                counted(c.traces, "trace"),
                min(1.0, c.traces / whole),
                Tone.BAD,
            )
            for c in dossier.impacted_components[:_BARS]
        )
        yield BarFigure(f"failing components, of {counted(dossier.window.traces, 'trace')}", bars)
    if dossier.shifts:
        bars = tuple(bar for one in dossier.shifts[: _BARS // 2] for bar in _levels(one))
        yield BarFigure("levels before and after", bars)
    if dossier.patterns:
        bars = tuple(bar for one in dossier.patterns[: _BARS // 2] for bar in _shares(one))
        yield BarFigure("bad runs there and elsewhere", bars)


def _timeline(dossier: IncidentDossier) -> TimeFigure:
    events = dossier.timeline[:_MOMENTS]
    times = [parse_time(event.timestamp) for event in events]
    length = max(1, times[-1] - times[0])
    return TimeFigure(
        title="when it happened",
        begin=shown_time(events[0].timestamp),
        end=shown_time(events[-1].timestamp),
        moments=tuple(
            TimeMark((time - times[0]) / length, f"{shown_time(event.timestamp)}  {event.event}")
            for time, event in zip(times, events, strict=True)
        ),
    )


def _levels(shift: ShiftSeen) -> Iterator[Bar]:
    most = max(abs(shift.before), abs(shift.after)) or 1.0
    what = f"{shift.measure} in {shift.slice}" if shift.slice else shift.measure
    tone = Tone.BAD if shift.worse else Tone.GOOD
    for when, level, shown in (("before", shift.before, None), ("after", shift.after, tone)):
        amount = f"{level:.4g} {shift.unit}".rstrip()
        yield Bar(f"{what}, {when}", amount, abs(level) / most, shown)


def _shares(pattern: PatternSeen) -> Iterator[Bar]:
    for where, bad, runs, tone in (
        (pattern.place, pattern.bad_there, pattern.runs_there, Tone.BAD),
        ("elsewhere", pattern.bad_elsewhere, pattern.runs_elsewhere, None),
    ):
        amount = f"{bad:,} of {counted(runs, 'run')}"
        yield Bar(f"{pattern.what}: {where}", amount, bad / max(1, runs), tone)
