"""From stored runs, and from files of reports, to what renderers are given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from investigator.claims.report import Report
from investigator.errors import UsageError
from investigator.reports.run_report import RunReport
from investigator.runs.batch import WHOLE_WINDOW, BatchOutcome
from investigator.runs.engines import AnyEngine, engine_named, engine_names, engine_of_run
from investigator.runs.investigation import result_of
from investigator.runs.run_store import folder_of, read_record
from investigator.runtime.record import RunRecord


def reported_in(names: Sequence[str], runs_dir: Path) -> tuple[RunReport, ...]:
    """The reports that are named: each a run's id, or a file of reports, one a line.

    Raises:
        UsageError: there is no such run or file, or a line is no report.
    """
    return tuple(one for name in names for one in _named(name, runs_dir))


def reported_outcome(outcome: BatchOutcome) -> RunReport:
    """What became of one request of a batch; a run that was not started has no report."""
    if outcome.run_id is None or outcome.run_dir is None or outcome.status is None:
        return RunReport(engine=outcome.engine, subject=outcome.subject, error=outcome.error)
    record = read_record(outcome.run_id, outcome.run_dir.parent)
    return reported_run(record, outcome.report)


def reported_run(record: RunRecord, report: Report | None) -> RunReport:
    """A run's report, with where it comes from; a run without one says why."""
    engine = engine_of_run(record.run_type)
    asked = record.input_ref
    subject = asked.subject if engine.is_of_one_trace and asked.trace_ids else WHOLE_WINDOW
    return RunReport(
        engine=engine.name,
        run_id=record.run_id,
        status=record.status.value,
        error=None if record.error is None else f"{record.error.code}: {record.error.message}",
        subject=subject,
        source=_from_here(record.dataset_ref.dataset_id),
        dataset_hash=record.dataset_ref.dataset_hash,
        report_sha256=record.output_ref.sha256,
        document=None if report is None else engine.document(report),
        rows=None if report is None else engine.rows_of(report),
    )


def _from_here(source: str) -> str:
    """A path below this folder as a relative one, as a build that checked it out knows it."""
    try:
        return Path(source).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return source


def reported_alone(engine: AnyEngine, report: Report) -> RunReport:
    """A report outside of its run."""
    rows = engine.rows_of(report)
    text = report.model_dump_json()
    return RunReport(
        engine=engine.name,
        subject=rows.trace.trace_id or WHOLE_WINDOW,
        report_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        document=engine.document(report),
        rows=rows,
    )


def _named(name: str, runs_dir: Path) -> Iterator[RunReport]:
    path = Path(name)
    if path.is_file():
        yield from _in_file(path)
    else:
        yield _stored(folder_of(name, runs_dir), read_record(name, runs_dir))


def _stored(run_dir: Path, record: RunRecord) -> RunReport:
    return reported_run(record, result_of(run_dir, record).report)


def _in_file(path: Path) -> Iterator[RunReport]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the reports in '{path}' cannot be read: {error}") from None
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise UsageError(f"'{path}' has no report in it: `--all --output FILE` writes one a line")
    for number, line in numbered:
        yield _of_line(line, f"line {number} of '{path}'")


def _of_line(line: str, place: str) -> RunReport:
    """A report by its form: each engine's is closed, so one of them fits at most."""
    for name in engine_names():
        engine = engine_named(name)
        try:
            report: Report = engine.report.model_validate_json(line)
        except ValidationError:
            continue
        return reported_alone(engine, report)
    raise UsageError(
        f"{place} is no report of {', '.join(engine_names())}: `--all --output FILE` writes one a "
        "line"
    )
