"""Who decides in a scope follows from the terms on which it opens, so a resumed run chooses alike.

The choice is the run's, made once for each scope as it opens; a planner knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from investigator.runtime.events import OpenedScope, PlannerIdentity
from investigator.runtime.planner import FixedPlanner, Planner

ScopeTest = Callable[[OpenedScope], bool]


@dataclass(frozen=True, slots=True)
class Deciders:
    """The two planners of a run, and which of them decides in a scope.

    `takes_model` is true of the scopes that the model decides in; all others are the rules'.
    Where `reaches` is not true of a scope, no model decides in it or below it, so it holds back
    for its end what the rules' costs; all others hold back what the model's would, whoever
    decides. With `stand_in`, the rules take over a scope in which the model fails. `identity` is
    what the run is recorded under.
    """

    identity: PlannerIdentity
    rules: Planner
    model: Planner
    takes_model: ScopeTest
    reaches: ScopeTest
    stand_in: bool = False

    def planner_of(self, scope: OpenedScope) -> Planner:
        """Who decides in a scope: its own list of actions where it has one, else one of the two."""
        if scope.actions is not None:
            return FixedPlanner(scope.actions)
        return self.model if self.takes_model(scope) else self.rules

    def stand_in_of(self, scope: OpenedScope, opener: PlannerIdentity | None) -> Planner | None:
        """Who takes over a scope in which its planner fails; None: it ends.

        Nobody does where a model opened the scope: rules know only what they or the engine ask.
        """
        if not self.stand_in or scope.actions is not None or not self.takes_model(scope):
            return None
        by_model = opener is not None and opener.model_name is not None
        return None if by_model and scope.opened_by == "planner" else self.rules

    def most_expensive_of(self, scope: OpenedScope) -> Planner:
        """The more expensive planner that may decide in a scope or below it."""
        return self.model if self.reaches(scope) else self.rules

    @property
    def latency_floor_s(self) -> float:
        """The least time, in seconds, to keep back for a finalize turn of the run's."""
        return self.model.latency_floor_s


def one_planner(planner: Planner) -> Deciders:
    """The same planner decides in every scope."""
    return Deciders(planner.identity, planner, planner, _every, _every)


def _every(scope: OpenedScope) -> bool:  # noqa: ARG001
    return True
