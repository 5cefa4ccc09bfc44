"""A run's report at its source: written as annotations, noted in the run's journal, taken back.

Whatever comes of it is an event of the run, so the record says what stands at the source. A
write that stopped half-way makes the run partial until it is completed; writing again replaces
what stands there, so it may be done as often as one likes. The connector is imported by what
writes: any other run is done without it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from investigator.claims.annotations import Annotator, annotations_of
from investigator.claims.report import Report
from investigator.errors import UsageError
from investigator.runs.engines import engine_of_run
from investigator.runs.live_places import ANNOTATED, forms_of, live_place
from investigator.runtime import runner
from investigator.runtime.events import RunError, WrittenBack
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode
from investigator.store.api import InspectionAPI

if TYPE_CHECKING:
    from investigator.connectors.annotation_store import AnnotationStore, Written

_FORMS = forms_of(ANNOTATED)
_NAMES = " and ".join(place.name.partition(" ")[2] for place in ANNOTATED)


def require_annotated(source: tuple[str, ...]) -> None:
    """Raise `UsageError` for a source that nothing can be written back to."""
    if not _takes_annotations(source[0]):
        raise UsageError(
            f"nothing can be written back to {', '.join(source)} (--write-back): {_NAMES} take "
            f"annotations; `investigator annotate RUN_ID --to {_FORMS}` writes a run to the one "
            "that holds the same traces"
        )


def write_back_place(record: RunRecord, source: tuple[str, ...], to: str | None) -> str:
    """Where a run is written back to: where one says, where it was, or what it was read from.

    Raises:
        UsageError: the run read something else, and nobody says what holds the same traces.
    """
    known = (to, record.writeback_ref.address, *source)
    place = next((p for p in known if p is not None and _takes_annotations(p)), None)
    if to is not None and place != to:
        raise UsageError(f"--to names what takes annotations, {_FORMS}, not '{to}'")
    if place is None:
        raise UsageError(
            f"run '{record.run_id}' read {', '.join(source)}, which takes no annotations: say "
            f"what holds the same traces (--to {_FORMS})"
        )
    kind = live_place(place)
    assert kind is not None
    return str(kind.complete(place))


def annotation_store(place: str) -> AnnotationStore:
    """What annotations are written to and read from, at an address that takes them."""
    kind = live_place(place)
    if kind is None or kind.annotate is None:
        raise UsageError(f"'{place}' takes no annotations: {_NAMES} do ({_FORMS})")
    return kind.annotate(place)


def write_annotations(
    run_dir: Path, record: RunRecord, report: Report, api: InspectionAPI, place: str
) -> RunRecord:
    """Write a report's annotations; the record afterwards, partial where not all are there.

    `api` holds the traces that the report is about.
    """
    by: Annotator = "LLM" if record.runtime_ref.usage.llm_calls > 0 else "CODE"
    remarks = engine_of_run(record.run_type).remarks(report, by)
    roots = {trace_id: api.get_trace(trace_id).roots[0].span_id for trace_id in remarks.trace_ids}
    annotations = annotations_of(remarks, roots)
    with closing(annotation_store(place)) as held:
        written = held.replace(annotations, record.run_id)
    return runner.write_back(run_dir, _event(written, record.run_id, place))


def undo(run_dir: Path, record: RunRecord, place: str) -> RunRecord:
    """Delete all annotations of a run; the record afterwards.

    Raises:
        SourceUnavailable: they cannot be deleted now; the record stays as it was.
    """
    with closing(annotation_store(place)) as held:
        held.remove(record.run_id, record.writeback_ref.annotation_ids)
    return runner.write_back(run_dir, WrittenBack(address=place, status="undone"))


def _takes_annotations(source: str) -> bool:
    kind = live_place(source)
    return kind is not None and kind.annotate is not None


def _event(written: Written, run_id: str, place: str) -> WrittenBack:
    error = None
    if written.problem is not None:
        error = RunError(
            code=ErrorCode.WRITEBACK_FAILED,
            message=f"{written.problem}; `investigator annotate {run_id}` completes it",
            stage="write-back",
            retryable=True,
        )
    return WrittenBack(
        address=place,
        status="written" if error is None else "partial",
        annotation_ids=written.ids,
        names=tuple(dict.fromkeys(a.name for a in written.annotations)),
        annotator_kinds=tuple(dict.fromkeys(a.annotator_kind for a in written.annotations)),
        error=error,
    )
