"""What the parser refuses is told as other errors are: what was given, and what was meant.

The parser's own way is a box with another layout, which a log of a build breaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from investigator.ground.near_names import did_you_mean

if TYPE_CHECKING:
    # typer brings its own copy of click, whose errors have no public name.
    from typer._click.exceptions import UsageError as ParserError


def usage_in_words(error: ParserError) -> str:
    """The error in one line, with the name that was meant and where the right ones are listed."""
    context = error.ctx
    refused = _refused(error, context)
    if context is None:
        return refused
    return f"{refused}; `{context.command_path} --help` shows how it is called"


def _refused(error: ParserError, context: Any) -> str:
    command = None if context is None else context.command
    match type(error).__name__:
        case "NoSuchOption":
            name = getattr(error, "option_name", "")
            return f"no option '{name}'{did_you_mean(name, _options(command))}"
        case "MissingParameter":
            return f"{_parameter(error)} is missing"
        case "BadParameter":
            said = error.message.removeprefix("Value error, ").rstrip(".")
            return f"{_parameter(error)}: {said[:1].lower()}{said[1:]}"
        case "BadOptionUsage":
            return f"{getattr(error, 'option_name', '')} takes a value, and none is given"
        case _:
            return _plainly(error.format_message(), command, context)


def _plainly(said: str, command: Any, context: Any) -> str:
    """A message of the parser that has no class of its own."""
    if said.startswith("No such command "):
        name = said.removeprefix("No such command ").split("'")[1]
        return f"no command '{name}'{did_you_mean(name, command.list_commands(context))}"
    if said.startswith("Got unexpected extra argument"):
        given = said.partition("(")[2].rpartition("(")[2].rstrip(")")
        return f"'{given}' is more than it takes"
    return f"{said[:1].lower()}{said[1:].rstrip('.')}"


def _parameter(error: Any) -> str:
    """The option or the argument that is meant, as `--help` names it."""
    if error.param is None:
        return str(error.param_hint or "an argument")
    if error.param.param_type_name == "option":
        return str(max(error.param.opts, key=len))
    return str(error.param.metavar or error.param.name)


def _options(command: Any) -> list[str]:
    """Every flag that a command takes."""
    parameters = [] if command is None else command.params
    return [flag for one in parameters for flag in (*one.opts, *one.secondary_opts)]
