"""`completion`: what a shell loads to complete commands, options and files."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from investigator.cli.screen import stdout
from investigator.errors import UsageError
from investigator.ground.near_names import did_you_mean

_PROGRAM = "investigator"
_VARIABLE = "_INVESTIGATOR_COMPLETE"
COMPLETED_SHELLS = ("bash", "zsh", "fish")


def take_charge_of_completion() -> None:
    """Answer a shell that asks for completions, as what `completion` prints makes it do."""
    if _VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()


def completion(
    shell: Annotated[
        str, typer.Argument(metavar="bash|zsh|fish", help="The shell.", show_default=False)
    ],
) -> None:
    """
    Print what completes commands and options in a shell.

    [bold]Examples[/]
      investigator completion bash > ~/.local/share/bash-completion/completions/investigator
      investigator completion zsh > ~/.zfunc/_investigator   # a folder of $fpath
      investigator completion fish > ~/.config/fish/completions/investigator.fish

    [bold]Exit codes[/]
      0 printed · 2 no such shell
    """
    from typer._completion_shared import get_completion_script

    if shell not in COMPLETED_SHELLS:
        meant, known = did_you_mean(shell, COMPLETED_SHELLS), ", ".join(COMPLETED_SHELLS)
        raise UsageError(f"no completion for the shell '{shell}'{meant}; there are: {known}")
    script = get_completion_script(prog_name=_PROGRAM, complete_var=_VARIABLE, shell=shell)
    stdout().file.write(f"{script.strip()}\n")
