"""A form of failure: the label of its cause, the domains it can befall, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.agent.domain import Domain
from demo.agent.faults.rig import Rig

Install = Callable[[Rig], None]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to fail. `recovers` says for which domains the agent gets over it if it passes."""

    name: str
    label: str
    install: Install
    suits: Callable[[Domain], bool]
    recovers: Callable[[Domain], bool] = lambda _: False
