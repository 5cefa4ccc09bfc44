"""What a loop asks before it acts, so that one loop runs live, resumes and replays.

A resumed run answers each scope from its *history*, the events recorded of it, while there is
any left, and from the pool after that. A pool operation and its event are one synchronous step,
so the journal is the pool.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from investigator.errors import JournalError
from investigator.runtime.budget import Amounts, Limits, Resource
from investigator.runtime.budget_pool import (
    Refusal,
    allocate_run_budget,
)
from investigator.runtime.clock import Clock
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    JournalEvent,
    OpenedScope,
    Refused,
    RunError,
    ScopeClosed,
    ScopesOpened,
    Shown,
    ToolFailed,
    ToolHeld,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    What,
)
from investigator.runtime.journal import Recorder
from investigator.runtime.ledger import Ledger
from investigator.runtime.status import ScopeStatus

TurnResult = TurnSettled | TurnFailed
ToolResult = ToolSettled | ToolFailed
Histories = Mapping[str, deque[AnyEvent]]


class Execution(Protocol):
    """What a loop asks: is this allowed, has this happened, write this down."""

    def shown(self, scope_id: str) -> Shown | None:
        """The budget and clock that the next recorded turn showed, where one is recorded."""
        ...

    def ask_turn(self, request: TurnHeld) -> TurnHeld | Refused: ...

    def ask_tool(self, request: ToolHeld) -> ToolHeld | Refused: ...

    def open(
        self,
        parent: str,
        step: int,
        children: Sequence[OpenedScope],
        *,
        kept_s: Sequence[float],
        least_s: float,
        parent_shares: int,
    ) -> ScopesOpened | Refused:
        """Open children side by side; their floors and deadlines are set here.

        `kept_s` are, for each child, the seconds before the parent's deadline that are not for
        it; where less than `least_s` is left before the first of these, it is refused. Of what
        is left the parent keeps `parent_shares` equal shares.
        """
        ...

    def open_root(self, root: OpenedScope) -> OpenedScope:
        """Open scope 0, or say on which terms it was opened."""
        ...

    def start(self, scope_id: str, share: float) -> None:
        """A scope starts and may take `share` of the time to its deadline."""
        ...

    def turn_result(self, scope_id: str, *, remote: bool) -> TurnResult | None:
        """The recorded result of the turn held last; None: make the call."""
        ...

    def tool_result(self, scope_id: str, *, remote: bool) -> ToolResult | None:
        """The recorded result of the tool call held last; None: make the call."""
        ...

    def record(self, event: AnyEvent) -> None:
        """Write down what happened."""
        ...

    def is_replaying(self, scope_id: str) -> bool:
        """Whether there is history of the scope left."""
        ...

    def was_retried(self, refused: Refused) -> bool:
        """Whether the scope asked again after a recorded refusal; where the record ends, it may."""
        ...

    def leave(self, closed: ScopeClosed) -> None:
        """The run is being given up and the scope would end so."""
        ...

    def left(self, scope_id: str) -> Limits: ...

    def used(self, scope_id: str) -> Amounts: ...

    def time_left(self, scope_id: str) -> float:
        """Run seconds until the scope's deadline; infinite where it has none."""
        ...


