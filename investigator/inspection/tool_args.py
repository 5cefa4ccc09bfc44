"""The arguments of the inspection tools: closed, bounded, each field required and described.

Each tool has two models: one that names the trace, and one for a planner whose scope is one
trace, which then has nothing to name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from investigator.runtime.tools import ToolArgs
from investigator.traces.model import SpanKind

Offset = Annotated[
    int,
    Field(
        ge=0, le=1_000_000_000, description="Where to go on: 0, or the next_offset of a page before"
    ),
]
SpanId = Annotated[str, Field(description="Id of the span, as list_spans gives it")]
Index = Annotated[int, Field(ge=0, le=1_000_000)]


class InTrace(ToolArgs):
    """Names the trace."""

    trace_id: str = Field(description="Id of the trace, as list_traces gives it")


class ListTraces(ToolArgs):
    """A page of traces."""

    filter: str | None = Field(
        description="Keep traces with a span that matches, such as"
        " \"status_code == 'ERROR' and latency_ms > 1000\"; null for all"
    )
    start_time: str | None = Field(description="Earliest span start, ISO 8601; null for any")
    end_time: str | None = Field(description="Span starts before this, ISO 8601; null for any")
    offset: Offset


class ListSpans(ToolArgs):
    """A page of the spans of a trace."""

    kind: SpanKind | None = Field(description="Keep spans of this kind; null for all")
    errors_only: bool = Field(description="Keep spans with error status only")
    offset: Offset


class GetSpan(ToolArgs):
    """A span's fields, or one of them in full."""

    span_id: SpanId
    field: str | None = Field(
        description="null for a page of all fields; or one in full, as attributes.input.value"
    )
    offset: Offset


class GetChildren(ToolArgs):
    """A page of the direct children of a span."""

    span_id: SpanId
    offset: Offset


class GetMessages(ToolArgs):
    """A page of messages, or one of them in full."""

    span_id: SpanId
    index: Index | None = Field(description="null for a page of all messages; or one to read on")
    offset: Offset


class ToolPart(StrEnum):
    """The texts of a tool call."""

    ARGUMENTS = "arguments"
    RESULT = "result"


class GetToolIO(ToolArgs):
    """A tool call, or one of its texts in full."""

    span_id: SpanId
    part: ToolPart | None = Field(description="null for both, shortened; or one to read on")
    offset: Offset


class GetRetrievalChunks(ToolArgs):
    """A page of retrieved documents, or one of them in full."""

    span_id: SpanId
    position: Index | None = Field(
        description="null for a page of all documents; or one to read on"
    )
    offset: Offset


class SearchTrace(ToolArgs):
    """A page of matches."""

    pattern: str = Field(description="RE2 pattern; start it with (?i) to ignore case")
    fields: list[str] | None = Field(
        description="Fields to search, by name or start of name, such as attributes.output;"
        " null for all"
    )
    offset: Annotated[int, Field(ge=0, le=10_000, description="0, or the next_offset of a page")]


class ListSpansOf(InTrace, ListSpans):
    """With the trace named."""


class GetSpanOf(InTrace, GetSpan):
    """With the trace named."""


class GetChildrenOf(InTrace, GetChildren):
    """With the trace named."""


class GetMessagesOf(InTrace, GetMessages):
    """With the trace named."""


class GetToolIOOf(InTrace, GetToolIO):
    """With the trace named."""


class GetRetrievalChunksOf(InTrace, GetRetrievalChunks):
    """With the trace named."""


class SearchTraceOf(InTrace, SearchTrace):
    """With the trace named."""
