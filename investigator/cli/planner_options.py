"""Who decides, as options: what is not given is as the environment or the config file says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

PLANNER_PANEL = "Who decides (also in investigator.toml)"

ModelNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME",
        envvar="INVESTIGATOR_MODEL",
        help="The model, as its endpoint names it; several, from strong to cheap: the "
        "strongest that can be afforded is asked.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ModelProvider: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        envvar="INVESTIGATOR_PROVIDER",
        help="Whose API it speaks: `openai` (any compatible endpoint), `anthropic`, `google`, "
        "or a plug-in's.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
BaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        envvar="INVESTIGATOR_BASE_URL",
        help="An OpenAI-compatible endpoint, such as http://127.0.0.1:8080/v1.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ApiKeyEnv: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--api-key-env",
        metavar="NAME",
        envvar="INVESTIGATOR_API_KEY_ENV",
        help="The environment variable that holds the key.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A config file other than ./investigator.toml.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class PlannerOptions:
    """Who decides, as it stands on the command line; None: as the config file says."""

    planner: Annotated[
        str | None,
        typer.Option(
            "--planner",
            metavar="rules|model|hybrid",
            envvar="INVESTIGATOR_PLANNER",
            help="Rules, a model, or rules that open scopes in which the model decides.",
            show_default=False,
            rich_help_panel=PLANNER_PANEL,
        ),
    ] = None
    model: ModelNames = None
    provider: ModelProvider = None
    base_url: BaseUrl = None
    api_key_env: ApiKeyEnv = None
    config: ConfigFile = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model is asked, as it stands on the command line; None: as the config file says."""

    model: ModelNames = None
    provider: ModelProvider = None
    base_url: BaseUrl = None
    api_key_env: ApiKeyEnv = None
    config: ConfigFile = None

    @property
    def decides(self) -> PlannerOptions:
        """The same of a run in which that model decides."""
        return PlannerOptions(
            "model", self.model, self.provider, self.base_url, self.api_key_env, self.config
        )
