"""A stored run as one export request; what it was asked comes from its journal alone.

A model's prompts are not in the journal. They are made again from the source that the run read;
where that cannot be done, the export is made without them and says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from investigator.errors import SourceError, UsageError
from investigator.ground.canonical_json import canonical_json
from investigator.runs.export.otlp_json import Object, export_request
from investigator.runs.export.prompts import Retold, prompts_of
from investigator.runs.export.spans import run_spans
from investigator.runs.investigation import planner_of_run, rebuilt, run_now
from investigator.runs.run_store import folder_of
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR
from investigator.runtime.events import Entry, PlannerIdentity, RunOpened, TurnHeld
from investigator.runtime.journal import read_entries
from investigator.traces.model import Span

SERVICE = "investigator"
PROJECT = "investigator"
"""The project of a Phoenix that spans go to unless it is named."""


@dataclass(frozen=True, slots=True)
class Export:
    """The spans of a run, and what says where they come from and belong.

    `without_prompts` says why some turns of a model have no input messages.
    """

    spans: tuple[Span, ...]
    project: str
    version: str
    without_prompts: str | None

    @property
    def text(self) -> str:
        """All spans as one request in OTLP JSON; the same run has the same text."""
        return canonical_json(self._request(self.spans)) + "\n"

    def requests(self, spans_at_once: int) -> Iterator[Object]:
        """The same as several requests of so many spans at most."""
        for start in range(0, len(self.spans), spans_at_once):
            yield self._request(self.spans[start : start + spans_at_once])

    def _request(self, spans: Sequence[Span]) -> Object:
        resource = {
            "service.name": SERVICE,
            "service.version": self.version,
            "openinference.project.name": self.project,
        }
        return export_request(
            spans, resource=resource, scope={"name": SERVICE, "version": self.version}
        )


async def aexport_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    project: str = PROJECT,
    cache_dir: Path | None = None,
) -> Export:
    """The traffic of a run, of one that failed or was interrupted as far as it came.

    Raises:
        UsageError: no such run, or one whose journal holds no opening.
    """
    run_dir = folder_of(run_id, runs_dir)
    entries = read_entries(run_dir)
    opened = entries[0].event if entries else None
    if not isinstance(opened, RunOpened):
        raise UsageError(f"the journal of run '{run_id}' holds no opening: nothing was run yet")
    retold = await _retold(run_dir, entries, cache_dir)
    spans = run_spans(opened, entries, retold.prompts, _models(run_dir, opened.planner))
    return Export(spans, project, opened.engine_version, _without_prompts(entries, retold))


def export_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    project: str = PROJECT,
    cache_dir: Path | None = None,
) -> Export:
    """`aexport_run`, from code that is not asynchronous."""
    return run_now(lambda: aexport_run(run_id, runs_dir, project=project, cache_dir=cache_dir))


def _asks_a_model(entry: Entry) -> bool:
    return isinstance(entry.event, TurnHeld) and entry.event.remote


async def _retold(run_dir: Path, entries: list[Entry], cache_dir: Path | None) -> Retold:
    """The prompts, as far as the run can be made again; runs of rules have none."""
    if not any(map(_asks_a_model, entries)):
        return Retold()
    try:
        with rebuilt(run_dir, cache_dir) as run:
            return await prompts_of(run, entries)
    except (UsageError, SourceError) as error:
        return Retold(difference=str(error))


def _without_prompts(entries: list[Entry], retold: Retold) -> str | None:
    asked = sum(map(_asks_a_model, entries))
    missing = asked - len(retold.prompts)
    if not missing:
        return None
    reason = retold.difference or "the record ends before them"
    return f"{missing} of {asked} model turns have no input messages: {reason}"


def _models(run_dir: Path, identity: PlannerIdentity) -> dict[str, PlannerIdentity]:
    """Whose each model of the run is, and how it is asked."""
    return {
        settings.model: identity.model_copy(
            update={"model_provider": settings.provider, "temperature": settings.temperature}
        )
        for settings in planner_of_run(run_dir).models
    }
