"""A planner that says what a script holds, as slowly and at the cost that it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio

from investigator.runtime.budget import Amounts
from investigator.runtime.events import PlannerIdentity, Usage
from investigator.runtime.planner import FREE_TURN, PlannerCallFailed, Reply, TurnBound, View


class ScriptedPlanner:
    """Says the turns of a script.

    `script` maps a scope id to its turns, a text or a failure for each step; a scope that runs
    past its script repeats the last turn. `latency_s` is slept before each reply, `usage` is
    charged for it, `bound` is held for it; one that is `advised` is told before it concludes, as a
    model is.
    """

    def __init__(
        self,
        script: Mapping[str, Sequence[str | PlannerCallFailed]],
        *,
        latency_s: float = 0.0,
        usage: Usage | None = None,
        bound: TurnBound = FREE_TURN,
        advised: bool = False,
    ) -> None:
        self._script = script
        self._latency_s = latency_s
        self._usage = usage or Usage()
        self._bound = bound
        self.advised = advised
        self.remote = usage is not None or latency_s > 0
        self.latency_floor_s = max(0.05, latency_s)
        self.identity = PlannerIdentity(planner="scripted")
        self.asked: list[View] = []

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:  # noqa: ARG002
        """The same as for any other turn."""
        return self._bound.amounts

    def bound(self, view: View) -> TurnBound:  # noqa: ARG002
        """What the script was given."""
        return self._bound

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The scripted turn."""
        self.asked.append(view)
        if self._latency_s:
            await anyio.sleep(self._latency_s)
        turns = self._script[view.scope_id]
        turn = turns[min(view.step, len(turns) - 1)]
        if isinstance(turn, PlannerCallFailed):
            raise turn
        return Reply(turn, self._usage)
