"""A trace as detectors see it: every call that was tried, who asked for it, what came back.

Frameworks write the same fact in three ways: as a TOOL span, as a tool message in the input of
the next model call, or as a turn of a chat transcript. `TraceView.attempts` is the one form of
all three. A run builds one view for a trace (`Readings.view`) and only reads it from then on.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import canonical_json
from investigator.readings.failure_text import failure_in, is_execution_output
from investigator.readings.quoting import Quoting
from investigator.traces.evidence import (
    Citation,
    EvidenceRef,
    citable_message,
    citable_span,
    message_evidence,
    span_evidence,
    tool_evidence,
)
from investigator.traces.model import (
    Message,
    RetrievalChunk,
    Span,
    SpanKind,
    StatusCode,
    ToolIO,
    Trace,
)
from investigator.traces.openinference import (
    ToolDefinition,
    input_messages_of,
    output_messages_of,
    retrieval_chunks_of,
    tool_definitions_of,
    tool_io_of,
)

CODE = "code execution"
"""The tool name of an attempt that ran code which a model wrote."""

_ARGUMENT_LIMIT = 20_000
_TELLING = 2
TOOL_ROLES = frozenset({"tool", "function", "tool-response", "tool_response", "ipython"})
_SPEAKERS = frozenset({SpanKind.LLM, SpanKind.AGENT, SpanKind.UNKNOWN, SpanKind.CHAIN})
_CODE_BLOCK = re2.compile(r"(?m)^ *(?:```|~~~)[ \t]*[A-Za-z]*[ \t]*$")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call and what came back. `failure` is the text that says it failed, else None.

    `span` is where the outcome surfaced, `author` the step that asked for the call;
    `message_index` names the message of `span` that holds the outcome where it is no TOOL span.
    """

    span: Span
    author: Span | None
    tool: str
    arguments: str
    result: str | None
    failure: str | None
    message_index: int | None = None


