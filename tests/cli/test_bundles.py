"""Options that belong together are one value in code and options of their own outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from investigator.cli.bundles import bundled


@dataclass(frozen=True)
class Size:
    """Two options."""

    width: Annotated[int, typer.Option("--width", help="How wide.")] = 1
    height: Annotated[int, typer.Option("--height", help="How high.")] = 2


def _call(*argv: str) -> str:
    app = typer.Typer()

    @app.command()
    @bundled
    def draw(name: Annotated[str, typer.Argument()], size: Size, bold: bool = False) -> None:
        """Draw it."""
        typer.echo(f"{name} {size.width}x{size.height} {bold}")

    ended = CliRunner().invoke(app, argv)
    return ended.output.strip()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["box"], "box 1x2 False"),
        (["box", "--height", "7", "--bold"], "box 1x7 True"),
        (["--width", "3", "box"], "box 3x2 False"),
    ],
)
def test_each_field_is_an_option(argv: list[str], said: str) -> None:
    """With its own default, next to the command's own options."""
    assert _call(*argv) == said


def test_the_help_names_every_option() -> None:
    """As if each had been written into the command."""
    told = _call("--help")
    assert all(text in told for text in ("--width", "How wide.", "--height", "--bold", "Draw it."))
