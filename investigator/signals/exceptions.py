"""An exception is one fault: where it was raised, whatever ancestors passed it on.

A failed span passed a fault on when a failed child of it is its last child, or when its own
error quotes the child's. The origin is the failed span, except where the error is about what a
model wrote (bad arguments, code or JSON that does not parse or run): then it is that model call.
Data that does not parse began with the step that put out what the failed one was given.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.inspection.evidence import (
    EvidenceRef,
    message_evidence,
    span_evidence,
    tool_evidence,
)
from investigator.signals.building import build_signal, quoted
from investigator.signals.failure_text import fault_of
from investigator.signals.model import Fault, Signal
from investigator.signals.recovery import later_steps, later_successes, succeeded
from investigator.signals.view import TraceView, error_of
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_io_of

WRITTEN_BY_MODEL = frozenset(
    {
        Fault.BAD_ARGUMENTS,
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
        Fault.INCOMPLETE_RUN,
    }
)
_PLAIN = frozenset({Fault.EXCEPTION, Fault.SCHEMA_MISMATCH, Fault.NOT_FOUND})
_OF_DATA = frozenset({Fault.PARSE_ERROR, Fault.SCHEMA_MISMATCH})
_STEP_KINDS = frozenset({SpanKind.CHAIN, SpanKind.AGENT, SpanKind.UNKNOWN})
_QUOTED = 60


def detect_exceptions(view: TraceView) -> Iterator[Signal]:
    """Failed spans that did not merely pass on the failure of a child."""
    if view.is_transcript:
        return
    recovered = later_steps(view)
    later = later_successes(view, succeeded)
    by_attempt = {a.span.span_id: later[i] for i, a in enumerate(view.attempts)}
    for span in view.trace.spans:
        error = error_of(span)
        if error is not None and not _passed_on(view, span, error):
            known = by_attempt if span.kind is SpanKind.TOOL else recovered
            yield _signal(view, span, error, recovered_by=known.get(span.span_id))


def _passed_on(view: TraceView, span: Span, error: str) -> bool:
    children = view.trace.children(span.span_id)
    for child in children:
        below = error_of(child)
        if below is None:
            continue
        if child is children[-1] or _core(below) in error:
            return True
    return False


def _core(error: str) -> str:
    """The start of an error's message, without its type: what an ancestor would quote."""
    head, _, message = error.partition(": ")
    return (message or head)[:_QUOTED]


def _signal(view: TraceView, span: Span, error: str, *, recovered_by: str | None) -> Signal:
    writer = _writer(view, span)
    fault = fault_of(error) or Fault.EXCEPTION
    ran_code = _ran_code(view, span, writer)
    if ran_code and fault in _PLAIN:
        fault = Fault.FAILED_CODE
    supplier = view.supplier_of(span) if fault in _OF_DATA and writer is None else None
    by_model = fault in WRITTEN_BY_MODEL or (ran_code and fault not in _FROM_OUTSIDE)
    return build_signal(
        view,
        detector="exception",
        fault=fault,
        span=span,
        origin=supplier or (writer if by_model else None),
        evidence=_evidence(view, span, supplier or writer),
        summary=f"{_subject(span)} raised {quoted(error)}",
        strength=0.9,
        recovered_by=recovered_by,
    )


def _evidence(view: TraceView, span: Span, source: Span | None) -> list[EvidenceRef]:
    """The failed span, what it was about, and a second place that bears it out."""
    refs = [span_evidence(span)]
    io = tool_io_of(span)
    if io is not None:
        refs.append(tool_evidence(span, io))
    if source is not None:
        refs.append(view.spoken_evidence(source))
    messages = view.inputs(span)
    if messages:
        refs.append(message_evidence(span, len(messages) - 1, messages[-1]))
    if len(refs) == 1:
        parent = view.trace.parent(span)
        failed_too = parent is not None and error_of(parent) is not None
        other = parent if failed_too else view.step_before(span)
        refs += [span_evidence(other)] if other is not None else []
    return refs


def _subject(span: Span) -> str:
    io = tool_io_of(span)
    return f"{span.kind.value} {(io.name if io is not None else None) or span.name}"


def _writer(view: TraceView, span: Span) -> Span | None:
    """The model call whose output the span was handling when it failed."""
    if span.kind in _STEP_KINDS:
        inner = [c for c in view.trace.children(span.span_id) if c.kind is SpanKind.LLM]
        return inner[-1] if inner else None
    return view.author_of(span) if span.kind is SpanKind.TOOL else None


def _ran_code(view: TraceView, span: Span, writer: Span | None) -> bool:
    """A step that failed after its model call had written code, with no tool failing in it."""
    return span.kind in _STEP_KINDS and writer is not None and "```" in view.said(writer)
