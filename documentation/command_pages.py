"""`docs/cli.md`: every command and every option, in the words of `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import typer

from documentation.tables import table
from documentation.words import one_line
from investigator.cli.commands import EngineCommand
from investigator.cli.main import app

_INTRO = (
    "Made of the commands' own help. Results go to stdout, everything about the work to stderr. "
    "[Exit codes](reference/codes.md#exit-codes) are the same for all: where several are due, the "
    "most serious is returned."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of the tree: its words and what typer knows of it."""

    words: tuple[str, ...]
    spec: typer.core.TyperCommand

    @property
    def title(self) -> str:
        """The command as it is typed."""
        return " ".join(self.words)

    @property
    def options(self) -> list[typer.core.TyperOption]:
        """Its options, in the order of `--help`."""
        return [p for p in self.spec.params if isinstance(p, typer.core.TyperOption)]


def commands() -> list[Command]:
    """Every command that does something, in the order of `--help`."""
    return list(_walk(("investigator",), typer.main.get_command(app)))


def _walk(words: tuple[str, ...], spec: object) -> Iterator[Command]:
    if isinstance(spec, typer.core.TyperGroup):
        context = typer.Context(spec)
        for name in spec.list_commands(context):
            child = spec.get_command(context, name)
            known = child.made(name) if isinstance(child, EngineCommand) else child
            yield from _walk((*words, name), known)
    elif isinstance(spec, typer.core.TyperCommand):
        yield Command(words, spec)


def command_page() -> str:
    """The page."""
    parts = ["# Commands", _INTRO]
    for command in commands():
        text = re.sub(r"\[bold\](.*?)\[/\]", r"\1:", _dedented(command.spec.help or ""))
        parts += [f"## `{_usage(command)}`", _prose(text), _option_table(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _dedented(text: str) -> str:
    lines = text.strip().splitlines()
    margin = min((len(x) - len(x.lstrip()) for x in lines[1:] if x.strip()), default=0)
    return "\n".join([lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])])


def _prose(text: str) -> str:
    """Paragraphs as they are; lines that are indented become a code block."""
    shown: list[str] = []
    for line in text.splitlines():
        code = line.startswith("  ")
        if code and shown and shown[-1] and not shown[-1].startswith("    "):
            shown.append("")
        shown.append(f"    {line.strip()}" if code else line)
    return "\n".join(shown)


def _usage(command: Command) -> str:
    names = [p for p in command.spec.params if not isinstance(p, typer.core.TyperOption)]
    words = [(p.metavar or p.name or "") + ("..." if p.nargs == -1 else "") for p in names]
    return " ".join([command.title, *words])


def _option_table(command: Command) -> str:
    rows = (
        (_flags(option), option_words(command, option) + _default(option))
        for option in command.options
    )
    return table(("option", "meaning"), rows)


def option_words(command: Command, option: typer.core.TyperOption) -> str:
    """What an option does.

    Raises:
        MissingWords: its help is empty.
    """
    return one_line(option.help or "", f"{command.title} {_flags(option)}")


def _flags(option: typer.core.TyperOption) -> str:
    flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
    return f"{flags} {option.metavar}" if option.metavar else flags


def _default(option: typer.core.TyperOption) -> str:
    shown: Sequence[object] = (None, False)
    if option.show_default and option.default not in shown and not option.required:
        return f" Default: {option.default}."
    return ""
