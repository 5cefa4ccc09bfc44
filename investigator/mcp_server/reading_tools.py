"""The inspection tools over a named source, as planners have them: the same arguments, and pages.

A planner's tool takes what `investigator.inspection.tool_args` says; here `source` comes before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import create_model

from investigator.compliance.library_tools import control_tools
from investigator.controls.model import ControlLibrary
from investigator.ground.redaction import Redactor
from investigator.inspection.trace_tools import inspection_tools
from investigator.mcp_server.engine_calls import source_field
from investigator.mcp_server.mcp_tools import (
    Caller,
    NoArgs,
    ServedTool,
    ToolReply,
    in_thread,
    page_reply,
)
from investigator.mcp_server.served_sources import ServedSources
from investigator.runtime.tools import Tool, ToolArgs
from investigator.store.memory import MemoryInspectionAPI

_SOURCES = "The sources that are served here: name, number of traces, what could not be read."


def reading_tools(sources: ServedSources, library: ControlLibrary) -> Iterator[ServedTool]:
    """`list_sources`, the inspection tools, and those over the control library."""

    async def listed(_args: NoArgs, _caller: Caller) -> ToolReply:
        return ToolReply(content={"sources": await in_thread(sources.summaries)})

    yield ServedTool("list_sources", "Sources", _SOURCES, NoArgs, listed)
    for tool in planner_tools():
        yield _served(tool, sources)
    for tool in control_tools(library):
        yield _of_library(tool)


def planner_tools() -> Sequence[Tool[Any]]:
    """The inspection tools as a planner has them that looks at many traces."""
    return inspection_tools(MemoryInspectionAPI(()), Redactor())


def _served(tool: Tool[Any], sources: ServedSources) -> ServedTool:
    """A tool that is told which source it is to read."""
    fields: dict[str, Any] = {"source": source_field(sources.names)}
    args = create_model(f"{tool.args.__name__}In", __base__=tool.args, **fields)

    async def answer(given: Any, _caller: Caller) -> ToolReply:
        source = sources.named(given.source)
        told = given.model_dump(by_alias=True, exclude={"source"})
        return page_reply(await in_thread(lambda: asyncio.run(source.read(tool.name, told))))

    return ServedTool(tool.name, _title(tool.name), tool.description, args, answer)


def _of_library(tool: Tool[Any]) -> ServedTool:
    async def answer(given: ToolArgs, _caller: Caller) -> ToolReply:
        return page_reply((await tool.run(given, _no_evidence)).page)

    return ServedTool(tool.name, _title(tool.name), tool.description, tool.args, answer)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _no_evidence(_ref: dict[str, Any], /, *, in_part: bool = False) -> str:  # noqa: ARG001
    """A control is no evidence of anything."""
    return ""
