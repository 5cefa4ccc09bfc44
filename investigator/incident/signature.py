"""A failure has a signature: the service, the tool or step, and the type of error.

Two failures of one signature are told once. A trace fails where an open signal is at least
`FAILING_STRENGTH` strong, or where a root ended with status ERROR.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import count_of
from investigator.ground.patterns import well_formed
from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.quoting import QUOTE_LIMIT, Quoting, one_line
from investigator.readings.reading import Readings
from investigator.readings.templates import masked
from investigator.readings.view import error_of
from investigator.signals.detect import detect
from investigator.traces.evidence import (
    EvidenceKind,
    EvidenceRef,
    evaluation_evidence,
    span_evidence,
)
from investigator.traces.model import Span, SpanKind, StatusCode, Trace
from investigator.traces.openinference import tool_io_of

FAILING_STRENGTH = 0.5
"""The strength from which an open signal makes its trace a failing one."""

KNOWN_FAILURE = "known_failure"
"""The error type of a run that the caller or the data says failed; the weakest, told last."""

OF_QUALITY = frozenset({Fault.EMPTY_OUTPUT.value, KNOWN_FAILURE})
"""Failures of the answer alone: such a run took its time and its tokens like any other."""

OCCURRENCE_LIMIT = 20
"""How many failures of one trace are kept, the strongest first."""

Services: TypeAlias = Mapping[str, str]
"""The service of each span, by its id."""

_NAME_LIMIT = 80
_SUMMARY_LIMIT = 200
_SERVICE_KEYS = ("service.name", "resource.service.name", "resource.attributes.service.name")
_GENERIC = frozenset({Fault.EXCEPTION, Fault.HTTP_ERROR})
_ERROR_CLASS = re2.compile(
    r"^\W{0,3}(?:\w+\.)*([A-Z]\w*(?:Error|Exception|Fault|Interrupt|Exit))\b"
)
_HTTP_STATUS = re2.compile(r"(?i)\b(?:HTTP|status|code)\W{0,3}(?:\w+\W{1,2})?([45]\d\d)\b")


@dataclass(frozen=True, slots=True, order=True)
class Signature:
    """What two failures have in common; `service` is empty where no span names one."""

    service: str
    component: str
    error_type: str

    @property
    def text(self) -> str:
        """The stable form: `service | component | error type`."""
        return f"{self.service or '-'} | {self.component} | {self.error_type}"

    @property
    def words(self) -> str:
        """For a sentence, such as `search: timeout`."""
        return f"{self.component}: {self.error_type.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One failure in one trace. `at_ns` is when the step where it surfaced began."""

    signature: Signature
    template: str
    summary: str
    strength: float
    at_ns: int | None
    span_id: str
    evidence: tuple[EvidenceRef, ...]


def occurrences_of(read: Readings, services: Services) -> tuple[Occurrence, ...]:
    """The failures of a trace, each signature once, the strongest first, then the earliest."""
    ranked = sorted(_occurrences(read, services), key=lambda found: -found.strength)
    first: dict[Signature, Occurrence] = {}
    for occurrence in ranked:
        first.setdefault(occurrence.signature, occurrence)
    return tuple(first.values())[:OCCURRENCE_LIMIT]


def root_failed(trace: Trace) -> bool:
    """Whether a root of the trace ended with status ERROR."""
    return any(root.status is StatusCode.ERROR for root in trace.roots)


def services_of(trace: Trace, quote: Quoting) -> Services:
    """For each span the service that did it: named by itself, else above it, else in the trace."""
    own = {span.span_id: _service(span, quote) for span in trace.spans}
    anywhere = next((name for name in own.values() if name), "")
    found: dict[str, str] = {}
    stack = [(root, anywhere) for root in reversed(trace.roots)]
    while stack:
        span, above = stack.pop()
        found[span.span_id] = own[span.span_id] or above
        stack += [(child, found[span.span_id]) for child in trace.children(span.span_id)]
    return found


