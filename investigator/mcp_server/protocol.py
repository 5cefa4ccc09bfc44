"""The server as the protocol sees it: tools, resources, a prompt, and errors that help.

It speaks what the SDK speaks: revision 2026-07-28, where each request stands alone, and the
handshake of the revisions before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, TypeVar

import mcp_types as wire
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp_types.jsonrpc import INVALID_PARAMS

from investigator.controls.library import load_library
from investigator.errors import InvestigatorError
from investigator.mcp_server.investigation_prompt import (
    INSTRUCTIONS,
    investigation_prompt,
    listed_prompts,
)
from investigator.mcp_server.mcp_tools import ServedTool, in_thread
from investigator.mcp_server.reading_tools import reading_tools
from investigator.mcp_server.run_jobs import RunJobs
from investigator.mcp_server.run_resources import (
    listed_resources,
    read_resource,
    resource_templates,
)
from investigator.mcp_server.running_tools import RunFollowing, RunMaking, engine_tools, run_tools
from investigator.mcp_server.served_runs import ServedRuns
from investigator.mcp_server.served_sources import ServedSources

CONTROLS = "controls-v1"
"""The library that list_controls and its like read."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Served:
    """All that a server serves."""

    sources: ServedSources
    runs: ServedRuns
    jobs: RunJobs
    tools: dict[str, ServedTool]
    following: RunFollowing


def served(sources: ServedSources, making: RunMaking, workers: int) -> Served:
    """A server's parts, of its sources and of how it makes runs; in an event loop."""
    jobs = RunJobs(workers)
    runs = ServedRuns(making.settings.runs, sources, jobs)
    following = RunFollowing(runs)
    library = load_library(CONTROLS, making.config.controls)
    tools = [
        *reading_tools(sources, library),
        *engine_tools(sources, runs, making, following),
        *run_tools(runs, following),
    ]
    return Served(sources, runs, jobs, {tool.name: tool for tool in tools}, following)


@dataclass(frozen=True, slots=True)
class _Caller:
    """A client that waits for the answer to a call."""

    context: ServerRequestContext[Any]

    @property
    def request_id(self) -> object:
        return self.context.request_id

    async def tell(self, progress: float, total: float | None, message: str) -> None:
        await self.context.session.report_progress(progress, total, message)


def mcp_protocol(offered: Served) -> Server[Any]:
    """The server of the SDK over what is served."""
    handlers = _Handlers(offered)
    server: Server[Any] = Server(
        "investigator",
        title="Phoenix-RLM Investigator",
        version=version("phoenix-rlm-investigator"),
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.prompt,
    )
    server.add_notification_handler(
        "notifications/cancelled", wire.CancelledNotificationParams, handlers.cancelled
    )
    return server


class _Handlers:
    """One method a request of the protocol."""

    def __init__(self, offered: Served) -> None:
        self._offered = offered

    async def list_tools(
        self, _context: object, _params: wire.PaginatedRequestParams | None
    ) -> wire.ListToolsResult:
        return wire.ListToolsResult(
            tools=[tool.described() for tool in self._offered.tools.values()]
        )

    async def call_tool(
        self, context: ServerRequestContext[Any], params: wire.CallToolRequestParams
    ) -> wire.CallToolResult:
        tool = self._offered.tools.get(params.name)
        if tool is None:
            near = get_close_matches(params.name, self._offered.tools, 1)
            meant = f"; did you mean '{near[0]}'?" if near else "; tools/list shows them"
            raise MCPError(INVALID_PARAMS, f"no tool '{params.name}'{meant}")
        try:
            reply = await tool.call(params.arguments or {}, _Caller(context))
        except InvestigatorError as refused:
            block = wire.TextContent(type="text", text=str(refused))
            return wire.CallToolResult(content=[block], is_error=True)
        return reply.result()

    async def list_resources(
        self, _context: object, _params: wire.PaginatedRequestParams | None
    ) -> wire.ListResourcesResult:
        found = await in_thread(lambda: listed_resources(self._offered.runs))
        return wire.ListResourcesResult(resources=found)

    async def list_templates(
        self, _context: object, _params: wire.PaginatedRequestParams | None
    ) -> wire.ListResourceTemplatesResult:
        return wire.ListResourceTemplatesResult(resource_templates=resource_templates())

    async def read(
        self, _context: object, params: wire.ReadResourceRequestParams
    ) -> wire.ReadResourceResult:
        uri = str(params.uri)
        content = await in_thread(lambda: _or_told(lambda: read_resource(self._offered.runs, uri)))
        return wire.ReadResourceResult(contents=[content])

    async def list_prompts(
        self, _context: object, _params: wire.PaginatedRequestParams | None
    ) -> wire.ListPromptsResult:
        return wire.ListPromptsResult(prompts=listed_prompts())

    async def prompt(
        self, _context: object, params: wire.GetPromptRequestParams
    ) -> wire.GetPromptResult:
        given, names = params.arguments or {}, self._offered.sources.names
        return _or_told(lambda: investigation_prompt(params.name, given, names))

    async def cancelled(self, _context: object, params: wire.CancelledNotificationParams) -> None:
        """The run of a call that the client cancelled ends too."""
        self._offered.following.cancel_call(params.request_id)


def _or_told(answer: Callable[[], _T]) -> _T:
    """What was asked for; a mistake as an error of the protocol."""
    try:
        return answer()
    except InvestigatorError as refused:
        raise MCPError(INVALID_PARAMS, str(refused)) from None
