"""The events of a run: what happened, each fact once, in the order of the pool operations.

Everything else about a run (record, usage, trajectory, balances, progress) is a fold over
these. An event belongs to a scope and to a step of it (its iteration, from 0); the events of
the run itself have the scope `run`. Amounts are in the order of `Amounts`, costs in micro-USD,
times in run seconds (the wall time that a process spent on the run) unless they are ISO texts.

Events are msgspec structs, not pydantic models: the loop makes and writes four of them a step,
and that is most of what a step costs. What they share with the run record is pydantic.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from investigator.runtime.actions import ActionKind
from investigator.runtime.budget import Amounts, Budget, Limits, Resource
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.told import GoodRunRef, KnownOutcomeRef

RUN = "run"
"""The scope of the events of the run itself."""


class JournalEvent(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """Base of all events."""

    scope: str = RUN
    step: int = 0

    @property
    def type(self) -> str:
        """What happened, in the words of the journal."""
        return str(self.__struct_config__.tag)


class RunError(BaseModel):
    """Why a scope or run did not succeed; `limit` names the resource that ran out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: ErrorCode
    message: str
    stage: str
    retryable: bool = False
    limit: Resource | None = None


class PlannerIdentity(BaseModel):
    """Who decides. `provider` and `model` are None for rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: str
    model_provider: str | None = None
    model_name: str | None = None
    temperature: float | None = None
    prompt_template_hash: str | None = None


class DatasetRef(BaseModel):
    """Which data a run is about; `dataset_hash` covers the content of the traces read.

    `evaluations_hash` covers the verdicts that they carry; None where they carry none, and in
    runs of versions that did not read them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset_id: str
    dataset_hash: str | None
    evaluations_hash: str | None = None

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Left out where there is none: so that records of earlier versions keep their bytes."""
        written: dict[str, Any] = serialize(self)
        if self.evaluations_hash is None:
            written.pop("evaluations_hash", None)
        return written


class InputRef(BaseModel):
    """What a run was asked to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_name: str | None = None
    trace_ids: tuple[str, ...] = ()
    session_id: str | None = None
    time_window: tuple[str | None, str | None] | None = None
    filter_expr: str | None = None
    controls_version: str | None = None
    known_outcome: KnownOutcomeRef | None = None
    good: GoodRunRef | None = None

    @property
    def subject(self) -> str:
        """Of a run about one trace: it, or the session that its traces are of."""
        return self.session_id or self.trace_ids[0]

    @model_serializer(mode="wrap")
    def _as_it_was_written(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Left out where there is none: so that records of earlier versions keep their bytes."""
        written: dict[str, Any] = serialize(self)
        for name in ("session_id", "known_outcome", "good"):
            if getattr(self, name) is None:
                written.pop(name, None)
        return written


class RunOpened(JournalEvent, frozen=True, kw_only=True, tag="run_opened"):
    """The first event: everything that is needed to run it again.

    `options` are the engine's own settings as JSON text, `source` the paths it was read from.
    `fingerprint` names the code that decides, empty in journals that are older than it.
    `optional_tools` are the tools on offer that another installation may lack. `fence` is the code
    of the marks around trace content in prompts, empty where no model is asked.
    """

    run_id: str
    run_type: str
    engine_version: str
    source: tuple[str, ...]
    options: str
    dataset_ref: DatasetRef
    input_ref: InputRef
    planner: PlannerIdentity
    budget: Budget
    concurrency: int
    best_effort: bool = False
    fingerprint: str = ""
    plugins: tuple[str, ...] = ()
    optional_tools: tuple[str, ...] = ()
    fence: str = ""


class OpenedScope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms of a scope that was opened. `cap` None: its parent's alone.

    A `synthesis` runs after the scopes that were opened with it, over their ends.
    """

    scope: str
    opened_by: Literal["driver", "engine", "planner"]
    planner_driven: bool
    depth: int
    objective: str
    context: str
    actions: tuple[str, ...] | None = None
    floor: Amounts
    reserve: Amounts
    cap: Limits | None = None
    deadline: float | None
    synthesis: bool = False


class ScopesOpened(JournalEvent, frozen=True, kw_only=True, tag="scopes_opened"):
    """Scopes opened side by side by `scope`, all or none."""

    scopes: tuple[OpenedScope, ...]


ALL_ACTIONS = tuple(ActionKind)
ALL_BUT_FINALIZE = tuple(kind for kind in ActionKind if kind is not ActionKind.FINALIZE)


class Shown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The budget, the clock (run seconds to the deadline) and the choice that a view showed."""

    left: Limits
    time_left: float | None
    withheld: tuple[ActionKind, ...] = ()

    @property
    def offered(self) -> tuple[ActionKind, ...]:
        """The actions that could be said."""
        if not self.withheld:
            return ALL_ACTIONS
        return tuple(kind for kind in ALL_ACTIONS if kind not in self.withheld)

    @property
    def final(self) -> bool:
        """Whether only finalize was offered: the finalize guard."""
        return self.withheld == ALL_BUT_FINALIZE


What: TypeAlias = Literal["turn", "tool_call", "delegate_subcall"]


class Refused(JournalEvent, frozen=True, kw_only=True, tag="refused"):
    """The pool did not grant a hold. `wait`: unused floors of siblings may still cover it."""

    what: What
    resource: Resource
    wait: bool
    message: str
    shown: Shown | None = None


class ModelTurn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model a turn asks, and the sha256 of all that it is sent."""

    model: str
    request_sha256: str


class TurnHeld(JournalEvent, frozen=True, kw_only=True, tag="turn_held"):
    """Before a planner is asked: an upper bound of what the turn may cost is held.

    `redactions` were made in what each prompt of the scope shows of the run.
    """

    amounts: Amounts
    max_tokens_out: int
    remote: bool
    shown: Shown
    asks: ModelTurn | None = None
    redactions: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one planner turn used. `cost` (micro-USD) is None where the price is unknown.

    Of `tokens_in`, `tokens_cached` came from the provider's cache and `tokens_cache_written` went
    into it; None where no model told. `estimated`: the provider said nothing, so the full hold was
    booked.
    """

    llm_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int | None = None
    tokens_cache_written: int | None = None
    cost: int | None = 0
    estimated: bool = False

    @property
    def amounts(self) -> Amounts:
        """The turn as the pool books it."""
        return Amounts(1, 0, 0, self.tokens_in + self.tokens_out, self.cost or 0)


class TurnSettled(JournalEvent, frozen=True, kw_only=True, tag="turn_settled"):
    """A planner replied; `reply` is the text it gave, valid or not."""

    reply: str
    usage: Usage


class TurnFailed(JournalEvent, frozen=True, kw_only=True, tag="turn_failed"):
    """A planner gave no reply; what the attempt cost is booked all the same."""

    error: RunError
    usage: Usage


class ToolHeld(JournalEvent, frozen=True, kw_only=True, tag="tool_held"):
    """Before a tool runs: one tool call is held."""

    tool_name: str
    args: str


class ToolSettled(JournalEvent, frozen=True, kw_only=True, tag="tool_settled"):
    """A tool answered. `page` is JSON text, bounded and redacted, as the planner sees it.

    `refs` are the references that became citable with this answer, by short id, as JSON text; of
    those `in_part` it shows a part.
    """

    page: str
    refs: dict[str, str]
    original_hash: str
    redactions: int
    in_part: tuple[str, ...] = ()


class ToolFailed(JournalEvent, frozen=True, kw_only=True, tag="tool_failed"):
    """A tool could not answer. Without `error` it is the planner's trouble and shown to it."""

    message: str
    error: RunError | None = None


class ToolRepeated(JournalEvent, frozen=True, kw_only=True, tag="tool_repeated"):
    """The same call stood in this scope before; answered from step `of_step`."""

    tool_name: str
    of_step: int


class HoldLost(JournalEvent, frozen=True, kw_only=True, tag="hold_lost"):
    """An open hold of a dead process. `lost`: it may have been billed, so all of it is booked."""

    amounts: Amounts
    lost: bool


class ScopeClosed(JournalEvent, frozen=True, kw_only=True, tag="scope_closed"):
    """A scope ended; `answer` is its answer as canonical JSON text, None where it has none."""

    status: ScopeStatus
    answer: str | None
    gaps: tuple[str, ...] = ()
    error: RunError | None = None


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of `scope`, the events from sequence number `from_seq` on are undone and made again.

    `reserve` is its new finalize reserve where the scope was closed and opens again.
    """

    scope: str
    from_seq: int
    reserve: Amounts | None = None


class RunResumed(JournalEvent, frozen=True, kw_only=True, tag="run_resumed"):
    """Another process resumed the run under `budget`; `cuts` reopen what ended too soon."""

    budget: Budget
    cuts: tuple[Cut, ...] = ()


class RunEnded(JournalEvent, frozen=True, kw_only=True, tag="run_ended"):
    """The last event of a run (until it is resumed). Paths are relative to the run's folder."""

    status: RunStatus
    error: RunError | None
    artifact_type: str
    artifact_path: str | None
    artifact_schema: str
    artifact_sha256: str | None


class WrittenBack(JournalEvent, frozen=True, kw_only=True, tag="written_back"):
    """What stands at the source, at `address`, of a run that has ended: the last such event says.

    `partial`: not all that was to be written; `error` says why.
    """

    address: str
    status: Literal["written", "partial", "undone"]
    annotation_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    annotator_kinds: tuple[str, ...] = ()
    error: RunError | None = None


AnyEvent: TypeAlias = (
    RunOpened
    | ScopesOpened
    | Refused
    | TurnHeld
    | TurnSettled
    | TurnFailed
    | ToolHeld
    | ToolSettled
    | ToolFailed
    | ToolRepeated
    | HoldLost
    | ScopeClosed
    | RunResumed
    | RunEnded
    | WrittenBack
)


class Entry(NamedTuple):
    """An event in its place. `ts` is RFC 3339, UTC; `seq` counts from 0."""

    seq: int
    ts: str
    event: AnyEvent


class Head(NamedTuple):
    """How many events a journal holds, and the chain value of the last."""

    events: int
    chain: str


def _from_model(value: Any) -> object:
    """A pydantic part of an event, as JSON."""
    assert isinstance(value, BaseModel)
    return value.model_dump(mode="json")


def _to_model(kind: type[BaseModel], value: object) -> BaseModel:
    return kind.model_validate(value)


encode_event = msgspec.json.Encoder(enc_hook=_from_model).encode
"""An event as one JSON object."""

decode_event = msgspec.json.Decoder(AnyEvent, dec_hook=_to_model).decode
"""The event that a JSON object is; `msgspec.MsgspecError` where it is none."""
