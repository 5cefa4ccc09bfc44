"""How a run is made: everything besides what is asked and of what.

A request is a source, a question and settings; a run, a batch and the command line all speak of
requests, so that a setting stands in one place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeAlias

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from investigator.errors import UsageError
from investigator.ground.given import Given
from investigator.ground.own_patterns import OwnPatterns
from investigator.inspection.engine import Question, ReportT
from investigator.runs.engines import engine_named
from investigator.runs.planners import RULES, PlannerChoice
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR
from investigator.runs.sources import TraceSource
from investigator.runtime.budget import Budget

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def require_run_id(run_id: str | None) -> str | None:
    """Raise `UsageError` for an id that could not be the name of a folder among the runs."""
    if run_id is not None and not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            "a run id (--run-id) names a folder: letters, digits, '.', '_' and '-' (at most 128, "
            f"the first a letter or digit), not '{run_id}'"
        )
    return run_id


Folder: TypeAlias = str | Path


class Settings(Given):
    """How a run is made and where it is kept.

    `budget` None: the engine's own limits. `planner` says who decides. `concurrency` is how many
    scopes run at once; with `best_effort` the least important are left out where the limits do
    not cover all. `run_id` None: a new one. What is not in canonical form is read once into
    `cache_dir` (None: `$INVESTIGATOR_CACHE_DIR`, else the user's cache). With `freeze` the run
    keeps a copy of what it reads, so that it can be shown, verified and replayed when the source is
    gone; None: of a live source alone. With `write_back` the report is annotated there. `redact`
    are RE2 patterns of your own, by name, besides the common secrets.
    """

    budget: Budget | None = None
    planner: PlannerChoice = RULES
    concurrency: StrictInt = Field(default=8, ge=1)
    best_effort: StrictBool = False
    runs_dir: Folder = DEFAULT_RUNS_DIR
    run_id: Annotated[str | None, AfterValidator(require_run_id)] = None
    cache_dir: Folder | None = None
    freeze: StrictBool | None = None
    write_back: StrictBool = False
    redact: OwnPatterns = Field(default_factory=dict)

    def budget_for(self, question: Question[Any]) -> Budget:
        """The limits of a run of that question."""
        return self.budget or engine_named(question.engine).default_budget

    @property
    def runs(self) -> Path:
        """The folder that runs are kept in."""
        return Path(self.runs_dir)

    @property
    def cache(self) -> Path | None:
        """The folder that sources are read into."""
        return None if self.cache_dir is None else Path(self.cache_dir)


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Request(Generic[ReportT]):
    """One run that is asked for.

    `resumes`: the interrupted run of the settings' `run_id` goes on instead of a new one.
    """

    source: TraceSource
    question: Question[ReportT]
    settings: Settings = DEFAULTS
    resumes: bool = False

    def with_settings(self, **changes: Any) -> Request[ReportT]:
        """The same request, made otherwise."""
        return replace(self, settings=self.settings.model_copy(update=changes))
