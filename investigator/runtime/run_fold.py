"""The run record is a fold over the journal: what it says, the events say, and nothing else.

`fold` makes the record of a journal; `verify` makes it again and compares. Usage counts what
was settled; holds that a dead process left and that may have been billed are listed under
`lost` and are in no other figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from investigator.ground.canonical_json import sha256_json
from investigator.runtime.budget import NOTHING, Budget
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    Entry,
    Head,
    HoldLost,
    OpenedScope,
    RunEnded,
    RunError,
    RunOpened,
    RunResumed,
    ScopeClosed,
    ScopesOpened,
    ToolFailed,
    ToolHeld,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    Usage,
    WrittenBack,
)
from investigator.runtime.record import (
    SCHEMA_VERSION,
    JournalRef,
    LostHold,
    ModelUse,
    OutputRef,
    RunRecord,
    RuntimeRef,
    SubcallRecord,
    Trajectory,
    UsageRecord,
    WritebackRef,
)
from investigator.runtime.status import Move, RunStatus, ScopeState, ScopeStatus, advance


class _Tally:
    """What one scope used, event by event; `depth` is that of its deepest child."""

    def __init__(self) -> None:
        self.iterations = 0
        self.tool_calls = 0
        self.llm_calls = 0
        self.subcalls = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.tokens_cached: int | None = None
        self.tokens_cache_written: int | None = None
        self.cost: int | None = 0
        self.estimated = 0
        self.depth = 0
        self.redactions = 0
        self.overview_redactions = 0  # the same in each prompt, so counted once a scope
        self.lost: list[LostHold] = []
        self.by_model: dict[str, list[Usage]] = {}
        self.overdraft = NOTHING

    def add_turn(self, usage: Usage, turn: TurnHeld | None) -> None:
        """One turn and what was held for it."""
        if turn is not None and turn.asks is not None:
            self.by_model.setdefault(turn.asks.model, []).append(usage)
        self.iterations += 1
        self.llm_calls += usage.llm_calls
        self.tokens_in += usage.tokens_in
        self.tokens_out += usage.tokens_out
        self.tokens_cached = _told([self.tokens_cached, usage.tokens_cached])
        written = [self.tokens_cache_written, usage.tokens_cache_written]
        self.tokens_cache_written = _told(written)
        self.cost = None if self.cost is None or usage.cost is None else self.cost + usage.cost
        self.estimated += usage.estimated
        spent = usage.amounts
        held = NOTHING if turn is None else turn.amounts
        if not held.covers(spent):
            self.overdraft = self.overdraft.plus(spent.minus(held).largest(NOTHING))


def _told(counts: Sequence[int | None]) -> int | None:
    """The sum of what was told; None where nothing was."""
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _total(tallies: Sequence[_Tally]) -> UsageRecord:
    """What some scopes used together; the cost is unknown where one of theirs is."""
    costs = [tally.cost for tally in tallies if tally.cost is not None]
    overdraft = NOTHING
    for tally in tallies:
        overdraft = overdraft.plus(tally.overdraft)
    return UsageRecord(
        iterations=sum(tally.iterations for tally in tallies),
        depth_reached=max((tally.depth for tally in tallies), default=0),
        tool_calls=sum(tally.tool_calls for tally in tallies),
        llm_calls=sum(tally.llm_calls for tally in tallies),
        subcalls=sum(tally.subcalls for tally in tallies),
        tokens_in=sum(tally.tokens_in for tally in tallies),
        tokens_out=sum(tally.tokens_out for tally in tallies),
        tokens_cached=_told([tally.tokens_cached for tally in tallies]),
        tokens_cache_written=_told([tally.tokens_cache_written for tally in tallies]),
        cost_usd=sum(costs) / 1e6 if len(costs) == len(tallies) else None,
        estimated=sum(tally.estimated for tally in tallies),
        lost=tuple(hold for tally in tallies for hold in tally.lost),
        overdraft=overdraft,
        redactions=sum(tally.redactions + tally.overview_redactions for tally in tallies),
    )


def _by_model(tallies: Sequence[_Tally]) -> tuple[ModelUse, ...]:
    """What each model was asked, by name."""
    used: dict[str, list[Usage]] = {}
    for tally in tallies:
        for model, usages in tally.by_model.items():
            used.setdefault(model, []).extend(usages)
    return tuple(_model_use(model, used[model]) for model in sorted(used))


def _model_use(model: str, usages: Sequence[Usage]) -> ModelUse:
    costs = [usage.cost for usage in usages if usage.cost is not None]
    return ModelUse(
        model=model,
        llm_calls=sum(usage.llm_calls for usage in usages),
        tokens_in=sum(usage.tokens_in for usage in usages),
        tokens_out=sum(usage.tokens_out for usage in usages),
        tokens_cached=_told([usage.tokens_cached for usage in usages]),
        tokens_cache_written=_told([usage.tokens_cache_written for usage in usages]),
        cost_usd=sum(costs) / 1e6 if len(costs) == len(usages) else None,
    )


class _ScopeFold:
    """What the events of one scope say of it."""

    def __init__(self, opened: OpenedScope, parent: str, ts: str) -> None:
        self.opened = opened
        self.parent = parent
        self.started_at = ts
        self.closed: ScopeClosed | None = None
        self.closed_at: str | None = None
        self.tally = _Tally()
        self._held: TurnHeld | None = None
        self.states = [ScopeState.INITIALIZED, advance(ScopeState.INITIALIZED, Move.START)]

    def post(self, event: AnyEvent, ts: str) -> None:
        """Take one more event of the scope in."""
        match event:
            case TurnHeld():
                self._held = event
                most = max(self.tally.overview_redactions, event.redactions)
                self.tally.overview_redactions = most
                self._advance(Move.ASK_FINAL if event.shown.final else Move.ASK)
            case TurnSettled() | TurnFailed():
                self.tally.add_turn(event.usage, self._held)
            case ToolHeld():
                self._advance(Move.ACT)
            case ToolSettled():
                self.tally.tool_calls += 1
                self.tally.redactions += event.redactions
            case ToolFailed():
                self.tally.tool_calls += 1
            case ScopesOpened():
                self.tally.subcalls += len(event.scopes)
                self.tally.depth = event.scopes[0].depth
                self._advance(Move.DELEGATE)
            case HoldLost(lost=True):
                hold = LostHold(call_id=event.scope, step=event.step, amounts=event.amounts)
                self.tally.lost.append(hold)
            case ScopeClosed():
                self.closed, self.closed_at = event, ts
                self._advance(_ENDINGS[event.status])
            case _:
                pass

    def reopen(self) -> None:
        if self.closed is not None:
            self.closed, self.closed_at = None, None
            self._advance(Move.REOPEN)

    def _advance(self, move: Move) -> None:
        self.states.append(advance(self.states[-1], move))

    def subcall(self) -> SubcallRecord:
        opened = self.opened
        asked = {"objective": opened.objective, "context": opened.context}
        return SubcallRecord(
            call_id=opened.scope,
            parent_call_id=self.parent,
            depth=opened.depth,
            objective=opened.objective,
            opened_by=opened.opened_by,
            planner_driven=opened.planner_driven,
            input_ref_hash=sha256_json({**asked, "actions": list(opened.actions or ())}),
            started_at=self.started_at,
            completed_at=self.closed_at,
            status=None if self.closed is None else self.closed.status,
            usage=_total([self.tally]),
        )


_ENDINGS = {
    ScopeStatus.COMPLETED: Move.COMPLETE,
    ScopeStatus.TERMINATED_BUDGET: Move.CUT_OFF,
    ScopeStatus.FAILED: Move.FAIL,
}


class RunFold:
    """The state of a run after some of its events: `running` until it has ended."""

    def __init__(self) -> None:
        self.opened: RunOpened | None = None
        self.ended: RunEnded | None = None
        self.written_back: WrittenBack | None = None
        self.budget = Budget()
        self.started_at = ""
        self.completed_at = ""
        self._replaced: list[_ScopeFold] = []
        self.scopes: dict[str, _ScopeFold] = {}

    def post(self, event: AnyEvent, ts: str) -> None:
        """Take one more event in, and when it was written (RFC 3339, UTC)."""
        scope = self.scopes.get(event.scope)
        if scope is not None:
            scope.post(event, ts)
        if isinstance(event, ScopesOpened):
            self._open(event, ts)
        elif scope is None:
            self._post_own(event, ts)

    def _post_own(self, event: AnyEvent, ts: str) -> None:
        """An event of the run itself."""
        match event:
            case RunOpened():
                self.opened, self.ended, self.budget = event, None, event.budget
                self.started_at = self.started_at or ts
            case RunResumed():
                self.ended, self.budget = None, event.budget
                for cut in event.cuts:
                    if cut.reserve is not None:
                        self.scopes[cut.scope].reopen()
            case RunEnded():
                self.ended, self.completed_at = event, ts
            case WrittenBack():
                self.written_back = event
            case _:
                pass

    def _open(self, event: ScopesOpened, ts: str) -> None:
        """Scopes that a resume opens anew replace those it cut off, whose use still counts."""
        for opened in event.scopes:
            if opened.scope in self.scopes:
                self._replaced.append(self.scopes[opened.scope])
            self.scopes[opened.scope] = _ScopeFold(opened, event.scope, ts)

    def record(self, head: Head) -> RunRecord | None:
        """The record of a run that has ended; None of one that has not."""
        if self.opened is None or self.ended is None:
            return None
        opened, ended = self.opened, self.ended
        return RunRecord(
            schema_version=SCHEMA_VERSION,
            run_id=opened.run_id,
            run_type=opened.run_type,
            status=self._status(ended),
            started_at=self.started_at,
            completed_at=self.completed_at,
            dataset_ref=opened.dataset_ref,
            input_ref=opened.input_ref,
            runtime_ref=self._runtime_ref(opened),
            journal_ref=JournalRef(events=head.events, head_hash=head.chain),
            output_ref=OutputRef(
                artifact_type=ended.artifact_type,
                artifact_path=ended.artifact_path,
                schema_version=ended.artifact_schema,
                sha256=ended.artifact_sha256,
            ),
            writeback_ref=self._writeback_ref(),
            error=ended.error or self._writeback_error(),
        )

    def _writeback_error(self) -> RunError | None:
        return None if self.written_back is None else self.written_back.error

    def _status(self, ended: RunEnded) -> RunStatus:
        """A run whose write-back did not complete is no more than partial."""
        if ended.status is RunStatus.SUCCEEDED and self._writeback_error():
            return RunStatus.PARTIAL
        return ended.status

    def _writeback_ref(self) -> WritebackRef:
        written = self.written_back
        if written is None:
            return WritebackRef()
        return WritebackRef(
            address=written.address,
            annotation_ids=written.annotation_ids,
            status=written.status,
            names=written.names,
            annotator_kinds=written.annotator_kinds,
        )

    def _runtime_ref(self, opened: RunOpened) -> RuntimeRef:
        tallies = [scope.tally for scope in (*self._replaced, *self.scopes.values())]
        return RuntimeRef(
            **opened.planner.model_dump(),
            engine_version=opened.engine_version,
            fingerprint=opened.fingerprint,
            plugins=opened.plugins,
            optional_tools=opened.optional_tools,
            budget=self.budget,
            concurrency=opened.concurrency,
            usage=_total(tallies),
            models=_by_model(tallies),
            root_usage=_total([s.tally for s in self.scopes.values() if s.parent == RUN]),
            state_trajectory=tuple(
                Trajectory(call_id=scope_id, states=tuple(scope.states))
                for scope_id, scope in self.scopes.items()
            ),
            subcall_metadata=tuple(
                scope.subcall() for scope in self.scopes.values() if scope.parent != RUN
            ),
        )


def fold(entries: Sequence[Entry], head: Head) -> RunRecord | None:
    """The record that a journal amounts to; None where the run has not ended."""
    run = RunFold()
    for entry in entries:
        run.post(entry.event, entry.ts)
    return run.record(head)


def run_seconds(entries: Sequence[Entry]) -> float:
    """How long processes have spent on the run: the sum over its stretches between resumes."""
    total, began, last = 0.0, 0.0, 0.0
    for entry in entries:
        now = datetime.fromisoformat(entry.ts).timestamp()
        if isinstance(entry.event, RunOpened | RunResumed):
            total, began = total + last - began, now
        last = now
    return total + last - began
