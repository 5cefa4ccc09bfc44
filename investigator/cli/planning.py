"""Who decides: the flags, then the environment (which typer reads), then the config file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    planner = options.planner or config.planner.get("planner") or "rules"
    if planner == "rules":
        return PlannerChoice()
    model, *cheaper = _models(options, config)
    try:
        return PlannerChoice.model_validate(
            {"planner": planner, "model": model or None, "cheaper": cheaper}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {reason}" if place else reason) from None


_OF_ONE = ("model", "price_in_per_mtok", "price_out_per_mtok")
"""What one model's settings do not hand on to the next."""


def _models(options: PlannerOptions, config: Config) -> list[dict[str, Any]]:
    """The settings of each model, the strongest first: flags, then the file, then the one before.

    Models that are named by flags take the place of those in the file.
    """
    flags = {
        "provider": options.provider,
        "base_url": options.base_url,
        "api_key_env": options.api_key_env,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    first: dict[str, Any] = {**config.model, **given}
    named = [{"model": name} for name in options.model or ()]
    if named and named[0]["model"] != first.get("model"):
        first = {name: value for name, value in first.items() if name not in _OF_ONE}
    following = named[1:] if named else [dict(settings) for settings in config.cheaper]
    shared = {name: value for name, value in first.items() if name not in _OF_ONE}
    return [{**first, **(named[0] if named else {})}, *({**shared, **s} for s in following)]