class TraceView:
    """Memoised readings of one trace; what is quoted of it goes through `quote`."""

    def __init__(self, trace: Trace, quote: Quoting) -> None:
        self.trace = trace
        self.quote = quote
        self._inputs: dict[str, tuple[Message, ...]] = {}
        self._outputs: dict[str, tuple[Message, ...]] = {}
        self._documents: dict[str, tuple[RetrievalChunk, ...]] = {}
        self._failures: dict[str, str | None] = {}
        self._position = {span.span_id: i for i, span in enumerate(trace.spans)}

    def inputs(self, span: Span) -> tuple[Message, ...]:
        """What the step was given."""
        if span.span_id not in self._inputs:
            self._inputs[span.span_id] = input_messages_of(span)
        return self._inputs[span.span_id]

    def outputs(self, span: Span) -> tuple[Message, ...]:
        """What the step answered."""
        if span.span_id not in self._outputs:
            self._outputs[span.span_id] = output_messages_of(span)
        return self._outputs[span.span_id]

    def documents(self, span: Span) -> tuple[RetrievalChunk, ...]:
        """What the step retrieved."""
        if span.span_id not in self._documents:
            self._documents[span.span_id] = retrieval_chunks_of(span)
        return self._documents[span.span_id]

    def failure_in(self, text: str) -> str | None:
        """The part of a tool's answer that says it failed, as `failure_text` has it.

        An answer stands in its own span and in later requests, and many answers are alike.
        """
        if text not in self._failures:
            self._failures[text] = failure_in(text)
        return self._failures[text]

    def position(self, span: Span) -> int:
        """Where the span stands in the order of the trace."""
        return self._position[span.span_id]

    def said(self, span: Span) -> str:
        """The text a step put out; in a transcript, what its turn says."""
        messages = self.outputs(span) or (self.inputs(span) if self.is_transcript else ())
        if messages:
            return "\n".join(message.full_text for message in messages)
        return span.text("output.value") or ""

    @cached_property
    def is_transcript(self) -> bool:
        """A chat log: every span is a turn of it."""
        return bool(self.trace.spans) and all(span.is_turn for span in self.trace.spans)

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every call that was tried, in order of where its outcome surfaced."""
        if self.is_transcript:
            return tuple(self._transcript_attempts())
        tool_spans = [span for span in self.trace.spans if span.kind is SpanKind.TOOL]
        if tool_spans:
            return tuple(self._tool_attempt(span) for span in tool_spans)
        return tuple(self._message_attempts())

    def tools_offered(self, span: Span) -> tuple[ToolDefinition, ...]:
        """The tools that a step was offered; in a transcript, those that are told of all of it."""
        return tool_definitions_of(span) or (self._offered_to_all if self.is_transcript else ())

    @cached_property
    def _offered_to_all(self) -> tuple[ToolDefinition, ...]:
        told = (tool_definitions_of(span) for span in self.trace.spans)
        return next((tools for tools in told if tools), ())

    def scope(self, span: Span) -> str | None:
        """The agent (or tool) whose loop the span is a step of: the nearest such ancestor."""
        return self._scopes[span.span_id]

    def loop_of(self, span: Span) -> str | None:
        """The loop that the span belongs to: a tool's own span is part of its caller's loop."""
        return None if self.is_transcript else self._loops[span.span_id]

    @cached_property
    def _scopes(self) -> dict[str, str | None]:
        return self._nearest(SpanKind.AGENT, SpanKind.TOOL)

    @cached_property
    def _loops(self) -> dict[str, str | None]:
        return self._nearest(SpanKind.AGENT)

    def _nearest(self, *holders: SpanKind) -> dict[str, str | None]:
        """For each span the nearest one above it of these kinds."""
        found: dict[str, str | None] = {root.span_id: None for root in self.trace.roots}
        stack = list(self.trace.roots)
        while stack:
            span = stack.pop()
            inside = span.span_id if span.kind in holders else found[span.span_id]
            children = self.trace.children(span.span_id)
            found.update((child.span_id, inside) for child in children)
            stack += children
        return found

    @cached_property
    def _spans_by_scope(self) -> dict[str | None, list[Span]]:
        found: dict[str | None, list[Span]] = {}
        for span in self.trace.spans:
            found.setdefault(self.scope(span), []).append(span)
        return found

    def spans_in(self, scope: str | None) -> tuple[Span, ...]:
        """The steps of one agent's loop, in order."""
        return tuple(self._spans_by_scope.get(scope, ()))

    @cached_property
    def model_calls(self) -> tuple[Span, ...]:
        """The LLM spans, in order."""
        return tuple(span for span in self.trace.spans if span.kind is SpanKind.LLM)

    @cached_property
    def _model_calls_by_scope(self) -> dict[str | None, tuple[Span, ...]]:
        found: dict[str | None, list[Span]] = {}
        for span in self.model_calls:
            found.setdefault(self.scope(span), []).append(span)
        return {scope: tuple(spans) for scope, spans in found.items()}

    def model_calls_in(self, scope: str | None) -> tuple[Span, ...]:
        """The model calls of one agent's loop, in order."""
        return self._model_calls_by_scope.get(scope, ())

    @cached_property
    def _callers(self) -> dict[str, Span]:
        """The span that wrote each tool call, by call id."""
        return {
            call.call_id: span
            for span in reversed(self.trace.spans)
            if span.kind in _SPEAKERS
            for message in self.outputs(span)
            for call in message.tool_calls
            if call.call_id
        }

    def caller_of(self, call_id: str) -> Span | None:
        """The span that wrote the call of an id; None where no output shows it."""
        return self._callers.get(call_id)

    def author_of(self, span: Span, call_id: str | None = None) -> Span | None:
        """The model call that asked for what `span` did.

        Known by the id of the call, else taken as the last model call before it in the same
        agent's loop.
        """
        if call_id is not None and call_id in self._callers:
            return self._callers[call_id]
        calls = self._model_calls_by_scope.get(self.scope(span), ())
        end = bisect_left(calls, self.position(span), key=self.position)
        before = (calls[place] for place in range(end - 1, -1, -1))
        return next((call for call in before if not self.trace.encloses(call, span)), None)

    @cached_property
    def _first_outputs(self) -> dict[str, Span]:
        """The first span that put out each text."""
        found: dict[str, Span] = {}
        for span in self.trace.spans:
            for text in (span.text("output.value"), *(m.content for m in self.outputs(span))):
                if text is not None and len(text) >= _TELLING:
                    found.setdefault(text, span)
        return found

    def supplier_of(self, span: Span) -> Span | None:
        """The earlier step whose output, as it stands, is the input of `span`."""
        given = span.text("input.value")
        found = self._first_outputs.get(given) if given is not None else None
        earlier = found is not None and self.position(found) < self.position(span)
        return found if earlier else None

    def step_before(self, span: Span) -> Span | None:
        """The step right before `span` under the same parent."""
        parent = self.trace.parent(span)
        beside = self.trace.roots if parent is None else self.trace.children(parent.span_id)
        index = bisect_left(beside, self.position(span), key=self.position)
        return beside[index - 1] if index else None

    def evidence(self, attempt: Attempt) -> tuple[EvidenceRef, ...]:
        """References to the outcome and to what asked for it."""
        refs = [self._outcome_evidence(attempt)]
        if attempt.message_index is None:
            refs.append(span_evidence(attempt.span))
        if attempt.author is not None and attempt.author is not attempt.span:
            refs.append(self.spoken_evidence(attempt.author))
        return tuple(refs)

    def spoken(self, span: Span) -> Citation:
        """What a step put out, as its last message where it has one, else the span."""
        inputs, outputs = self.inputs(span), self.outputs(span)
        messages = inputs + outputs
        if outputs or (self.is_transcript and messages):
            return citable_message(span, len(messages) - 1, messages[-1])
        return citable_span(span)

    def spoken_evidence(self, span: Span) -> EvidenceRef:
        """The reference to what a step put out."""
        return self.spoken(span).evidence

    def given_evidence(self, span: Span) -> EvidenceRef:
        """The last message that a step was given, else the span."""
        messages = self.inputs(span)
        if messages:
            return message_evidence(span, len(messages) - 1, messages[-1])
        return span_evidence(span)

    def _outcome_evidence(self, attempt: Attempt) -> EvidenceRef:
        span, index = attempt.span, attempt.message_index
        if index is not None:
            return message_evidence(span, index, (self.inputs(span) + self.outputs(span))[index])
        io = tool_io_of(span)
        return span_evidence(span) if io is None else tool_evidence(span, io)

    def _tool_attempt(self, span: Span) -> Attempt:
        io = tool_io_of(span) or ToolIO(name=None, arguments=None, result=None)
        raised = error_of(span)
        return Attempt(
            span=span,
            author=self.author_of(span, io.call_id),
            tool=io.name or span.name,
            arguments=same_arguments(io.arguments),
            result=io.result,
            failure=raised if raised is not None else self.failure_in(io.result or ""),
        )

    def _message_attempts(self) -> Iterator[Attempt]:
        """Tool messages that are new in the input of a model call, where tools have no spans."""
        for calls in self._model_calls_by_scope.values():
            seen, previous = 0, None
            for span in calls:
                messages = self.inputs(span)
                for index in range(min(seen, len(messages)), len(messages)):
                    if messages[index].role in TOOL_ROLES:
                        yield self._message_attempt(span, index, author=previous)
                seen, previous = len(messages), span

    def _message_attempt(self, span: Span, index: int, *, author: Span | None) -> Attempt:
        messages = self.inputs(span)
        message = messages[index]
        asked = [
            call
            for earlier in messages[:index]
            for call in earlier.tool_calls
            if call.call_id is not None and call.call_id == message.tool_call_id
        ]
        return Attempt(
            span=span,
            author=self._callers.get(message.tool_call_id or "", author),
            tool=asked[-1].name if asked else message.name or "tool",
            arguments=same_arguments(asked[-1].arguments if asked else None),
            result=message.content,
            failure=self._failure_of(message),
            message_index=index,
        )

    def _failure_of(self, message: Message) -> str | None:
        """What a tool's message says of its failure; its text, where the source marks it as one."""
        said = self.failure_in(message.content or "")
        if said is None and message.is_error:
            return message.content or "the result is marked as an error"
        return said

    def _transcript_attempts(self) -> Iterator[Attempt]:
        previous: Span | None = None
        for span in self.trace.spans:
            if span.kind is SpanKind.TOOL:
                yield self._turn_attempt(span, previous)
            elif previous is not None and is_execution_output(self.said(span)):
                yield self._execution_attempt(span, previous)
            elif span.kind in _SPEAKERS:
                previous = span

    def _turn_attempt(self, span: Span, previous: Span | None) -> Attempt:
        io = tool_io_of(span) or ToolIO(name=None, arguments=None, result=None)
        messages = self.inputs(span) + self.outputs(span)
        call_id = io.call_id or (messages[-1].tool_call_id if messages else None)
        author = self._callers.get(call_id or "", previous)
        asked = [
            call
            for message in (self.outputs(author) if author is not None else ())
            for call in message.tool_calls
            if call.call_id == call_id
        ]
        result = io.result if io.result is not None else self.said(span)
        raised = error_of(span)
        return Attempt(
            span=span,
            author=author,
            tool=io.name or (asked[0].name if asked else span.name),
            arguments=same_arguments(io.arguments or (asked[0].arguments if asked else None)),
            result=result,
            failure=raised if raised is not None else self.failure_in(result),
            message_index=len(messages) - 1 if messages else None,
        )

    def _execution_attempt(self, span: Span, author: Span) -> Attempt:
        text = self.said(span)
        messages = self.inputs(span) + self.outputs(span)
        return Attempt(
            span=span,
            author=author,
            tool=CODE,
            arguments=code_in(self.said(author)),
            result=text,
            failure=self.failure_in(text),
            message_index=len(messages) - 1 if messages else None,
        )


