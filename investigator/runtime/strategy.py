"""What an engine is to the driver: which scopes to open, and what their ends amount to.

An engine contains no loop, no budget arithmetic and no journal code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel

from investigator.runtime.actions import ActionSpace
from investigator.runtime.deciders import Deciders
from investigator.runtime.endings import Outputs
from investigator.runtime.events import OpenedScope, PlannerIdentity, RunOpened, ScopeClosed
from investigator.runtime.status import Artifact
from investigator.runtime.tools import ToolRegistry


class Brief(NamedTuple):
    """What a scope of the engine is to find out, and from what it starts."""

    objective: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The scopes that a run opens.

    With a `root`, scope 0 itself runs a planner and delegates as it sees fit. Without one,
    `scopes` run side by side as its children, the most important first, and then the
    `synthesis`, where there is one, over their ends.
    """

    root: Brief | None = None
    scopes: tuple[Brief, ...] = ()
    synthesis: Brief | None = None

    @property
    def children(self) -> tuple[Brief, ...]:
        """What is opened below scope 0, in this order: the synthesis is opened first."""
        return (*(() if self.synthesis is None else (self.synthesis,)), *self.scopes)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the scopes of a run ended. `closed` holds all of them, delegated ones too, in order.

    `scopes` are the ends of the plan's scopes by position, None for one that was left out.
    `deciders` says of each scope that ran who decided in it. `made_good` are the gaps of models
    that failed and in whose place rules concluded: the run lacks something, the rules' word none.
    `fell_short` are the scopes in which a model had used up what the rules needed for that.
    """

    root: ScopeClosed
    scopes: tuple[ScopeClosed | None, ...]
    synthesis: ScopeClosed | None
    closed: Mapping[str, ScopeClosed]
    left_out: tuple[str, ...] = ()
    deciders: Mapping[str, PlannerIdentity] = field(default_factory=dict)
    made_good: frozenset[str] = frozenset()
    fell_short: frozenset[str] = frozenset()

    def by_model(self, scope_id: str) -> bool:
        """Whether a model decided in a scope."""
        decider = self.deciders.get(scope_id)
        return decider is not None and decider.model_name is not None

    def by_rules(self, scope_id: str) -> bool:
        """Whether rules decided in a scope; also where nothing is known of it."""
        decider = self.deciders.get(scope_id)
        return decider is None or decider.planner == "rules"

    @property
    def gaps(self) -> Iterator[str]:
        """What was left out, then what each scope could not do."""
        yield from self.left_out
        for scope in self.closed.values():
            yield from scope.gaps


class Strategy(Protocol):
    """What an engine adds to the driver.

    `finalize_tokens` is its declared bound of a finalize turn: prompt and output tokens.
    """

    artifact: Artifact
    finalize_tokens: tuple[int, int]

    @property
    def plan(self) -> Plan: ...

    @property
    def guide(self) -> str:
        """What a model is told of the engine's question: what its findings are and name."""
        ...

    @property
    def space(self) -> ActionSpace[Any, Any]: ...

    @property
    def outputs(self) -> Outputs[Any]: ...

    def takes_model(self, scope: OpenedScope) -> bool:
        """Whether a model has something to decide in a scope or below it.

        Where it has not, rules decide, in that scope and in all below it, and no token is spent.
        It follows from the terms of the scope alone, so a run goes on, and is replayed, alike.
        """
        ...

    def conclude(self, ended: Ended) -> BaseModel | None:
        """The report, pure; None where the scopes give none."""
        ...

    def check(self, report: BaseModel) -> list[str]:
        """What is wrong with a report's evidence; nothing if all of it resolves."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run needs besides its folder."""

    opened: RunOpened
    strategy: Strategy
    tools: ToolRegistry
    deciders: Deciders
