"""A planner sees a view of its scope and says one turn; it decides, it never acts.

A planner is a function of the view alone, so that a run can be resumed from its journal: what
it must remember stands in the draft, the recent steps or the citations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from investigator.errors import InvestigatorError
from investigator.ground.canonical_json import JsonValue
from investigator.runtime.actions import ActionKind, Draft
from investigator.runtime.budget import Amounts
from investigator.runtime.events import (
    ModelTurn,
    PlannerIdentity,
    RunError,
    Shown,
    Usage,
)

RECENT_STEPS = 32
"""How many of its last steps a scope's view shows at most; a prompt those it has room for."""


class StepSeen(NamedTuple):
    """One earlier step: what was asked (the action as JSON text) and what came of it.

    `result` is a tool's page, the children's answers, or the reason of a refusal, as text.
    """

    step: int
    kind: ActionKind | None
    action: str
    result: str
    ok: bool = True
    repeat_of: int | None = None


class View(NamedTuple):
    """All that a planner knows. `cited` maps short ids to references as JSON text.

    `notice` says why the last reply was refused or invalid; `shown` holds the budget that is
    left and the run seconds until the scope's deadline. `gathered` are the ends of the scopes
    that a synthesis is over, in the form in which a parent sees its children's.
    """

    scope_id: str
    depth: int
    objective: str
    context: str
    step: int
    offered: tuple[ActionKind, ...]
    draft: Draft[Any] | None
    recent: tuple[StepSeen, ...]
    cited: Mapping[str, str]
    shown: Shown
    notice: str | None = None
    gathered: tuple[JsonValue, ...] = ()


NO_REFERENCES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TurnBound:
    """The most that a turn can cost; `max_tokens_out` is what a provider is told.

    `shows` are references that the planner sees with the view and can cite, by short id; those
    `in_part` it does not see whole. `redactions` were made in what it sees besides the view.
    """

    amounts: Amounts
    max_tokens_out: int = 0
    asks: ModelTurn | None = None
    shows: Mapping[str, str] = field(default_factory=lambda: NO_REFERENCES)
    in_part: frozenset[str] = frozenset()
    redactions: int = 0


FREE_TURN = TurnBound(Amounts(iterations=1))
"""A turn of a planner that asks no model."""


class Reply(NamedTuple):
    """What a planner said, word for word, and what saying it used (parsed once, here).

    `lost`: how many attempts may have been billed though nobody said how much, this reply's own
    among them; each is booked at the turn's full hold, on top of `usage`.
    """

    text: str
    usage: Usage
    lost: int = 0


class PlannerCallFailed(InvestigatorError):
    """No reply could be had. `usage` and `lost` are what the attempts cost all the same."""

    def __init__(self, error: RunError, usage: Usage, lost: int = 0) -> None:
        self.error = error
        self.usage = usage
        self.lost = lost
        super().__init__(error.message)


class Planner(Protocol):
    """Who decides what a scope does next.

    A `remote` planner asks something outside the process: its calls take time, so they have a
    time limit, and may be charged though no reply arrived. `latency_floor_s` is the least time,
    in seconds, to keep back for a finalize turn. One that is `advised` is told once, before it
    concludes, what its answer would lose.
    """

    @property
    def identity(self) -> PlannerIdentity: ...

    @property
    def remote(self) -> bool: ...

    @property
    def latency_floor_s(self) -> float: ...

    @property
    def advised(self) -> bool: ...

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:
        """What a finalize turn of that size costs at most: each scope's private reserve."""
        ...

    def bound(self, view: View) -> TurnBound:
        """What the turn on this view costs at most."""
        ...

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        """One turn; raises `PlannerCallFailed` where no reply can be had."""
        ...


class FreePlanner:
    """Base of planners that ask no model: every turn costs one iteration and nothing else."""

    remote = False
    latency_floor_s = 0.05
    advised = False

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:  # noqa: ARG002
        """One iteration."""
        return FREE_TURN.amounts

    def bound(self, view: View) -> TurnBound:  # noqa: ARG002
        """One iteration."""
        return FREE_TURN


class FixedPlanner(FreePlanner):
    """Says a fixed list of turns, one a step."""

    identity = PlannerIdentity(planner="fixed")

    def __init__(self, turns: Sequence[str]) -> None:
        self._turns = tuple(turns)

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The turn of this step."""
        return Reply(self._turns[view.step], Usage())
