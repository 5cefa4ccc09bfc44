"""What several detectors saw of one fault is one signal.

Signals of one fault at one origin are one. A signal that names no more than that something
failed (`exception`, `http_error`, `rejected_request`) gives way to a specific one at the same
place. The merged signal has the evidence of all, the greatest strength, and is recovered only if
all are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from investigator.readings.faults import Fault
from investigator.signals.model import Signal
from investigator.traces.evidence import unique
from investigator.traces.model import Trace

_GENERIC = frozenset({Fault.EXCEPTION, Fault.HTTP_ERROR, Fault.REJECTED_REQUEST, Fault.FAILED_CODE})
_ABOUT_OTHERS = frozenset(
    {
        Fault.REPEATED_CALL,
        Fault.REPEATED_ACT,
        Fault.IGNORED_TOOL_ERROR,
        Fault.FORMAT_VIOLATION,
        Fault.IGNORED_INSTRUCTION,
        Fault.PARTIAL_READ,
        Fault.OFF_TASK_ANSWER,
        Fault.INCOMPLETE_RUN,
        Fault.TRUNCATED_OUTPUT,
        Fault.UNSUPPORTED_ANSWER,
        Fault.UNSUPPORTED_CLAIM,
        Fault.EMPTY_OUTPUT,
        Fault.WRITTEN_CALL,
        Fault.UNMADE_CALL,
        Fault.CLAIMED_ACT,
        Fault.INVENTED_OBSERVATION,
        Fault.UNANSWERED_CALL,
        Fault.LOST_CONTEXT,
        Fault.LOOP,
        Fault.CONTRADICTION,
        Fault.MISREAD_REQUEST,
        Fault.BROKEN_RULE,
    }
)
"""Faults of a course of events or of an answer, which stand beside the fault of a single call."""


def merged(signals: Iterable[Signal], trace: Trace) -> tuple[Signal, ...]:
    """Signals without repetition, by where they began, then the strongest first."""
    groups: dict[tuple[str, str, Fault | None], list[Signal]] = {}
    for signal in signals:
        own = signal.fault if signal.fault in _ABOUT_OTHERS else None
        surface = "" if own is not None else signal.span_id
        groups.setdefault((signal.origin_id, surface, own), []).append(signal)
    single = [_one(group) for group in groups.values()]
    single = _joined_by_origin(single)
    order = {span.span_id: place for place, span in enumerate(trace.spans)}
    return tuple(
        sorted(single, key=lambda s: (order[s.origin_id], -s.strength, s.fault, order[s.span_id]))
    )


def _joined_by_origin(signals: list[Signal]) -> list[Signal]:
    """A fault seen both where it began and where it surfaced is told where it surfaced."""
    groups: dict[tuple[str, Fault], list[Signal]] = {}
    for signal in signals:
        groups.setdefault((signal.origin_id, signal.fault), []).append(signal)
    return [_one(group) for group in groups.values()]


def _one(group: list[Signal]) -> Signal:
    ranked = sorted(
        group,
        key=lambda s: (s.fault in _GENERIC, s.span_id == s.origin_id, -s.strength, s.detector),
    )
    first = ranked[0]
    closed = all(signal.recovered_by is not None for signal in group)
    return replace(
        first,
        evidence=unique(ref for signal in ranked for ref in signal.evidence),
        strength=max(signal.strength for signal in group),
        recovered_by=first.recovered_by if closed else None,
    )
