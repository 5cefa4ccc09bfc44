"""A scope's own memory: what it knows, what it has worked out, what its planner may see.

All of it follows from the scope's events in order, so a resumed scope knows what it knew.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.runtime.actions import ActionKind, Delegations, Draft, fixed_turns
from investigator.runtime.budget import NOTHING, Limits, Resource
from investigator.runtime.citable import Citable
from investigator.runtime.events import OpenedScope, ScopeClosed, Shown
from investigator.runtime.planner import RECENT_STEPS, Planner, StepSeen, TurnBound, View
from investigator.runtime.scheduler import Slot
from investigator.runtime.tools import Names

STUCK = 5
"""So many refusals of one sort in a row and a scope is asked for its answer."""

PLANNERS_STAGES = ("planner", "finalize")
"""Where an end is its planner's: a call that failed, replies that are no action, a limit met."""


class Scope:
    """One bounded planner loop in progress; `id` is its position in the tree, such as `0/2/1`."""

    def __init__(
        self,
        opened: OpenedScope,
        planner: Planner,
        slot: Slot,
        stand_in: Planner | None = None,
        names: Names = lambda _: None,
    ) -> None:
        self._names = names
        self.id = opened.scope
        self.opened = opened
        self.planner = planner
        self.stand_in = stand_in  # who goes on where the planner fails
        self.failed: ScopeClosed | None = None  # how it would have ended, had nobody gone on
        self.kept: Draft[Any] | None = None  # what the planner that failed had worked out
        self.refused_reads = False
        self._since = 0  # the step from which the stand-in decides
        self.slot = slot
        self.gathered: tuple[JsonValue, ...] = ()
        self.step = 0
        self.draft: Draft[Any] | None = None
        self.cited = Citable()
        self.notice: str | None = None
        self.invalid_replies = 0  # in a row
        self.is_stuck = False
        self.was_advised = False  # once a scope, of what its answer would lose
        self._refusals: tuple[str, int] = ("", 0)  # of which sort, how many in a row
        self.guarded = False
        self.limit = Resource.WALL_TIME  # what leads to the guard, if anything does
        self.children = 0
        self.pages: dict[str, tuple[int, str]] = {}
        self._ids: dict[str, str] = {}
        self._recent: deque[StepSeen] = deque(maxlen=RECENT_STEPS)

    def cite(self, ref: dict[str, JsonValue], *, in_part: bool = False) -> str:
        """Make a reference citable at once; equal references share an id."""
        fresh: dict[str, str] = {}
        short_id = self.short_id(ref, fresh)
        self.learn(fresh, (short_id,) if in_part else ())
        return short_id

    def short_id(self, ref: dict[str, JsonValue], fresh: dict[str, str]) -> str:
        """The short id of a reference; a new one is put into `fresh`, to be learned later."""
        text = compact_json(ref)
        known = self._ids.get(text)
        if known is not None:
            return known
        for short_id, other in fresh.items():
            if other == text:
                return short_id
        short_id = self._names(ref) or f"e{len(self.cited) + len(fresh) + 1}"
        if short_id in self.cited or short_id in fresh:
            short_id = f"e{len(self.cited) + len(fresh) + 1}"
        fresh[short_id] = text
        return short_id

    def learn(self, refs: Mapping[str, str], in_part: Collection[str] = ()) -> None:
        """Make references citable under the ids that a tool's answer or a prompt gave them."""
        self.cited.learn(refs, in_part)
        self._ids.update((text, short_id) for short_id, text in refs.items())

    def granted(self, bound: TurnBound, *, final: bool) -> None:
        """A turn is held: what its prompt shows can be cited, and no limit leads to the guard."""
        self.limit = self.limit if final else Resource.WALL_TIME
        self.learn(bound.shows, bound.in_part)

    def child_scopes(self, delegations: Delegations) -> list[OpenedScope]:
        """The children that the delegations ask for, by position, their terms still open."""
        return [
            OpenedScope(
                scope=f"{self.id}/{self.children + i}",
                opened_by="planner",
                planner_driven=delegation.use_planner,
                depth=self.opened.depth + 1,
                objective=delegation.objective,
                context=delegation.context,
                actions=fixed_turns(delegation),
                floor=NOTHING,
                reserve=self.opened.reserve,
                deadline=None,
            )
            for i, delegation in enumerate(delegations)
        ]

    @property
    def reads(self) -> list[JsonValue]:
        """What a scope with a fixed list of actions read: each call and its page, in order."""
        if self.opened.actions is None:
            return []
        return [
            {"call": step.action, "page": _object(step.result)}
            for step in self._recent
            if step.kind is ActionKind.TOOL_CALL
        ]

    def hand_over(self, end: ScopeClosed) -> bool:
        """Go on with the stand-in, where there is one and the end is the planner's own.

        It begins afresh, with what was read at hand: rules go by their own steps alone.
        """
        error = end.error
        if self.stand_in is None or error is None or error.stage not in PLANNERS_STAGES:
            return False
        self.planner, self.stand_in = self.stand_in, None
        self.failed, self.kept = end, self.draft
        self._since = self.step + 1
        self.draft, self.notice = None, None
        self.guarded = self.refused_reads = self.is_stuck = False
        self.invalid_replies, self._refusals = 0, ("", 0)
        self._recent.clear()
        return True

    @property
    def fell_short(self) -> bool:
        """Whether the stand-in, too, lacked what it needed: the planner had used it up."""
        return self.failed is not None and (self.guarded or self.refused_reads)

    def kept_s(self, turn_s: float) -> float:
        """The seconds to keep back for the last turn, which takes a planner `turn_s`."""
        return turn_s if self.failed is None else self.planner.latency_floor_s

    def withheld(self, left: Limits, *, max_depth: int) -> tuple[ActionKind, ...]:
        """What is not offered: what is used up, and a child at the depth limit."""
        no_tools = (ActionKind.TOOL_CALL,) if left.tool_calls == 0 else ()
        deepest = self.opened.depth >= max_depth
        return (*no_tools, ActionKind.DELEGATE) if deepest or left.subcalls == 0 else no_tools

    def update(self, draft: Draft[Any]) -> None:
        """Put a synthesis on top of the draft."""
        self.draft = (self.draft or draft).updated(draft)

    def saw(
        self,
        kind: ActionKind | None,
        action: str,
        result: str,
        *,
        ok: bool = True,
        repeat_of: int | None = None,
    ) -> None:
        """Note what came of this step; a failure stays in view as the notice of the next."""
        self._recent.append(StepSeen(self.step, kind, action, result, ok, repeat_of))
        self.notice = None if ok else result
        if ok:
            self._refusals = ("", 0)

    def refused(self, kind: ActionKind | None, action: str, reason: str, *, sort: str) -> None:
        """Note a turn that was not allowed; several of one sort in a row bring the guard."""
        self.saw(kind, action, reason, ok=False)
        last, count = self._refusals
        self._refusals = (sort, count + 1 if sort == last else 1)
        if self._refusals[1] >= STUCK:
            self.guarded = self.is_stuck = True

    def view(self, shown: Shown) -> View:
        """What the planner is shown now."""
        return View(
            scope_id=self.id,
            depth=self.opened.depth,
            objective=self.opened.objective,
            context=self.opened.context,
            step=self.step - self._since,
            offered=shown.offered,
            draft=self.draft,
            recent=tuple(self._recent),
            gathered=self.gathered,
            cited=self.cited,
            shown=shown,
            notice=self.notice,
        )


def _object(page: str) -> JsonValue:
    """A page as an object; the reason of a refusal as it is."""
    try:
        read: JsonValue = json.loads(page)
    except ValueError:
        return page
    return read
