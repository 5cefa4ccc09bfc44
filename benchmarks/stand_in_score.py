"""What a run by a model showed its reader, and how right it was: one row for each run.

Turns, tokens and children are the record's; what was cut is found by looking for each page of the
journal, as a prompt writes it, in the prompts that were sent; a page that says how to read on was
bounded by its tool. Something is lost to a rule where
the reader's own conclusion has a finding that the report lacks, states at less, or puts behind
one that the reader did not name, or where it found nothing wrong and the report doesn't say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.stand_in_cases import Case, Truth
from investigator.claims.report import Report
from investigator.model_planner.page_text import page_text
from investigator.rca.report import Finding, Outcome, RCAReport
from investigator.runs.engines import engine_of_run
from investigator.runs.run_store import folder_of, read_record
from investigator.runtime.events import ToolSettled, TurnSettled
from investigator.runtime.journal import read_entries
from investigator.runtime.record import RunRecord

NOTICE = "\n## Notice: your last turn did not work\n"
WHOLE = "; all whole):\n"
"""How an overview says that it shows every step whole."""


@dataclass(frozen=True, slots=True)
class Hits:
    """What the first findings hit; None where the set has no such label."""

    agent: bool | None = None
    step: bool | None = None
    first_three: bool | None = None
    within_one: bool | None = None
    verdict: bool | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `repeated` is the share of its prompts that begins an earlier one as well."""

    case: Case
    status: str
    verdict: str
    whole: bool
    turns: int
    tokens_in: int
    tokens_out: int
    repeated: float
    results: int
    bounded: int
    cut: int
    refused: int
    children: int
    hits: Hits
    lost: tuple[str, ...]


def row_of(case: Case, runs: Path, prompts: Path) -> Row:
    """The row of a run that ended."""
    record = read_record(case.name, runs)
    report = _report(record, folder_of(case.name, runs))
    texts = [_user_text(path) for path in sorted(prompts.glob("*.json"))]
    entries = [entry.event for entry in read_entries(folder_of(case.name, runs))]
    pages = [event.page for event in entries if isinstance(event, ToolSettled)]
    replies = [e.reply for e in entries if isinstance(e, TurnSettled) and e.scope == "0"]
    usage = record.runtime_ref.usage
    rca = report if isinstance(report, RCAReport) else None
    return Row(
        case=case,
        status=record.status.value,
        verdict="none" if report is None else report.verdict,
        whole=bool(texts) and all(WHOLE in text for text in texts),
        turns=usage.llm_calls,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        repeated=_repeated(texts),
        results=len(pages),
        bounded=sum(map(_goes_on, pages)),
        cut=sum(not any(page_text(page) in text for text in texts) for page in pages),
        refused=sum(NOTICE in text for text in texts),
        children=sum(s.opened_by == "planner" for s in record.runtime_ref.subcall_metadata),
        hits=_hits(case.truth, report),
        lost=() if rca is None else tuple(_lost(_concluded(replies), rca)),
    )


def _report(record: RunRecord, folder: Path) -> Report | None:
    path = record.output_ref.artifact_path
    if path is None:
        return None
    text = (folder / path).read_text(encoding="utf-8")
    report: Report = engine_of_run(record.run_type).report.model_validate_json(text)
    return report


def _user_text(path: Path) -> str:
    """What a request says besides the system part."""
    messages = json.loads(path.read_bytes())["messages"]
    return "\n".join(_said(m["content"]) for m in messages if m["role"] == "user")


def _said(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _goes_on(page: str) -> bool:
    """Whether a page names what is to be read next."""
    try:
        read = json.loads(page)
    except ValueError:
        return False
    return isinstance(read, dict) and (read.get("next") or read.get("next_offset")) is not None


def _repeated(texts: Sequence[str]) -> float:
    """The share of all prompts that is the beginning of an earlier one."""
    known = (
        max((_alike(text, earlier) for earlier in texts[:place]), default=0)
        for place, text in enumerate(texts)
    )
    whole = sum(map(len, texts))
    return sum(known) / whole if whole else 0.0


def _alike(text: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text[:middle] == other[:middle] else (low, middle - 1)
    return low


def _hits(truth: Truth, report: Report | None) -> Hits:
    if report is None:
        return Hits()
    verdict = None if truth.verdict is None else report.verdict == truth.verdict
    if not isinstance(report, RCAReport) or not truth.spans:
        return Hits(verdict=verdict)
    firsts = report.findings[:3]
    first = firsts[0] if firsts else None
    return Hits(
        agent=None if truth.agent is None else first is not None and first.agent == truth.agent,
        step=first is not None and first.span_id in truth.spans,
        first_three=any(finding.span_id in truth.spans for finding in firsts),
        within_one=None if truth.step is None else _is_within_one(first, truth.step),
        verdict=verdict,
    )


def _is_within_one(first: Finding | None, step: int) -> bool:
    return first is not None and first.step is not None and abs(first.step - step) <= 1


def _concluded(replies: Sequence[str]) -> dict[str, Any] | None:
    """What the last turn of the first scope concludes with, where it does."""
    try:
        action = json.loads(replies[-1])["action"]
        return dict(action["output"]) if action["type"] == "finalize" else None
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _lost(concluded: dict[str, Any] | None, report: RCAReport) -> Iterator[str]:
    if concluded is None:
        return
    stated = concluded.get("findings") or []
    if not stated and report.known_outcome is None and report.outcome is not Outcome.NO_FAILURE:
        yield f"nothing wrong was found, and the report says {report.outcome}"
    refuted = len(concluded.get("refuted") or [])
    if refuted > len(report.refuted):
        yield f"{refuted - len(report.refuted)} of {refuted} refuted leads are not told as refuted"
    told = [finding["description"] for finding in stated]
    texts = [finding.description for finding in report.findings]
    for finding in stated:
        text, confidence = finding["description"], finding["confidence"]
        if text not in texts:
            yield f"{finding['id']} is missing"
            continue
        place = texts.index(text)
        if report.findings[place].confidence < confidence:
            yield f"{finding['id']} at {report.findings[place].confidence}, not {confidence}"
        strangers = sum(other not in told for other in texts[:place])
        if strangers:
            yield f"{finding['id']} stands behind {strangers} that the reader did not name"
