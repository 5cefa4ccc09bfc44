"""The limits of a run as options: one that is not given stays as it is, `none` lifts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.runtime.budget import Budget

BUDGET_PANEL = "Budget (a number, or `none` for no limit)"


def _limit_option(flag: str, help_text: str, metavar: str = "N") -> Any:
    return typer.Option(
        flag,
        metavar=metavar,
        help=help_text,
        show_default=False,
        rich_help_panel=BUDGET_PANEL,
    )


MaxIterations: TypeAlias = Annotated[
    str | None, _limit_option("--max-iterations", "Planner turns, all scopes together.")
]
MaxToolCalls: TypeAlias = Annotated[
    str | None, _limit_option("--max-tool-calls", "Reads of the trace by a planner.")
]
MaxSubcalls: TypeAlias = Annotated[
    str | None, _limit_option("--max-subcalls", "Child scopes that may be opened.")
]
MaxTokens: TypeAlias = Annotated[
    str | None, _limit_option("--max-tokens", "Model tokens, in and out.")
]
MaxCost: TypeAlias = Annotated[
    str | None, _limit_option("--max-cost-usd", "Model cost in US dollars.", "USD")
]
MaxWallTime: TypeAlias = Annotated[
    str | None, _limit_option("--max-wall-time", "Seconds from start to report.", "SECONDS")
]
MaxDepth: TypeAlias = Annotated[
    str | None, _limit_option("--max-depth", "Levels of child scopes, 0 to 3.", "0-3")
]


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Limits as they stand on the command line, as text; None: not given."""

    max_iterations: MaxIterations = None
    max_tool_calls: MaxToolCalls = None
    max_subcalls: MaxSubcalls = None
    max_tokens: MaxTokens = None
    max_cost_usd: MaxCost = None
    max_wall_time: MaxWallTime = None
    max_depth: MaxDepth = None

    @property
    def given(self) -> dict[str, str]:
        """What was given, by field of `Budget`."""
        texts = {
            "iterations": self.max_iterations,
            "tool_calls": self.max_tool_calls,
            "subcalls": self.max_subcalls,
            "tokens": self.max_tokens,
            "cost_usd": self.max_cost_usd,
            "wall_time_s": self.max_wall_time,
            "depth": self.max_depth,
        }
        return {name: text for name, text in texts.items() if text is not None}


def changed_budget(budget: Budget, limits: LimitOptions) -> Budget:
    """The budget with the limits that were given.

    Raises:
        UsageError: a text is no number from 0 up and not `none`.
    """
    changes = {name: _amount(name, text) for name, text in limits.given.items()}
    depth = changes.get("depth", 0)
    if depth is None or depth > 3:
        raise UsageError("--max-depth takes 0, 1, 2 or 3")
    return type(budget).model_validate(budget.model_dump() | changes)


_FRACTIONS = {"cost_usd", "wall_time_s"}


def _amount(name: str, text: str) -> int | float | None:
    """The value of a limit; None for `none`."""
    if text == "none":
        return None
    number = float if name in _FRACTIONS else int
    try:
        value = number(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        flag = "--max-" + name.removesuffix("_s").replace("_", "-")
        raise UsageError(f"{flag} takes a number from 0 up or `none`, not {text!r}")
    return value