def error_of(span: Span) -> str | None:
    """The text of a span's own failure: its exception, its status message; None if it has none."""
    for event in reversed(span.events):
        if event.name == "exception":
            kind = event.attributes.get("exception.type") or "exception"
            return f"{kind}: {event.attributes.get('exception.message') or span.status_message}"
    if span.status is StatusCode.ERROR:
        return span.status_message or "the span ended with status ERROR"
    return None


def same_arguments(arguments: str | None) -> str:
    """Arguments in a form in which equal calls are equal: canonical JSON, else trimmed text.

    Arguments that were written as JSON twice over are read through both.
    """
    text = (arguments or "").strip()
    if text[:1] not in ("{", "[", '"') or len(text) > _ARGUMENT_LIMIT:
        return text
    return _canonical_arguments(text)


@lru_cache(maxsize=512)
def _canonical_arguments(text: str) -> str:
    """A call's arguments stand in its request, in its own span, and in later histories."""
    try:
        # Not `read_json`: what JSON cannot say (NaN) stays as it was written, for it is judged so.
        value = json.loads(text)
        if not isinstance(value, str):
            return canonical_json(value)
        return same_arguments(value) if value.lstrip()[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return text


def code_in(text: str) -> str:
    """What stands between the first fence and the last; empty where nothing is fenced."""
    fences = list(_CODE_BLOCK.finditer(text))
    return text[fences[0].end() : fences[-1].start()].strip() if len(fences) > 1 else ""
