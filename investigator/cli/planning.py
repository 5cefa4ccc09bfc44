"""Who decides: the flags, then the environment (which typer reads), then the config file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from investigator.cli.options import PlannerOptions
from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.config import Config
    from investigator.planners import PlannerChoice


def planner_chosen(options: PlannerOptions, config: Config) -> PlannerChoice:
    """The planner that was asked for; rules where nothing was.

    Raises:
        UsageError: a planner without a model, or settings that do not hold together.
    """
    from investigator.planners import PlannerChoice

    told = {
        "model": options.model,
        "provider": options.provider,
        "base_url": options.base_url,
        "api_key_env": options.api_key_env,
    }
    model = {**config.model, **{name: value for name, value in told.items() if value is not None}}
    planner = options.planner or config.planner.get("planner") or "rules"
    try:
        return PlannerChoice.model_validate(
            {"planner": planner, "model": model if planner != "rules" and model else None}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {reason}" if place else reason) from None
