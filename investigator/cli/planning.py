"""Who decides: the flags, then the environment (which typer reads), then the config file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from investigator.cli.planner_options import PlannerOptions
from investigator.errors import UsageError
from investigator.ground.near_names import did_you_mean

if TYPE_CHECKING:
    from investigator.runs.config import Config
    from investigator.runs.planners import PlannerChoice


PLANNERS = ("rules", "model", "hybrid")


def planner_chosen(options: PlannerOptions, config: Config) -> PlannerChoice:
    """The planner that was asked for; rules where nothing was.

    Raises:
        UsageError: a planner without a model, a model that nobody would ask, or settings that do
            not hold together.
    """
    from investigator.runs.planners import PlannerChoice, require_providers

    planner = options.planner or config.planner.get("planner") or "rules"
    if planner == "rules":
        if options.planner is None:
            _refuse_unasked(options)
        return PlannerChoice()
    model, *cheaper = _models(options, config)
    try:
        choice = PlannerChoice.model_validate(
            {"planner": planner, "model": model or None, "cheaper": cheaper}
        )
        require_providers(choice)
        return choice
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "literal_error" and place == "planner":
            near = did_you_mean(planner, PLANNERS)
            raise UsageError(
                f"no planner '{planner}'{near}; there are: {', '.join(PLANNERS)}"
            ) from None
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {reason}" if place else reason) from None


def _refuse_unasked(options: PlannerOptions) -> None:
    """Raise `UsageError` for flags about a model where rules decide because nothing else was said.

    A model in the environment or in the config file is for runs that ask one: it may stand there.
    """
    told: dict[str, str | list[str] | None] = {
        "--model": options.model,
        "--provider": options.provider,
        "--base-url": options.base_url,
        "--api-key-env": options.api_key_env,
    }
    flags = [flag for flag, value in told.items() if value and not _is_in_environment(flag, value)]
    if flags:
        verb = "are" if len(flags) > 1 else "is"
        raise UsageError(
            f"{', '.join(flags)} {verb} about a model, and rules decide, which ask none: add "
            "--planner hybrid (rules, and a model in what they leave open) or --planner model"
        )


def _is_in_environment(flag: str, value: str | list[str]) -> bool:
    """Whether an option has its value from its variable, as typer reads it."""
    name = "INVESTIGATOR_" + flag.removeprefix("--").replace("-", "_").upper()
    said = os.environ.get(name, "")
    return said.split() == value if isinstance(value, list) else said == value


_OF_ONE = (
    "model",
    "price_as",
    *("price_in_per_mtok", "price_out_per_mtok"),
    *("price_cached_per_mtok", "price_cache_write_per_mtok"),
)
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
