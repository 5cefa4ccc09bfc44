"""The prompts of a run, made again from its journal and its source; no model is asked.

A prompt is a function of the view, and a replay makes the views again. One is taken for the
prompt that was sent only where the replayed turn is the recorded one: the same hold, and where
the journal has it the same hash of the request. Where a scope's record ends, or goes otherwise,
the scope ends, and the others go on: so an interrupted run has its prompts too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from investigator.errors import ReplayDifference
from investigator.model_planner.model_planner import ModelPlanner
from investigator.model_planner.prompting import Rendered
from investigator.runtime.budget import Amounts, Limits, Resource
from investigator.runtime.calls import CANCELLED
from investigator.runtime.clock import Clock
from investigator.runtime.driver import drive
from investigator.runtime.events import (
    AnyEvent,
    Entry,
    OpenedScope,
    Refused,
    RunResumed,
    ScopesOpened,
    ToolHeld,
    TurnHeld,
    Usage,
    What,
)
from investigator.runtime.history import histories_of
from investigator.runtime.planner import PlannerCallFailed, Reply, TurnBound, View
from investigator.runtime.replay import ReplayExecution
from investigator.runtime.strategy import Run


@dataclass(slots=True)
class Retold:
    """The prompts of a run by the sequence number of their `turn_held`.

    `difference` is the first place at which a replay went otherwise than the record.
    """

    prompts: dict[int, Rendered] = field(default_factory=dict)
    difference: str | None = None


async def prompts_of(run: Run, entries: Sequence[Entry]) -> Retold:
    """The prompts that a run sent, also in turns that a resume made again.

    `run` is rebuilt from the journal over the same data; its source is read, nothing is written.
    """
    retold = Retold()
    if isinstance(run.deciders.model, ModelPlanner):
        for stretch in _stretches(entries):
            await _retell(run, run.deciders.model, stretch, retold)
    return retold


def _stretches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The journal as it was before each resume, which may undo some of it, and as it is."""
    for place, entry in enumerate(entries):
        if isinstance(entry.event, RunResumed):
            yield entries[:place]
    yield entries


async def _retell(run: Run, model: ModelPlanner, entries: Sequence[Entry], retold: Retold) -> None:
    heard = _Heard(model)
    execution = _TellingExecution(entries, heard)
    again = replace(run, deciders=replace(run.deciders, model=heard))
    await drive(again, execution, Clock())
    places = {
        (e.event.scope, e.event.step): e.seq for e in entries if isinstance(e.event, TurnHeld)
    }
    retold.prompts.update({places[place]: prompt for place, prompt in execution.told.items()})
    retold.difference = retold.difference or execution.difference


class _Heard:
    """A model planner of which only the prompts are wanted; it asks nobody."""

    remote = True

    def __init__(self, model: ModelPlanner) -> None:
        self._model = model
        self.identity = model.identity
        self.latency_floor_s = model.latency_floor_s
        self.advised = model.advised
        self.rendered: dict[str, Rendered] = {}

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:
        """The model's."""
        return self._model.finalize_bound(prompt_tokens, output_tokens)

    def bound(self, view: View) -> TurnBound:
        """The model's; the prompt is kept as the newest of its scope."""
        self.rendered[view.scope_id] = self._model.prompt_of(view)
        return self._model.bound(view)

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """No reply: what is not on record was not said."""
        raise PlannerCallFailed(CANCELLED, Usage())


class _TellingExecution(ReplayExecution):
    """A replay in which a scope ends where its record ends or goes otherwise.

    `told` are the prompts of the turns that came out as recorded, by scope and step.
    """

    def __init__(self, entries: Sequence[Entry], heard: _Heard) -> None:
        super().__init__(histories_of(entries))
        self._heard = heard
        self.told: dict[tuple[str, int], Rendered] = {}
        self.difference: str | None = None

    def ask_turn(self, request: TurnHeld) -> TurnHeld | Refused:
        """See `ReplayExecution`."""
        try:
            answer = super().ask_turn(request)
        except ReplayDifference as difference:
            return self._ended(request, "turn", difference)
        if isinstance(answer, TurnHeld) and request.remote:
            self.told[request.scope, request.step] = self._heard.rendered[request.scope]
        return answer

    def ask_tool(self, request: ToolHeld) -> ToolHeld | Refused:
        """See `ReplayExecution`."""
        try:
            return super().ask_tool(request)
        except ReplayDifference as difference:
            return self._ended(request, "tool_call", difference)

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
        """See `ReplayExecution`."""
        try:
            return super().open(
                parent, step, children, kept_s=kept_s, least_s=least_s, parent_shares=parent_shares
            )
        except ReplayDifference as difference:
            asked = ScopesOpened(scope=parent, step=step, scopes=tuple(children))
            return self._ended(asked, "delegate_subcall", difference)

    def open_root(self, root: OpenedScope) -> OpenedScope:
        """See `ReplayExecution`."""
        try:
            return super().open_root(root)
        except ReplayDifference:
            return root

    def record(self, event: AnyEvent) -> None:
        """See `ReplayExecution`; what is not on record is not kept."""
        try:
            super().record(event)
        except ReplayDifference as difference:
            self._end(event.scope, difference)

    def left(self, scope_id: str) -> Limits:  # noqa: ARG002
        """Unlimited: nothing more is granted where it is asked for."""
        return Limits()

    def _ended(
        self, request: TurnHeld | ToolHeld | ScopesOpened, what: What, difference: ReplayDifference
    ) -> Refused:
        """The answer past the end of a scope's record."""
        self._end(request.scope, difference)
        return Refused(
            scope=request.scope,
            step=request.step,
            what=what,
            resource=Resource.WALL_TIME,
            wait=False,
            message=str(difference),
        )

    def _end(self, scope_id: str, difference: ReplayDifference) -> None:
        history = self._histories.get(scope_id)
        if history:
            self.difference = self.difference or str(difference)
            history.clear()
