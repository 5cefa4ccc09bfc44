"""The commands of `investigator`, those of the engines made when they are asked for."""

from __future__ import annotations

import warnings
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from investigator.cli.screen import say

AFTER_ENGINES = (
    "scan",
    "issues",
    "report",
    "baseline",
    "annotate",
    "agreement",
    "controls",
    "runs",
    "mcp",
    "completion",
)
CONTEXT = {"help_option_names": ["-h", "--help"]}


def tell_broken_plugins() -> None:
    """Name the plug-ins that are left out because they cannot be used, a line each."""
    from investigator.ground.plugins import PlugInWarning
    from investigator.runs.plugin_faults import broken_plugins

    warnings.simplefilter("ignore", PlugInWarning)  # they are told here, in the same words
    for broken in broken_plugins():
        say(str(broken), style="yellow")


class Commands(TyperGroup):
    """A group that has a command for each engine, imported when it is first needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the help: sources, questions, what is done with answers."""
        from investigator.runs.engines import engine_names

        tell_broken_plugins()
        own = super().list_commands(ctx)
        first = [name for name in own if name not in AFTER_ENGINES]
        return [*first, *engine_names(), *(name for name in own if name in AFTER_ENGINES)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none."""
        from investigator.runs.engines import BUILT_IN_ENGINES, engine_names

        own = super().get_command(ctx, cmd_name)
        if own is not None or not (cmd_name in BUILT_IN_ENGINES or cmd_name in engine_names()):
            return own
        return EngineCommand(cmd_name, help=BUILT_IN_ENGINES.get(cmd_name))


class EngineCommand(TyperCommand):
    """The command of an engine, of which only the name is known until it is called."""

    def __init__(self, name: str, help: str | None) -> None:  # noqa: A002 (click's own name)
        super().__init__(name, help=help if help is not None else self.made(name).help)

    @staticmethod
    def made(name: str) -> TyperCommand:
        """The command itself, made of the engine's value."""
        from investigator.cli.engine_commands import command_of
        from investigator.runs.engines import engine_named

        alone = typer.Typer(
            rich_markup_mode="rich",
            pretty_exceptions_enable=False,
            add_completion=False,
            context_settings=CONTEXT,
        )
        alone.command(name)(command_of(engine_named(name)))
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """The context of the command itself, which is imported now."""
        assert self.name is not None
        return self.made(self.name).make_context(info_name, args, parent, **extra)
