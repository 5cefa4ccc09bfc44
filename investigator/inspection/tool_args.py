"""The arguments of the inspection tools: closed, bounded, each field required and described.

Each tool has two models: one that names the trace, and one for a planner whose scope is one
trace, which then has nothing to name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from investigator.runtime.tools import ToolArgs
from investigator.runtime.turn_schema import KNOWN, SPAN, TRACE
from investigator.traces.model import SpanKind


class ReadDetail(StrEnum):
    """How much of each step is read."""

    OUTLINE = "outline"
    FULL = "full"


OFFSET = "0, or the next_offset of a page before"
FULL = "null for all, shortened; or one in full"
Offset = Annotated[int, Field(ge=0, le=1_000_000_000, description=OFFSET)]
SpanId = Annotated[
    str,
    Field(description="Id of a span, or of a step such as m12", json_schema_extra={KNOWN: SPAN}),
]
MOST_CODE = 20_000
"""Characters of one piece of code; a longer one would hold data, which the reads give anyway."""
Index = Annotated[int, Field(ge=0, le=1_000_000)]


class InTrace(ToolArgs):
    """Names the trace."""

    trace_id: str = Field(
        description="Id of the trace, as list_traces gives it", json_schema_extra={KNOWN: TRACE}
    )


class ReadSteps(ToolArgs):
    """Some steps of a run, from the first to the last that are named."""

    model_config = ConfigDict(serialize_by_alias=True)

    first: Index = Field(alias="from", description="Number of the first step")
    last: Index | None = Field(alias="to", description="Number of the last; null for the end")
    detail: ReadDetail = Field(description="outline: head and tail of each step")
    offset: Offset


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

    kind: SpanKind | None = Field(description="null for all")
    errors_only: bool = Field(description="Those with error status")
    offset: Offset


class GetSpan(ToolArgs):
    """A span's fields, or one of them in full."""

    span_id: SpanId
    field: str | None = Field(description=f"{FULL}, as attributes.input.value")
    offset: Offset


class GetChildren(ToolArgs):
    """A page of the direct children of a span."""

    span_id: SpanId
    offset: Offset


class GetMessages(ToolArgs):
    """A page of messages, or one of them in full."""

    span_id: SpanId
    index: Index | None = Field(description=FULL)
    offset: Offset


class ToolPart(StrEnum):
    """The texts of a tool call."""

    ARGUMENTS = "arguments"
    RESULT = "result"


class GetToolIO(ToolArgs):
    """A tool call, or one of its texts in full."""

    span_id: SpanId
    part: ToolPart | None = Field(description=FULL)
    offset: Offset


class GetRetrievalChunks(ToolArgs):
    """A page of retrieved documents, or one of them in full."""

    span_id: SpanId
    position: Index | None = Field(description=FULL)
    offset: Offset


class SearchTrace(ToolArgs):
    """A page of matches."""

    pattern: str = Field(description="RE2 pattern; start it with (?i) to ignore case")
    span_id: Annotated[str, Field(description="", json_schema_extra={KNOWN: SPAN})] | None = Field(
        description="Only in this span or step; null for all"
    )
    context: Annotated[int, Field(ge=0, le=40, description="Lines before and after a match")]
    fields: list[str] | None = Field(
        description="null for the steps; else fields of spans by name or its start, such as"
        " attributes.output"
    )
    offset: Annotated[int, Field(ge=0, le=10_000, description=OFFSET)]


class RunCode(ToolArgs):
    """Code to run, and from where on to show what it prints."""

    code: Annotated[str, Field(max_length=MOST_CODE, description="Python; print what to see")]
    offset: Offset


class ReadStepsOf(InTrace, ReadSteps):
    """With the trace named."""


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


class RunCodeOf(InTrace, RunCode):
    """With the trace named."""
