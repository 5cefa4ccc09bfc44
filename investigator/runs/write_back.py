"""A run's report at its source: written as annotations, noted in the run's journal, taken back.

Whatever comes of it is an event of the run, so the record says what stands at the source. A
write that stopped half-way makes the run partial until it is completed; writing again replaces
what stands there, so it may be done as often as one likes. The connector is imported by what
writes: any other run is done without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from investigator.claims.annotations import Annotation, Annotator, annotations_of
from investigator.claims.report import Report
from investigator.connectors.phoenix.address import (
    PhoenixAddress,
    is_phoenix_address,
    phoenix_address,
)
from investigator.errors import SourceUnavailable, UsageError
from investigator.runs.engines import engine_of_run
from investigator.runtime import runner
from investigator.runtime.events import RunError, WrittenBack
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode
from investigator.store.api import InspectionAPI

if TYPE_CHECKING:
    from investigator.connectors.phoenix.annotating import Written
    from investigator.connectors.phoenix.connection import PhoenixConnection


def require_phoenix(source: tuple[str, ...]) -> None:
    """Raise `UsageError` for a source that nothing can be written back to."""
    if not is_phoenix_address(source[0]):
        raise UsageError(
            f"{', '.join(source)} is no Phoenix, so nothing can be written back to it "
            "(--write-back): `investigator annotate RUN_ID --to phoenix://HOST:PORT/PROJECT` "
            "writes a run to the Phoenix that holds the same traces"
        )


def address_of(record: RunRecord, source: tuple[str, ...], to: str | None) -> PhoenixAddress:
    """Where a run is written back to: where one says, where it was, or what it was read from.

    Raises:
        UsageError: the run read files, and nobody says which Phoenix holds the same traces.
    """
    known = (to, record.writeback_ref.address, *source)
    place = next((p for p in known if p is not None and is_phoenix_address(p)), None)
    if to is not None and place != to:
        raise UsageError(f"--to names a Phoenix, phoenix://HOST:PORT/PROJECT, not '{to}'")
    if place is None:
        raise UsageError(
            f"run '{record.run_id}' read {', '.join(source)}, which is no Phoenix: say which "
            "Phoenix holds the same traces (--to phoenix://HOST:PORT/PROJECT)"
        )
    return phoenix_address(place)


def write_annotations(
    run_dir: Path, record: RunRecord, report: Report, api: InspectionAPI, address: PhoenixAddress
) -> RunRecord:
    """Write a report's annotations; the record afterwards, partial where not all are there.

    `api` holds the traces that the report is about.
    """
    from investigator.connectors.phoenix.connection import PhoenixConnection

    by: Annotator = "LLM" if record.runtime_ref.usage.llm_calls > 0 else "CODE"
    remarks = engine_of_run(record.run_type).remarks(report, by)
    roots = {trace_id: api.get_trace(trace_id).roots[0].span_id for trace_id in remarks.trace_ids}
    annotations = annotations_of(remarks, roots)
    with PhoenixConnection(address) as connection:
        written = _replaced(connection, annotations, record.run_id)
    return runner.write_back(run_dir, _event(written, record.run_id, address))


def undo(run_dir: Path, record: RunRecord, address: PhoenixAddress) -> RunRecord:
    """Delete all annotations of a run; the record afterwards.

    Raises:
        SourceUnavailable: they cannot be deleted now; the record stays as it was.
    """
    from investigator.connectors.phoenix.annotating import remove
    from investigator.connectors.phoenix.connection import PhoenixConnection

    with PhoenixConnection(address) as connection:
        remove(connection, record.run_id)
    return runner.write_back(run_dir, WrittenBack(address=str(address), status="undone"))


def _replaced(
    connection: PhoenixConnection, annotations: tuple[Annotation, ...], run_id: str
) -> Written:
    """Write the annotations; what stands there of an earlier report of the run goes first."""
    from investigator.connectors.phoenix.annotating import Written, remove, stored_of, write

    wanted = {(a.target, a.target_id, a.name) for a in annotations}
    try:
        stale = [
            stored
            for stored in stored_of(connection, run_id)
            if (stored.target, stored.target_id, stored.name) not in wanted
        ]
        if stale:
            remove(connection, run_id)
    except SourceUnavailable as error:
        return Written((), (), str(error))
    return write(connection, annotations, run_id)


def _event(written: Written, run_id: str, address: PhoenixAddress) -> WrittenBack:
    error = None
    if written.problem is not None:
        error = RunError(
            code=ErrorCode.WRITEBACK_FAILED,
            message=f"{written.problem}; `investigator annotate {run_id}` completes it",
            stage="write-back",
            retryable=True,
        )
    return WrittenBack(
        address=str(address),
        status="written" if error is None else "partial",
        annotation_ids=written.ids,
        names=tuple(dict.fromkeys(a.name for a in written.annotations)),
        annotator_kinds=tuple(dict.fromkeys(a.annotator_kind for a in written.annotations)),
        error=error,
    )
