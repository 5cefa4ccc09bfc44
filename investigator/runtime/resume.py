"""What a resume opens again: scopes that ended too soon, and whoever built on them.

A scope that ended by a retryable error, or by a limit that is now higher, is cut back to the
call or the refusal that ended it. Each of its ancestors is cut back to where it waited for that
child: what it did with the child's end is undone and done again. Nothing that was spent is
given back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from investigator.runtime.budget import CONSUMABLE, NOTHING, Amounts, Budget, Resource
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    Cut,
    Entry,
    HoldLost,
    OpenedScope,
    Refused,
    RunEnded,
    RunError,
    RunResumed,
    ScopeClosed,
    ScopesOpened,
    ToolFailed,
    ToolHeld,
    TurnFailed,
    TurnHeld,
)
from investigator.runtime.status import ErrorCode


@dataclass(slots=True)
class _Past:
    """What a journal holds of one scope."""

    opened: OpenedScope
    parent: str
    opened_at: int
    entries: list[Entry] = field(default_factory=list)

    @property
    def closed(self) -> ScopeClosed | None:
        last = self.entries[-1].event if self.entries else None
        return last if isinstance(last, ScopeClosed) else None


def cuts_for(entries: Sequence[Entry], *, before: Budget, after: Budget) -> tuple[Cut, ...]:
    """The cuts that resuming an ended run under `after` makes; none where nothing would change.

    Scopes that had not ended when the run did (it was cancelled) just go on; where all had, the
    run only has to conclude.
    """
    past = _past(entries)
    starts: dict[str, int] = {}
    for scope_id, scope in past.items():
        if scope.closed is not None and _may_go_on(scope.closed.error, before, after):
            starts[scope_id] = _ending(scope.entries)
    for scope_id in _synthesised(starts, past):
        own = past[scope_id].entries
        starts[scope_id] = min(starts.get(scope_id, own[0].seq), own[0].seq)
    for scope_id in list(starts):
        for child_id, parent_id in _upwards(scope_id, past):
            waited = past[child_id].opened_at
            after_it = [e.seq for e in past[parent_id].entries if e.seq > waited]
            cut = min(after_it, default=waited + 1)
            starts[parent_id] = min(starts.get(parent_id, cut), cut)
    unfinished = any(scope.closed is None for scope in past.values())
    if not starts and not unfinished and not _is_cancelled(entries[-1].event):
        return ()
    return _with_dropped(starts, past, entries)


def _past(entries: Sequence[Entry]) -> dict[str, _Past]:
    """Each scope's own events that still count, by the rules of a history."""
    past: dict[str, _Past] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, RunResumed):
            for cut in event.cuts:
                if cut.scope in past:
                    scope = past[cut.scope]
                    scope.entries = [e for e in scope.entries if e.seq < cut.from_seq]
        elif isinstance(event, HoldLost):
            past[event.scope].entries.pop()
        elif event.scope in past:
            past[event.scope].entries.append(entry)
        if isinstance(event, ScopesOpened):
            for opened in event.scopes:
                past[opened.scope] = _Past(opened, event.scope, entry.seq)
    return past


def _may_go_on(error: RunError | None, before: Budget, after: Budget) -> bool:
    if error is None:
        return False
    if error.limit is not None:
        return _raised(error.limit, before, after)
    return error.retryable


def _raised(limit: Resource, before: Budget, after: Budget) -> bool:
    """Whether the caller now allows more of a resource."""
    match limit:
        case Resource.DEPTH:
            return after.depth > before.depth
        case Resource.WALL_TIME:
            old, new = before.wall_time_s, after.wall_time_s
        case _:
            index = CONSUMABLE.index(limit)
            old, new = before.limits[index], after.limits[index]
    return old is not None and (new is None or new > old)


def _ending(entries: Sequence[Entry]) -> int:
    """Where a scope's end began: its guard where it came to one, else its last call.

    A scope that was cancelled goes on where it was: only a call under way is made again.
    """
    if _is_cancelled(entries[-1].event):
        under_way = len(entries) > 2 and _is_cancelled(entries[-2].event)
        return entries[-3 if under_way else -1].seq
    last_hold = entries[-1].seq
    for entry in _before_a_stand_in(entries):
        match entry.event:
            case TurnHeld(shown=shown) | Refused(shown=shown) if shown is not None and shown.final:
                return entry.seq
            case Refused(what="turn", wait=False):
                return entry.seq
            case TurnHeld() | ToolHeld():
                last_hold = entry.seq
            case _:
                pass
    return last_hold


def _before_a_stand_in(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The entries up to where rules went on for a model that failed."""
    asked = False
    for entry in entries:
        if isinstance(entry.event, TurnHeld):
            if asked and not entry.event.remote:
                return
            asked = entry.event.remote
        yield entry


def _is_cancelled(event: AnyEvent) -> bool:
    match event:
        case (
            TurnFailed(error=error)
            | ToolFailed(error=error)
            | ScopeClosed(error=error)
            | RunEnded(error=error)
        ):
            return error is not None and error.code is ErrorCode.CANCELLED
        case _:
            return False


def _synthesised(starts: dict[str, int], past: dict[str, _Past]) -> list[str]:
    """The syntheses that have begun over a scope that goes on: they are made again."""
    openings = {
        past[scope_id].opened_at for scope_id in starts if not past[scope_id].opened.synthesis
    }
    return [
        scope_id
        for scope_id, scope in past.items()
        if scope.opened.synthesis and scope.entries and scope.opened_at in openings
    ]


def _upwards(scope_id: str, past: dict[str, _Past]) -> Iterator[tuple[str, str]]:
    """(child, parent) pairs from a scope to the root."""
    while past[scope_id].parent != RUN:
        yield scope_id, past[scope_id].parent
        scope_id = past[scope_id].parent


def _with_dropped(
    starts: dict[str, int], past: dict[str, _Past], entries: Sequence[Entry]
) -> tuple[Cut, ...]:
    """The cuts, root first; scopes that were opened after their parent's cut go as a whole."""
    cuts: list[Cut] = []
    dropped: set[str] = set()
    for scope_id, scope in past.items():
        parent_cut = starts.get(scope.parent)
        if scope.parent in dropped or (parent_cut is not None and scope.opened_at >= parent_cut):
            dropped.add(scope_id)
            cuts.append(Cut(scope=scope_id, from_seq=scope.opened_at))
        elif scope_id in starts:
            reserve = None if scope.closed is None else _reserve(scope, starts[scope_id])
            cuts.append(Cut(scope=scope_id, from_seq=starts[scope_id], reserve=reserve))
    ended = [e.seq for e in entries if isinstance(e.event, RunEnded)]
    return (*cuts, Cut(scope=RUN, from_seq=ended[-1]))


def _reserve(scope: _Past, start: int) -> Amounts:
    """What a scope keeps for its finalize turn; nothing where it has had that turn before."""
    for entry in scope.entries:
        match entry.event:
            case TurnHeld(shown=shown) if shown.final and entry.seq < start:
                return NOTHING
            case _:
                pass
    return scope.opened.reserve
