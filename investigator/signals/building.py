"""Signals are built in one place: evidence unique, the summary one bounded line, no secrets."""

from __future__ import annotations

from collections.abc import Iterable

from investigator.inspection.evidence import EvidenceRef
from investigator.inspection.redaction import in_force
from investigator.signals.model import Fault, Signal
from investigator.signals.view import TraceView
from investigator.traces.model import Span

SUMMARY_LIMIT = 200
_QUOTE_LIMIT = 110


def build_signal(
    view: TraceView,
    *,
    detector: str,
    fault: Fault,
    span: Span,
    evidence: Iterable[EvidenceRef],
    summary: str,
    strength: float,
    origin: Span | None = None,
    recovered_by: str | None = None,
) -> Signal:
    """A signal whose origin is `span` unless said otherwise, told of the origin's agent."""
    began = span if origin is None else origin
    agent = view.trace.agent_of(began)
    return Signal(
        detector=detector,
        fault=fault,
        span_id=span.span_id,
        origin_id=began.span_id,
        evidence=unique(evidence),
        summary=shortened(without_secrets(summary), SUMMARY_LIMIT),
        strength=strength,
        agent=None if agent is None else without_secrets(agent),
        recovered_by=recovered_by,
    )


def unique(refs: Iterable[EvidenceRef]) -> tuple[EvidenceRef, ...]:
    """The references in order, each once."""
    return tuple({ref.ref: ref for ref in refs}.values())


def quoted(text: str) -> str:
    """The telling line of an error for a summary: short, on one line, without secrets.

    Of a traceback that is the last line. Secrets go before anything is cut, so that no part of
    one is left.
    """
    telling = text.strip()
    if "Traceback (most recent" in telling:
        telling = telling[telling.rfind("\n") + 1 :]
    return shortened(without_secrets(telling), _QUOTE_LIMIT)


def without_secrets(text: str) -> str:
    """The text as a planner and a report may have it."""
    return in_force().redact(text).text


def shortened(text: str, limit: int) -> str:
    """One line of at most `limit` characters, cut with an ellipsis, and no part of a secret."""
    line = " ".join(without_secrets(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
