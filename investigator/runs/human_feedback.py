"""Where people and the investigator differ: annotations of one name at one place, side by side.

A person answers a verdict of a run where it stands, in Phoenix or MLflow, by an annotation of the
same name at the same span or trace, made by a `HUMAN`. Nothing is stored here; the source is asked
each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from investigator.runs.run_store import list_runs, read_record
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR
from investigator.runs.write_back import annotation_store
from investigator.runtime.record import RunRecord

HUMAN = "HUMAN"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run and a person say of the same. Labels are None where none was given."""

    run_id: str
    name: str
    target: str
    target_id: str
    investigator: str | None
    human: str | None
    note: str | None

    @property
    def agree(self) -> bool:
        """Whether both gave the same label."""
        return self.investigator == self.human


def judgements(
    run_ids: Sequence[str] = (), runs_dir: Path = DEFAULT_RUNS_DIR
) -> Iterator[Judgement]:
    """What people said of the annotations of runs: of those named, else of all written back.

    Runs that knew a person's word on how the run ended are left out.

    Raises:
        RunNotFound: no such run.
        SourceUnavailable: a source cannot be asked.
    """
    stored = (run.record for run in list_runs(runs_dir))
    records = [read_record(run_id, runs_dir) for run_id in run_ids] or [r for r in stored if r]
    for record in records:
        if _had_read_a_person(record):
            continue
        if record.writeback_ref.annotation_ids and record.writeback_ref.address is not None:
            yield from _of_run(record, record.writeback_ref.address)


def _had_read_a_person(record: RunRecord) -> bool:
    """Whether a person had told the run how it ended: to agree with that says nothing of it.

    A caller is one, too.
    """
    known = record.input_ref.known_outcome
    return known is not None and not {"person", "caller"}.isdisjoint(known.said_by)


def _of_run(record: RunRecord, address: str) -> Iterator[Judgement]:
    noted = record.writeback_ref.annotation_ids
    with closing(annotation_store(address)) as held:
        own = {stored.place: stored for stored in held.stored_of(record.run_id, noted)}
        for stored in held.stored_at(list(own.values())):
            ours = own.get(stored.place)
            if ours is not None and stored.annotator_kind == HUMAN:
                yield Judgement(
                    run_id=record.run_id,
                    name=stored.name,
                    target=stored.target,
                    target_id=stored.target_id,
                    investigator=ours.label,
                    human=stored.label,
                    note=stored.explanation,
                )
