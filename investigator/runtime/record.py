"""What a run record says: how a run ended, what it used and where its journal and report are.

A record is made by `investigator.runtime.run_fold` from the journal, and by nothing else.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.events import (
    DatasetRef,
    InputRef,
    PlannerIdentity,
    RunError,
)
from investigator.runtime.status import RunStatus, ScopeState, ScopeStatus

RECORD_FILE = "run_record.json"
SCHEMA_VERSION = "1"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _without_cache(record: UsageRecord | ModelUse, dumped: dict[str, Any]) -> dict[str, Any]:
    """Without the tokens of caches where no model told: so records from before are the same."""
    for name in ("tokens_cached", "tokens_cache_written"):
        if getattr(record, name) is None:
            dumped.pop(name, None)
    return dumped


class LostHold(_Record):
    """A hold of a dead process that may have been billed, booked at its full bound."""

    call_id: str
    step: int
    amounts: Amounts


class UsageRecord(_Record):
    """What was used. `cost_usd` is None where the price of a call is unknown.

    Of `tokens_in`, `tokens_cached` came from providers' caches and `tokens_cache_written` went into
    them; both are left out where no model told. `estimated` counts turns booked at their full hold,
    `overdraft` is what providers reported above the holds, `redactions` what was taken out of tool
    results and overviews.
    """

    iterations: int = 0
    depth_reached: int = 0
    tool_calls: int = 0
    llm_calls: int = 0
    subcalls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int | None = None
    tokens_cache_written: int | None = None
    cost_usd: float | None = 0.0
    estimated: int = 0
    lost: tuple[LostHold, ...] = ()
    overdraft: Amounts = Amounts()
    redactions: int = 0

    @model_serializer(mode="wrap")
    def _without_what_nobody_told(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_cache(self, dump(self))


class Trajectory(_Record):
    """The states that a scope went through, in order."""

    call_id: str
    states: tuple[ScopeState, ...]


class SubcallRecord(_Record):
    """One scope that an engine or a planner opened; times are RFC 3339, UTC."""

    call_id: str
    parent_call_id: str
    depth: int
    objective: str
    opened_by: Literal["driver", "engine", "planner"]
    planner_driven: bool
    input_ref_hash: str
    started_at: str
    completed_at: str | None
    status: ScopeStatus | None
    usage: UsageRecord


class ModelUse(_Record):
    """What one model was asked, and what that took; the cost is None where it is unknown."""

    model: str
    llm_calls: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int | None = None
    tokens_cache_written: int | None = None
    cost_usd: float | None

    @model_serializer(mode="wrap")
    def _without_what_nobody_told(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without_cache(self, dump(self))


class RuntimeRef(PlannerIdentity):
    """With what a run was made, under which budget, and what it used.

    `usage` is that of all scopes: `root_usage`, which is scope 0's own, and that of each subcall
    (and of scopes that a resume replaced). `fingerprint` names the code, prompts and plug-ins
    that decided, `optional_tools` the tools on offer that another installation may lack. They,
    `plugins` and `models` are left out where the journal names none, so the record of a run that
    was made before it did is still the same.
    """

    engine_version: str
    fingerprint: str = ""
    plugins: tuple[str, ...] = ()
    optional_tools: tuple[str, ...] = ()
    budget: Budget
    concurrency: int
    usage: UsageRecord
    root_usage: UsageRecord
    models: tuple[ModelUse, ...] = ()
    state_trajectory: tuple[Trajectory, ...]
    subcall_metadata: tuple[SubcallRecord, ...]

    @model_serializer(mode="wrap")
    def _without_what_is_not_named(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        for name in ("models", "fingerprint", "plugins", "optional_tools"):
            if not getattr(self, name):
                dumped.pop(name, None)
        return dumped


class JournalRef(_Record):
    """How many events the journal holds and the chain value of the last."""

    events: int
    head_hash: str


class OutputRef(_Record):
    """The report; path and hash are None where there is none."""

    artifact_type: str
    artifact_path: str | None
    schema_version: str
    sha256: str | None


class WritebackRef(_Record):
    """The annotations that stand at the source for this run; `status` says whether all do."""

    address: str | None = None
    annotation_ids: tuple[str, ...] = ()
    status: str = "not_requested"
    names: tuple[str, ...] = ()
    annotator_kinds: tuple[str, ...] = ()


class RunRecord(_Record):
    """One run, for audit."""

    schema_version: str
    run_id: str
    run_type: str
    status: RunStatus
    started_at: str
    completed_at: str
    dataset_ref: DatasetRef
    input_ref: InputRef
    runtime_ref: RuntimeRef
    journal_ref: JournalRef
    output_ref: OutputRef
    writeback_ref: WritebackRef
    error: RunError | None
