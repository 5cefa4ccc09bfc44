"""Two reports side by side: what the second says that the first did not, and the other way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from investigator.claims.rows import ControlRow, FindingRow, lasting
from investigator.reports.run_report import RunReport


@dataclass(frozen=True, slots=True)
class ReportDifference:
    """One thing in which two reports differ; None where a report does not have it."""

    what: str
    before: str | None
    after: str | None


def report_differences(before: RunReport, after: RunReport) -> Iterator[ReportDifference]:
    """Verdict, confidence, findings by signature, controls by verdict; nothing where they agree."""
    if before.engine != after.engine:
        yield ReportDifference("engine", before.engine, after.engine)
    if before.subject != after.subject:
        yield ReportDifference("about", before.subject, after.subject)
    if before.dataset_hash != after.dataset_hash:
        yield ReportDifference("data", _start(before.dataset_hash), _start(after.dataset_hash))
    yield from _different("verdict", _verdict(before), _verdict(after))
    yield from _different("confidence", _confidence(before), _confidence(after))
    yield from _by_key(_findings(before), _findings(after))
    yield from _by_key(_controls(before), _controls(after))


def _by_key(before: dict[str, str], after: dict[str, str]) -> Iterator[ReportDifference]:
    for key in dict.fromkeys((*before, *after)):
        yield from _different(key, before.get(key), after.get(key))


def _different(what: str, before: str | None, after: str | None) -> Iterator[ReportDifference]:
    if before != after:
        yield ReportDifference(what, before, after)


def _verdict(one: RunReport) -> str | None:
    if one.rows is None:
        return one.error
    trace = one.rows.trace
    return f"{trace.verdict}: {trace.label}" if trace.label else trace.verdict


def _confidence(one: RunReport) -> str | None:
    sure = None if one.rows is None else one.rows.trace.confidence
    return None if sure is None else f"{sure:.2f}"


def _findings(one: RunReport) -> dict[str, str]:
    rows: tuple[FindingRow, ...] = () if one.rows is None else one.rows.findings
    return {f"finding {lasting(row.signature)}": _finding(row) for row in reversed(rows)}


def _finding(row: FindingRow) -> str:
    step = "" if row.began_step is None else f" at step {row.began_step}"
    sure = "" if row.confidence is None else f", confidence {row.confidence:.2f}"
    return f"rank {row.rank}{step}{sure}"


def _controls(one: RunReport) -> dict[str, str]:
    rows: tuple[ControlRow, ...] = () if one.rows is None else one.rows.controls
    return {row.control_id: row.verdict for row in rows}


def _start(sha256: str | None) -> str | None:
    return None if sha256 is None else f"{sha256[:12]}…"
