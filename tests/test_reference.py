"""The reference is made of the code: nothing that users meet is missing, or without words."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from documentation.figures import figures
from documentation.reference import pages, settings_table, tool_parts
from documentation.words import MissingWords, first_paragraph, member_words, one_line
from investigator.cli.exits import Exit
from investigator.formats import FORMATS
from investigator.runtime.status import ErrorCode
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs
from investigator.signals.detect import BUILT_IN_DETECTORS
from tests.documents import DOCS

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_golden_reference(name: str, golden: Callable[[Path, str], None]) -> None:
    """Each page is what the code says now."""
    golden(DOCS / name, PAGES[name])


def test_golden_figures(golden: Callable[[Path, str], None]) -> None:
    """Each figure is drawn from a run as it goes now, and is the same on every machine."""
    for name, drawn in figures().items():
        golden(DOCS / name, drawn)


def test_no_file_of_the_reference_is_left_over() -> None:
    """Each is one of those that are made."""
    there = [path for path in (DOCS / "reference").rglob("*") if path.is_file()]
    assert {str(path.relative_to(DOCS)) for path in there} <= set(PAGES)


def test_the_reference_has_every_value_of_each_kind() -> None:
    """Formats, detectors, error codes and exit codes, as the code lists them."""
    assert all(one.reads in PAGES["reference/formats.md"] for one in FORMATS)
    assert all(f"| `{name}` |" in PAGES["reference/signals.md"] for name in BUILT_IN_DETECTORS)
    assert all(f"| `{one}` |" in PAGES["reference/codes.md"] for one in ErrorCode)
    assert all(f"| {one.value} |" in PAGES["reference/codes.md"] for one in Exit)


class _Settings(BaseModel):
    """Settings of which one is not described."""

    told: int = 0
    """It is."""
    silent: int = 0


class _Ending(StrEnum):
    WELL = "well"


class _Args(ToolArgs):
    """Arguments of which one is not described."""

    span_id: str
    offset: int = Field(description="Where to go on")


def _tool(description: str, args: type[ToolArgs]) -> Tool[ToolArgs]:
    async def run(_args: ToolArgs, _cite: Cite) -> ToolAnswer:
        raise NotImplementedError

    return Tool("look", description, args, run)


def test_a_setting_without_words_fails() -> None:
    """And the error names it."""
    assert "It is." in settings_table(_Settings, ("told",))
    with pytest.raises(MissingWords, match=r"_Settings\.silent"):
        settings_table(_Settings)


def test_a_code_without_words_fails() -> None:
    """And the error names it."""
    with pytest.raises(MissingWords, match=r"_Ending\.WELL"):
        member_words(_Ending.WELL)


def test_a_tool_without_words_fails() -> None:
    """Its own, or those of an argument."""
    with pytest.raises(MissingWords, match="look has no description"):
        tool_parts([_tool("", ToolArgs)])
    with pytest.raises(MissingWords, match="look: span_id"):
        tool_parts([_tool("Looks.", _Args)])


def test_whatever_has_no_words_fails() -> None:
    """A format, a detector or a control goes the same way."""
    with pytest.raises(MissingWords, match="Newest trace"):
        one_line("  ", "Newest trace")
    with pytest.raises(MissingWords, match="newest"):
        first_paragraph("", "newest")
