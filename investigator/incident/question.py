"""What happened in this window, and what changed? The question, and how it becomes a run.

The engine is imported when a run is made: its command's help needs the question alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.incident.report import IncidentDossier
from investigator.inspection.engine import (
    Flag,
    Materials,
    PathOrName,
    Prepared,
    Question,
    read_trace,
    read_traces,
    redacted_texts,
)
from investigator.runtime.events import InputRef
from investigator.runtime.told import ToldOutcome
from investigator.traces.model import iso_time, parse_time

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.store.api import InspectionAPI


_PROJECTS_NAMED = 10


class Incident(Question[IncidentDossier]):
    """What happened in this window, and what changed?

    The window is `start` to `end` (ISO 8601; either may be None), of a project and of the traces
    that pass the filter, if these are given; or the traces named, whatever their times.
    `snapshots` is a folder of config snapshots, `outcomes` what the caller knows of how runs of
    the window ended.
    """

    engine = "incident"

    start: Annotated[str | None, Flag("--from", "TIME")] = Field(
        default=None,
        description="Traces with a span that starts then or later (ISO 8601, UTC without a zone).",
    )
    end: Annotated[str | None, Flag("--to", "TIME")] = Field(
        default=None, description="Traces with a span that starts before then."
    )
    project_name: Annotated[str | None, Flag("--project", "NAME")] = Field(
        default=None, description="Traces of this project."
    )
    filter_expr: Annotated[str | None, Flag("--filter", "EXPR")] = Field(
        default=None,
        description="Traces with a span that matches, e.g. \"status_code == 'ERROR'\".",
    )
    trace_ids: Annotated[tuple[str, ...], Flag("--trace-id", "ID")] = Field(
        default=(),
        description="This trace, whatever its time; may be given more than once.",
    )
    snapshots: Annotated[PathOrName | None, Flag("--snapshots", "DIR")] = Field(
        default=None,
        description="Config snapshots: a folder of text files for each deployed state.",
    )

    outcomes: tuple[ToldOutcome, ...] = ()

    @field_validator("outcomes")
    @classmethod
    def _told_once_and_of_a_trace(
        cls, outcomes: tuple[ToldOutcome, ...]
    ) -> tuple[ToldOutcome, ...]:
        ids = [one.trace_id for one in outcomes]
        if not all(ids):
            raise ValueError("an outcome has to name its trace_id")
        if len(set(ids)) < len(ids):
            raise ValueError("an outcome is told twice of one trace")
        return outcomes

    @property
    def told(self) -> tuple[ToldOutcome, ...]:
        """What the caller says of how runs ended."""
        return tuple(one for one in self.outcomes if one.says_something)

    def with_told(self, told: Sequence[ToldOutcome]) -> Incident:
        """The same question, with the caller's word on how runs ended."""
        return Incident.model_validate({**dict(self), "outcomes": tuple(told)})

    def redacted(self, redactor: Redactor) -> Incident:
        """Without the secrets of symptoms and expectations."""
        outcomes = tuple(
            one.model_copy(update=redacted_texts(one, redactor)) for one in self.outcomes
        )
        return self.model_copy(update={"outcomes": outcomes})

    @property
    def input_ref(self) -> InputRef:
        """What is looked at."""
        limited = self.start is not None or self.end is not None
        return InputRef(
            project_name=self.project_name,
            trace_ids=self.trace_ids,
            time_window=(self.start, self.end) if limited else None,
            filter_expr=self.filter_expr,
            known_outcome=self.known_outcome(),
        )

    def located(self) -> Incident:
        """With a path that holds from any folder."""
        return self.model_copy(
            update={"snapshots": self.snapshots and os.path.abspath(self.snapshots)}
        )

    def materials(self) -> Materials:
        """The config snapshots, if there are any; a window that makes no sense is refused."""
        self._require_one_choice()
        self._window()
        if self.snapshots is None:
            return Materials()
        from investigator.snapshots import open_snapshots

        store = open_snapshots(self.snapshots)
        return Materials(f"the folder of snapshots {self.snapshots}", store.content_hash, store)

    def trace_ids_in(self, api: InspectionAPI) -> Sequence[str]:
        """The traces named, each once, else those of the window."""
        if self.trace_ids:
            return tuple(dict.fromkeys(self.trace_ids))
        start_ns, end_ns = self._window()
        rows = api.list_traces(
            project_name=self.project_name,
            start_ns=start_ns,
            end_ns=end_ns,
            filter_expr=self.filter_expr,
        )
        return [row.trace_id for row in rows]

    def prepare(self, api: InspectionAPI, materials: Materials, redactor: Redactor) -> Prepared:
        """Read the traces of the window, each once; one without traces is refused."""
        from investigator.incident.case import IncidentCase
        from investigator.incident.engine import IncidentStrategy
        from investigator.incident.rules import IncidentRules
        from investigator.incident.snapshot_tools import with_snapshots
        from investigator.inspection.reference_names import names_by
        from investigator.inspection.trace_tools import inspection_tools
        from investigator.runtime.tools import ToolRegistry

        start_ns, end_ns = self._window()
        store = materials.content
        wanted = self.trace_ids_in(api)
        if not wanted:
            raise UsageError(self._empty(api))
        case = IncidentCase.of(
            read_traces(api, wanted, redactor),
            lambda trace_id: read_trace(api, trace_id, redactor),
            redactor,
            start=iso_time(start_ns),
            end=iso_time(end_ns),
            snapshots=store,
            told={one.trace_id: one for one in self.told},
            ignore_evaluations=self.ignore_evaluations,
        )
        known = self.known_outcome(*(found.outcome for found in case.digests))
        views = case.views
        tools = inspection_tools(
            api,
            redactor,
            ignore_evaluations=self.ignore_evaluations,
            optional=materials.optional_tools,
            readings_of=views.readings_of,
            names_of=views.named,
        )
        if store is not None:
            tools = with_snapshots(tools, store, redactor)
        registry = ToolRegistry(tools, names_by(views.names_of))
        return Prepared(
            IncidentStrategy(case, registry),
            registry,
            IncidentRules(case),
            case.dataset_hash,
            self.input_ref.model_copy(update={"known_outcome": known}),
            evaluations_hash=case.evaluations_hash,
            outline_of=views.outline_of,
        )

    def _empty(self, api: InspectionAPI) -> str:
        """Why no trace is looked at: what was asked for, and what there is."""
        rows = api.list_traces()
        if not rows:
            return "no trace to look at: the source holds none"
        asked = [
            f"{words} {value}"
            for words, value in (
                ("of project", self.project_name and repr(self.project_name)),
                ("from", self.start),
                ("to", self.end),
                ("that passes the filter", self.filter_expr),
            )
            if value is not None
        ]
        names = sorted({row.project_name for row in rows if row.project_name})
        more = f" and {len(names) - _PROJECTS_NAMED:,} more" if len(names) > _PROJECTS_NAMED else ""
        projects = ", ".join(map(repr, names[:_PROJECTS_NAMED])) + more
        starts = [row.start_ns for row in rows if row.start_ns is not None]
        ends = [row.end_ns for row in rows if row.end_ns is not None]
        times = ""
        if starts:
            times = f", from {iso_time(min(starts))} to {iso_time(max((*starts, *ends)))}"
        return (
            f"no trace {' '.join(asked)}: the source holds {counted(len(rows), 'trace')}{times}, "
            + (f"of the projects {projects}" if names else "none of which names a project")
        )

    def _require_one_choice(self) -> None:
        chosen = (self.start, self.end, self.project_name, self.filter_expr)
        if self.trace_ids and any(given is not None for given in chosen):
            raise UsageError(
                "--trace-id names the traces: leave --from, --to, --project and --filter out"
            )

    def _window(self) -> tuple[int | None, int | None]:
        start = _time(self.start, "the start of the window (start, --from)")
        end = _time(self.end, "the end of the window (end, --to)")
        if start is not None and end is not None and start >= end:
            raise UsageError(
                f"the window's end ({self.end}) must be after its start ({self.start})"
            )
        return start, end


def _time(text: str | None, what: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise UsageError(
            f"{what} is {text!r}, not an ISO 8601 time such as 2026-03-01T14:00:00Z"
        ) from None