def component_of(read: Readings, span: Span) -> str:
    """What did the step: the tool, the model call of an agent, else the name of the step.

    The model is not named: a failure stays the same when another model does the same.
    """
    if span.kind is SpanKind.LLM:
        agent = read.trace.agent_of(span)
        return _name(f"model call of {agent}", read.quote) if agent else "model call"
    io = tool_io_of(span)
    return _name((io.name if io is not None else None) or masked(span.name), read.quote)


def _service(span: Span, quote: Quoting) -> str:
    named = next((text for key in _SERVICE_KEYS if (text := span.text(key))), "")
    return quote.line(named, _NAME_LIMIT) if named else ""


def _name(name: str, quote: Quoting) -> str:
    return quote.line(name, _NAME_LIMIT) or "(unnamed)"


def _occurrences(read: Readings, services: Services) -> Iterator[Occurrence]:
    trace, view = read.trace, read.view
    failing = [s for s in detect(read) if s.open and s.strength >= FAILING_STRENGTH]
    tools = {(attempt.span.span_id, attempt.message_index): attempt for attempt in view.attempts}
    for signal in failing:
        span = trace.get(signal.span_id)
        if span is None:
            continue
        attempt = tools.get((span.span_id, _message_index(signal.evidence)))
        raised = error_of(span)
        error = raised if raised is not None else (attempt.failure if attempt else None)
        told = None if error is None else read.quote.error(error)
        component = component_of(read, span) if attempt is None else _name(attempt.tool, read.quote)
        yield Occurrence(
            signature=Signature(services[span.span_id], component, _error_type(signal.fault, told)),
            template=masked(one_line(signal.summary, QUOTE_LIMIT) if told is None else told),
            summary=signal.summary,
            strength=signal.strength,
            at_ns=span.start_ns,
            span_id=span.span_id,
            evidence=signal.evidence,
        )
    if not failing:
        yield from _failed_roots(read, services)
    yield from _known_failure(read, services)


def _known_failure(read: Readings, services: Services) -> Iterator[Occurrence]:
    """The bad end that the caller or the data tells of, at the root: it says no more of where.

    What the data tells is cited, before the run that it is about; the caller's word is no
    evidence, so there the run stands alone.
    """
    root = max(read.trace.roots, key=lambda span: span.latency_ms or 0.0, default=None)
    known = read.outcome
    if root is None or not known.failed:
        return
    told = f"{known.line}{f': {known.symptom}' if known.symptom else ''}"
    yield Occurrence(
        signature=Signature(services[root.span_id], component_of(read, root), KNOWN_FAILURE),
        template=masked(told),
        summary=one_line(told, _SUMMARY_LIMIT),
        strength=FAILING_STRENGTH,
        at_ns=root.start_ns,
        span_id=root.span_id,
        evidence=(*map(evaluation_evidence, known.decided_by), span_evidence(root)),
    )


def _failed_roots(read: Readings, services: Services) -> Iterator[Occurrence]:
    for root in read.trace.roots:
        if root.status is StatusCode.ERROR:
            error = error_of(root) or ""
            fault = fault_of(error) or Fault.EXCEPTION
            component, told = component_of(read, root), read.quote.error(error)
            yield Occurrence(
                signature=Signature(services[root.span_id], component, _error_type(fault, told)),
                template=masked(told),
                summary=one_line(f"{component} ended with {told}", _SUMMARY_LIMIT),
                strength=0.9,
                at_ns=root.start_ns,
                span_id=root.span_id,
                evidence=(span_evidence(root),),
            )


def _message_index(evidence: tuple[EvidenceRef, ...]) -> int | None:
    """The message that the first reference names; None where it names none."""
    first = evidence[0] if evidence else None
    if first is None or first.kind is not EvidenceKind.MESSAGE:
        return None
    return count_of(first.ref.rpartition(":")[2])


def _error_type(fault: Fault, told: str | None) -> str:
    """The fault; where that says only that something failed, what the error calls itself."""
    if fault not in _GENERIC or told is None:
        return fault.value
    telling = well_formed(told)
    status = _HTTP_STATUS.search(telling)
    if status is not None:
        return f"HTTP {status.group(1)}"
    named = _ERROR_CLASS.search(telling)
    return str(named.group(1)) if named is not None else fault.value
