"""Verify finds out whether a run is what it says: chain, ledger, record, output.

Each check reads files only. The engine's own check of the report against the source is the
caller's, who has the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from investigator.errors import InvestigatorError, JournalError
from investigator.runtime.budget import CONSUMABLE
from investigator.runtime.budget_pool import Refusal
from investigator.runtime.events import (
    Entry,
    Head,
    RunEnded,
    RunOpened,
    RunResumed,
    ScopesOpened,
    WrittenBack,
)
from investigator.runtime.journal import FILE, check_chain, read_entries
from investigator.runtime.ledger import Ledger
from investigator.runtime.record import RECORD_FILE
from investigator.runtime.run_fold import fold
from investigator.runtime.runner import record_bytes


def verify_files(run_dir: Path) -> list[str]:
    """What is wrong with a run's three files; an empty list where nothing is.

    A run without a record is judged as far as its journal goes, and said to be interrupted.
    """
    path = run_dir / FILE
    if not path.is_file():
        return [f"{FILE}: missing"]
    text = path.read_bytes()
    head, broken = check_chain(text)
    problems = [] if broken is None else [broken]
    if not text.endswith(b"\n"):
        problems.append(f"{FILE}: the last line is torn")
    try:
        entries = read_entries(run_dir)
    except JournalError as error:
        return [*problems, str(error)]
    if broken is None:
        problems += _ledger_problems(entries)
    return problems + _record_problems(run_dir, entries, head) + _output_problems(run_dir, entries)


def _ledger_problems(entries: Sequence[Entry]) -> list[str]:
    """Post every event again: holds before calls, no limit passed, nothing left open."""
    if not entries or not isinstance(entries[0].event, RunOpened):
        return [f"{FILE}: does not begin with run_opened"]
    ledger = Ledger()
    problems: list[str] = []
    ended = began = False
    for entry in entries:
        # A run whose source could not be read ended before it began: it is opened again.
        goes_on = RunResumed | WrittenBack if began else RunResumed | WrittenBack | RunOpened
        if ended and not isinstance(entry.event, goes_on):
            return [*problems, f"{FILE}: event {entry.seq} ({entry.event.type}) is after the end"]
        ended = isinstance(entry.event, RunEnded) or (
            ended and isinstance(entry.event, WrittenBack)
        )
        began = began or isinstance(entry.event, ScopesOpened)
        try:
            refusal = ledger.post(entry.event)
        except (ValueError, KeyError, InvestigatorError) as error:
            return [*problems, f"{FILE}: event {entry.seq} ({entry.event.type}): {error}"]
        if isinstance(refusal, Refusal):
            problems.append(f"{FILE}: event {entry.seq} was beyond the budget: {refusal}")
            return problems
        if isinstance(entry.event, RunEnded):
            problems += [f"scope {scope}: a hold was left open" for scope in ledger.holds]
    return problems + _overshoot(entries, ledger)


def _overshoot(entries: Sequence[Entry], ledger: Ledger) -> list[str]:
    """Where more was settled than allowed, beyond what is booked as overdraft."""
    budget = [e.event.budget for e in entries if isinstance(e.event, RunOpened | RunResumed)][-1]
    spent = ledger.pool.settled().minus(ledger.pool.overdraft)
    return [
        f"{resource}: {used} settled, {limit} allowed"
        for resource, used, limit in zip(CONSUMABLE, spent, budget.limits, strict=True)
        if limit is not None and used > limit
    ]


def _record_problems(run_dir: Path, entries: Sequence[Entry], head: Head) -> list[str]:
    """The record must be, byte for byte, what the journal amounts to."""
    try:
        record = fold(entries, head)
    except (ValueError, KeyError) as error:
        return [f"{FILE}: the events do not follow from each other: {error}"]
    path = run_dir / RECORD_FILE
    if record is None:
        return [f"{FILE}: the run has not ended (interrupted); `investigator runs resume` it"]
    if not path.is_file():
        return [f"{RECORD_FILE}: missing; `investigator runs resume` writes it"]
    if path.read_bytes() != record_bytes(record):
        return [f"{RECORD_FILE}: differs from what the journal amounts to"]
    return []


def _output_problems(run_dir: Path, entries: Sequence[Entry]) -> list[str]:
    ended = [e.event for e in entries if isinstance(e.event, RunEnded)]
    if not ended or ended[-1].artifact_path is None:
        return []
    path = run_dir / ended[-1].artifact_path
    if not path.is_file():
        return [f"{path.name}: missing"]
    if hashlib.sha256(path.read_bytes()).hexdigest() != ended[-1].artifact_sha256:
        return [f"{path.name}: differs from the hash in the journal"]
    return []
