"""What kind of fault a raised error is, and at which step that fault began.

The words of an error say less than its place. Code that fails on what another step put out was
given bad data by that step; a tool that cannot read an answer though it was called rightly was
given bad data from outside; a model call that fails, fails at its provider; a tool that is
stopped at its own limit of time is slow itself, while one that waits for another service is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from investigator.ground import lazy_re2 as re2
from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.view import TraceView
from investigator.signals.arguments import Arguments, judged_arguments
from investigator.signals.formats import asks_for_json
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_io_of

WRITTEN_BY_MODEL = frozenset(
    {
        Fault.BAD_ARGUMENTS,
        Fault.WRONG_QUERY,
        Fault.UNKNOWN_TOOL,
        Fault.PARSE_ERROR,
        Fault.FAILED_CODE,
        Fault.MISSING_CAPABILITY,
        Fault.UNSUPPORTED_INPUT,
        Fault.EMPTY_RETRIEVAL,
    }
)
"""Faults that began with the model call which wrote the call, the query or the code."""

_FROM_OUTSIDE = frozenset(
    {
        Fault.RATE_LIMIT,
        Fault.CONNECTION,
        Fault.HTTP_ERROR,
        Fault.AUTH,
        Fault.MISCONFIGURED,
        Fault.INCOMPLETE_RUN,
    }
)
_BY_MODEL_CALL = {
    Fault.EXCEPTION: Fault.HTTP_ERROR,
    Fault.BAD_ARGUMENTS: Fault.REJECTED_REQUEST,
    Fault.UNKNOWN_TOOL: Fault.REJECTED_REQUEST,
    Fault.UNSUPPORTED_INPUT: Fault.REJECTED_REQUEST,
    Fault.WRONG_QUERY: Fault.MISCONFIGURED,
    Fault.NOT_FOUND: Fault.MISCONFIGURED,
}
"""What the words mean where a provider refuses a model call: the framework wrote that request, and
what does not exist there is the model or deployment that the configuration names."""
_OF_SERVICES = frozenset(
    {*_FROM_OUTSIDE, Fault.TIMEOUT, Fault.RESOURCE_EXHAUSTED, Fault.MISSING_CAPABILITY}
)
_PLAIN = frozenset({Fault.EXCEPTION, Fault.SCHEMA_MISMATCH, Fault.NOT_FOUND})
_OF_DATA = frozenset({Fault.PARSE_ERROR, Fault.SCHEMA_MISMATCH})
_MAYBE_OF_DATA = frozenset(
    {Fault.EXCEPTION, Fault.BAD_ARGUMENTS, Fault.UNSUPPORTED_INPUT, Fault.NOT_FOUND, *_OF_DATA}
)
_STEP_KINDS = frozenset({SpanKind.CHAIN, SpanKind.AGENT, SpanKind.UNKNOWN})
_DATA_KINDS = frozenset({SpanKind.TOOL, SpanKind.RETRIEVER})

_HANDLING = re2.compile(
    r"^\s*[\w.]*(?:TypeError|ValueError|KeyError|IndexError|AttributeError|LookupError"
    r"|Decode\w*Error|Validation\w*|\w*(?:Parse|Parser|Schema|Unit|Conversion|Format)\w*Error)\b"
)
"""Types of errors that handling data raises."""

_READING = re2.compile(
    r"(?i)JSONDecodeError|expecting value|unterminated|extra data: line|not well-formed"
    r"|ValidationError|\bvalidation errors?\b|SchemaError|KeyError"
)
_OVER_NETWORK = re2.compile(
    r"(?i)https?:|\b(?:host|url|server|service|api|endpoint|upstream|gateway|port|request|response"
    r"|database|provider)\b|connect|socket|\bread ?(?:timed|timeout)|\b(?:408|504)\b"
    r"|no (?:answer|response|reply) from"
)
_OF_ITS_OWN = re2.compile(
    r"(?i)\b(?:tool|function|execution|command|process|subprocess|script|job|task|worker|code)\b"
)
_LIMIT_TYPE = re2.compile(r"TimeoutExpired|(?:Tool|Execution)Timeout")
_TYPE = re2.compile(r"^\s*[\w.]+(?:Error|Exception|Timeout|Expired)\b:?\s*")
_OF_TIME = re2.compile(
    r"(?i)timed? ?out|time limit|deadline|did not finish|no (?:answer|response|reply|result)\b"
    r"|\b(?:within|after) [\d.]+ ?(?:s|ms|sec|seconds|minutes)\b"
)
_WINDOW = 2_000


@dataclass(frozen=True, slots=True)
class Cause:
    """A fault with the step where it began; `source` is a step that bears it out, if any."""

    fault: Fault
    origin: Span | None = None
    source: Span | None = None


def cause_of(view: TraceView, span: Span, error: str) -> Cause:
    """The cause of an error that `span` raised; without an origin it began there."""
    fault = fault_of(error) or Fault.EXCEPTION
    writer = _writer(view, span)
    if fault is Fault.INCOMPLETE_RUN and (stuck := _stuck_at(view, span)):
        return Cause(fault, stuck, stuck)
    if span.kind is SpanKind.RETRIEVER and fault not in _OF_SERVICES:
        return Cause(Fault.FAILED_RETRIEVAL)
    if span.kind is SpanKind.LLM and fault in _BY_MODEL_CALL:
        return Cause(_BY_MODEL_CALL[fault])
    if span.kind is SpanKind.TOOL:
        if known := _of_tool(view, span, error, fault, writer):
            return known
        io = tool_io_of(span)
        fault = fault_of_call(fault, (io.arguments if io is not None else None) or "")
    supplier = view.supplier_of(span) if writer is None else None
    if supplier is not None and (given := _of_given(view, span, error, fault, supplier)):
        return given
    ran_code = _ran_code(view, span, writer)
    if ran_code and fault in _PLAIN:
        fault = Fault.FAILED_CODE
    by_model = fault in WRITTEN_BY_MODEL or (ran_code and fault not in _FROM_OUTSIDE)
    return Cause(fault, writer if by_model else None, writer)


def fault_of_call(fault: Fault, arguments: str) -> Fault:
    """The fault of a call of a tool: a request that was refused is as its caller wrote it.

    A call without arguments says nothing that could be refused: then the tool wrote the request.
    """
    written = arguments.strip() not in ("", "{}", "null")
    return Fault.BAD_ARGUMENTS if fault is Fault.REJECTED_REQUEST and written else fault


def _of_tool(
    view: TraceView, span: Span, error: str, fault: Fault, writer: Span | None
) -> Cause | None:
    """What the schema of a tool, or its limit of time, tell of its failure; None for nothing."""
    if fault is Fault.TIMEOUT and _ran_too_long(span, error):
        return Cause(Fault.TOOL_TIMEOUT, None, writer)
    if fault not in _MAYBE_OF_DATA:
        return None
    arguments = judged_arguments(view, span)
    if arguments is Arguments.WRONG:
        return Cause(Fault.BAD_ARGUMENTS, writer, writer)
    if arguments is Arguments.SOUND and _READING.search(error[:_WINDOW]) is not None:
        parsed = fault is Fault.PARSE_ERROR
        return Cause(Fault.PARSE_ERROR if parsed else Fault.SCHEMA_MISMATCH, None, writer)
    return None


def _ran_too_long(span: Span, error: str) -> bool:
    """Whether a timeout is of the tool itself, and not of a service that it waited for.

    Only the line that speaks of time is read: what an error quotes below it is another's.
    """
    head = _TYPE.match(error[:_WINDOW])
    message = error[head.end() if head is not None else 0 : _WINDOW]
    line = next((one for one in message.splitlines() if _OF_TIME.search(one)), "")
    if _OVER_NETWORK.search(line) is not None:
        return False
    if head is not None and _LIMIT_TYPE.search(head.group()) is not None:
        return True
    io = tool_io_of(span)
    named = io is not None and bool(io.name) and (io.name or "") in line
    return named or _OF_ITS_OWN.search(line) is not None


def _of_given(
    view: TraceView, span: Span, error: str, fault: Fault, supplier: Span
) -> Cause | None:
    """What a step that fails on the output of another says of that; None where it says nothing."""
    if supplier.kind is SpanKind.LLM and fault in _OF_DATA and asks_for_json(view, supplier):
        return Cause(Fault.FORMAT_VIOLATION, supplier, supplier)
    if fault in _OF_DATA:
        return Cause(fault, supplier, supplier)
    is_leaf = not view.trace.children(span.span_id)
    handled = fault in _MAYBE_OF_DATA and _HANDLING.search(error[:_WINDOW]) is not None
    if is_leaf and handled and span.kind in _STEP_KINDS and supplier.kind in _DATA_KINDS:
        return Cause(Fault.SCHEMA_MISMATCH, supplier, supplier)
    return None


def _stuck_at(view: TraceView, span: Span) -> Span | None:
    """The last model call of a loop that ended on a failed call: that is where it gave out."""
    tried = [a for a in view.attempts if view.scope(a.span) == span.span_id]
    calls = view.model_calls_in(span.span_id)
    return calls[-1] if calls and tried and tried[-1].failure is not None else None


def _writer(view: TraceView, span: Span) -> Span | None:
    """The model call whose output the span was handling when it failed."""
    if span.kind in _STEP_KINDS:
        inner = [c for c in view.trace.children(span.span_id) if c.kind is SpanKind.LLM]
        return inner[-1] if inner else None
    return view.author_of(span) if span.kind is SpanKind.TOOL else None


def _ran_code(view: TraceView, span: Span, writer: Span | None) -> bool:
    """A step that failed after its model call had written code, with no tool failing in it."""
    return span.kind in _STEP_KINDS and writer is not None and "```" in view.said(writer)
