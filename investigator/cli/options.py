"""Options that several commands share, worded once.

The budget options leave a limit as it is when they are not given; `none` lifts it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import typer

from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.runtime.budget import Budget

BUDGET_PANEL = "Budget (a number, or `none` for no limit)"
RUNS_PANEL = "Runs"

Sources: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Files, folders or globs.", show_default=False),
]
Source: TypeAlias = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A file, folder or glob.", show_default=False)
]
RunId: TypeAlias = Annotated[str, typer.Argument(metavar="RUN_ID", show_default=False)]
RunIds: TypeAlias = Annotated[list[str], typer.Argument(metavar="RUN_ID", show_default=False)]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="JSON on stdout, one object a line, for programs.")
]
Filter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="EXPR",
        help="Traces with a span that matches, e.g. \"status_code == 'ERROR'\".",
        show_default=False,
    ),
]
RunsDir: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--runs-dir", metavar="DIR", help="Where runs are kept.", rich_help_panel=RUNS_PANEL
    ),
]
DEFAULT_RUNS_DIR = Path("artifacts/investigator_runs")


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


class Given(NamedTuple):
    """Limits as they stand on the command line, by field of `Budget`; None: not given."""

    iterations: str | None = None
    tool_calls: str | None = None
    subcalls: str | None = None
    tokens: str | None = None
    cost_usd: str | None = None
    wall_time_s: str | None = None
    depth: str | None = None


def changed_budget(budget: Budget, given: Given) -> Budget:
    """The budget with the limits that were given.

    Raises:
        UsageError: a text is no number from 0 up and not `none`.
    """
    told = given._asdict().items()
    changes = {name: _amount(name, text) for name, text in told if text is not None}
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
