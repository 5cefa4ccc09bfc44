"""Whether what a run left is consistent: its files with each other, its report with its journal.

Where the code that decided is here and the source is there, the run is made again from its journal,
so whoever rewrites the report must rewrite every event that led to it; what came from outside (the
replies of a model, and what they cost) is taken from the journal. That the journal itself is the
one that was written then is known only by who knows its head, or checks its signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from investigator.errors import InvestigatorError, SourceUnavailable, UsageError
from investigator.runs.engines import engine_of_run
from investigator.runs.investigation import (
    code_of,
    is_made_by_this_code,
    opened_event,
    rebuilt,
    run_now,
)
from investigator.runs.run_store import folder_of
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR
from investigator.runs.scanned_runs import chain_problems
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import Entry, Head, RunEnded, RunOpened
from investigator.runtime.journal import FILE, check_chain, read_entries
from investigator.runtime.replay import replay
from investigator.runtime.runner import without_write_back
from investigator.runtime.status import ErrorCode
from investigator.runtime.strategy import Run
from investigator.runtime.verify import verify_files

_LEAST_HEAD = 12
"""The beginning of a head that will do: as many digits as `runs show` prints."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found wrong with a run, and what could not be checked, which is no accusation.

    `head` is the number of events and the chain value of the last, which stands for all of them.
    """

    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    head: Head | None = field(default=None, compare=False)


def verify_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    source: str | None = None,
    expect_head: str | None = None,
    cache_dir: Path | None = None,
) -> Verification:
    """Check a run: its files, its ledger, its report against its journal and its source.

    `source` is where the traces lie now, where they moved; `expect_head` the head of the journal
    as it was known, or its first digits. The report of a run that other code made is not checked,
    nor is one whose source is gone.

    Raises:
        RunNotFound: no such run.
        UsageError: `expect_head` is no head.
    """
    run_dir = folder_of(run_id, runs_dir)
    expected = None if expect_head is None else _head_told(expect_head)
    problems = [*chain_problems(run_id, runs_dir), *verify_files(run_dir)]
    head, _ = check_chain((run_dir / FILE).read_bytes())
    if expected is not None and not head.chain.startswith(expected):
        problems.append(
            f"{FILE}: its head is {head.chain}, not {expected}: it is another journal, or one that"
            " was written again"
        )
    if problems or not (run_dir / OUTPUT_FILE).is_file():
        return Verification(tuple(problems), head=head)
    found = _recomputed(run_dir, source, cache_dir)
    return Verification(found.problems, found.unchecked, head)


def _head_told(told: str) -> str:
    head = told.strip().rstrip("…").lower()
    if not _LEAST_HEAD <= len(head) <= 64 or set(head) - set("0123456789abcdef"):
        raise UsageError(
            "--expect-head takes the head of a journal as `runs verify` prints it, 64 hexadecimal"
            f" digits or at least the first {_LEAST_HEAD}, not '{told}'"
        )
    return head


def _recomputed(run_dir: Path, source: str | None, cache_dir: Path | None) -> Verification:
    """The report made again from the journal and compared, where the code and the source allow."""
    opened = opened_event(run_dir)
    if not is_made_by_this_code(opened):
        return _unchecked(
            f"the report cannot be recomputed: it was made by version {opened.engine_version} "
            f"with {code_of(opened)}, which differs from what is here"
        )
    try:
        with rebuilt(run_dir, cache_dir, source) as run:
            return Verification(tuple(_problems(run, run_dir)))
    except SourceUnavailable as error:
        if source is None and _moved(opened):
            return _unchecked(
                f"the evidence cannot be checked: the source moved ({error}); --source says where"
                " it is now"
            )
        return _unchecked(f"the evidence cannot be checked: {error}")
    except InvestigatorError as error:
        if source is not None:
            return _unchecked(
                f"the evidence cannot be checked: '{source}' is not what the run read: {error}"
            )
        return Verification((f"the evidence could not be checked: {error}",))


def _unchecked(reason: str) -> Verification:
    return Verification(unchecked=(reason,))


def _moved(opened: RunOpened) -> bool:
    """Whether the source was files, of which one is not where it was."""
    return not any("://" in path for path in opened.source)


def _problems(run: Run, run_dir: Path) -> Sequence[str]:
    """What is wrong with the report: its form, its evidence, or how it follows from the journal."""
    output = (run_dir / OUTPUT_FILE).read_bytes()
    try:
        report = engine_of_run(run.opened.run_type).report.model_validate_json(output)
    except ValidationError as error:
        return [f"{OUTPUT_FILE}: not a valid report: {error}"]
    problems = run.strategy.check(report)
    entries = without_write_back(read_entries(run_dir))
    if problems or not _can_be_compared(entries):
        return problems
    difference = _difference(run, entries, output)
    return [] if difference is None else [f"recomputed from the journal, {difference}"]


def _can_be_compared(entries: Sequence[Entry]) -> bool:
    """Whether the run came to its end; one that was cancelled has none to compare with."""
    last = entries[-1].event
    return isinstance(last, RunEnded) and not (
        last.error is not None and last.error.code is ErrorCode.CANCELLED
    )


def _difference(run: Run, entries: Sequence[Entry], output: bytes) -> str | None:
    try:
        return run_now(lambda: replay(run, entries, output)).difference
    except (ValueError, LookupError, TypeError, BaseExceptionGroup) as error:
        # Events that no run writes: what they lead to has no bounds.
        return f"the run cannot be made again: {error}"