class LiveExecution:
    """Answers of a run that goes on: history first, then the pool and the journal."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        recorder: Recorder,
        clock: Clock,
        histories: Histories | None = None,
    ) -> None:
        self.ledger = ledger
        self._recorder = recorder
        self._clock = clock
        self._histories = histories or {}
        self._given_up: dict[str, ScopeClosed] = {}

    def shown(self, scope_id: str) -> Shown | None:
        """See `Execution`."""
        return shown_by(self._peek(scope_id))

    def ask_turn(self, request: TurnHeld) -> TurnHeld | Refused:
        """See `Execution`."""
        recorded = self._peek(request.scope)
        if recorded is not None and isinstance(recorded, TurnHeld | Refused):
            self._next(request.scope)
            return recorded
        refusal = self._post(request)
        return request if refusal is None else self._refused(request, "turn", refusal)

    def ask_tool(self, request: ToolHeld) -> ToolHeld | Refused:
        """See `Execution`."""
        recorded = self._peek(request.scope)
        if recorded is not None and isinstance(recorded, ToolHeld | Refused):
            self._next(request.scope)
            return recorded
        refusal = self._post(request)
        return request if refusal is None else self._refused(request, "tool_call", refusal)

    def open(
        self,
        parent: str,
        step: int,
        children: Sequence[OpenedScope],
        *,
        kept_s: Sequence[float],
        least_s: float,
        parent_shares: int,
    ) -> ScopesOpened | Refused:
        """See `Execution`."""
        recorded = self._peek(parent)
        if recorded is not None and isinstance(recorded, ScopesOpened | Refused):
            self._next(parent)
            return recorded
        pool = self.ledger.pool
        floor = allocate_run_budget(
            pool,
            parent,
            sibling_count=len(children),
            reserve=children[0].reserve,
            parent_shares=parent_shares,
        )
        end = pool.deadline(parent)
        scopes = tuple(
            msgspec.structs.replace(
                child, floor=floor, deadline=None if math.isinf(end) else end - kept
            )
            for child, kept in zip(children, kept_s, strict=True)
        )
        request = ScopesOpened(scope=parent, step=step, scopes=scopes)
        time_left = self.time_left(parent) - max(kept_s)
        if time_left < least_s:
            asked, left = math.ceil(least_s), math.floor(max(0.0, time_left))
            refusal: Refusal | None = Refusal(Resource.WALL_TIME, parent, asked, left)
        else:
            refusal = self._post(request)
        if refusal is None:
            return request
        return self._refused(request, "delegate_subcall", refusal)

    def open_root(self, root: OpenedScope) -> OpenedScope:
        """See `Execution`."""
        recorded = self._peek(RUN)
        if isinstance(recorded, ScopesOpened):
            self._next(RUN)
            return recorded.scopes[0]
        self._post(ScopesOpened(scope=RUN, scopes=(root,)))
        return root

    def start(self, scope_id: str, share: float) -> None:
        """See `Execution`."""
        now, end = self._clock.now(), self.ledger.pool.deadline(scope_id)
        if not math.isinf(end):
            self.ledger.pool.narrow_deadline(scope_id, now + (end - now) * share)

    def turn_result(self, scope_id: str, *, remote: bool) -> TurnResult | None:  # noqa: ARG002
        """See `Execution`."""
        recorded = self._peek(scope_id)
        if recorded is not None and isinstance(recorded, TurnSettled | TurnFailed):
            self._next(scope_id)
            return recorded
        return None

    def tool_result(self, scope_id: str, *, remote: bool) -> ToolResult | None:  # noqa: ARG002
        """See `Execution`."""
        recorded = self._peek(scope_id)
        if recorded is not None and isinstance(recorded, ToolSettled | ToolFailed):
            self._next(scope_id)
            return recorded
        return None

    def record(self, event: AnyEvent) -> None:
        """See `Execution`; of an event that the history has already, nothing is written."""
        if self._peek(event.scope) is None:
            self._post(event)
            return
        recorded = self._next(event.scope)
        if recorded != event:
            raise JournalError(
                f"scope {event.scope}, step {event.step}: resume came to {event.type}, the "
                f"journal has {recorded.type}; it was written by another version or its data "
                "changed: start a new run"
            )

    def is_replaying(self, scope_id: str) -> bool:
        """See `Execution`."""
        return bool(self._histories.get(scope_id))

    def was_retried(self, refused: Refused) -> bool:
        """See `Execution`."""
        following = self._peek(refused.scope)
        return following is None or is_retry(following, refused)

    def leave(self, closed: ScopeClosed) -> None:
        """See `Execution`; it is written by `give_up`, after what is open below the scope."""
        if not self.is_replaying(closed.scope):
            self._given_up[closed.scope] = closed

    def give_up(self, error: RunError) -> None:
        """End whatever is open, deepest scopes first: the run cannot go on here."""
        self._histories = {}
        for event in self.ledger.lost_holds():
            self.record(event)
        for scope_id in reversed(self.ledger.pool.open_scopes()):
            unstarted = ScopeClosed(
                scope=scope_id,
                status=ScopeStatus.FAILED,
                answer=None,
                gaps=(f"scope {scope_id}: {error.message}",),
                error=error,
            )
            self.record(self._given_up.get(scope_id, unstarted))

    def left(self, scope_id: str) -> Limits:
        """See `Execution`."""
        return self.ledger.pool.left(scope_id)

    def used(self, scope_id: str) -> Amounts:
        """See `Execution`."""
        return self.ledger.pool.used(scope_id)

    def time_left(self, scope_id: str) -> float:
        """See `Execution`."""
        return self.ledger.pool.deadline(scope_id) - self._clock.now()

    def _post(self, event: AnyEvent) -> Refusal | None:
        refusal = self.ledger.post(event, clock=self._clock)
        if refusal is None:
            self._recorder.append(event)
        return refusal

    def _refused(
        self, request: TurnHeld | ToolHeld | ScopesOpened, what: What, refusal: Refusal
    ) -> Refused:
        event = refused(request, what, refusal)
        self._recorder.append(event)
        return event

    def _peek(self, scope_id: str) -> AnyEvent | None:
        history = self._histories.get(scope_id)
        return history[0] if history else None

    def _next(self, scope_id: str) -> AnyEvent:
        return self._histories[scope_id].popleft()


def is_retry(event: AnyEvent, refused: Refused) -> bool:
    """Whether an event of a scope is the answer to a request that was refused before."""
    return event.step == refused.step and isinstance(event, TurnHeld | ToolHeld | Refused)


def shown_by(event: JournalEvent | None) -> Shown | None:
    """The view's numbers in a recorded turn or refusal of one."""
    if event is None or not isinstance(event, TurnHeld | Refused):
        return None
    return event.shown


def refused(request: TurnHeld | ToolHeld | ScopesOpened, what: What, refusal: Refusal) -> Refused:
    """The event of a refused request."""
    return Refused(
        scope=request.scope,
        step=request.step,
        what=what,
        resource=refusal.resource,
        wait=refusal.wait,
        message=str(refusal),
        shown=request.shown if isinstance(request, TurnHeld) else None,
    )
