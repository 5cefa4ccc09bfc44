"""Whether a run stays within bounds: retries, tokens, cost, time, and faults left open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import unseen_calls
from investigator.controls.checks.violations import CERTAIN, WORDED
from investigator.controls.required_evidence import about, tokens_of
from investigator.ground.wording import counted, times
from investigator.readings.conversation import Source
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView, error_of
from investigator.signals.detect import detect
from investigator.traces.evidence import EvidenceRef, span_evidence, unique
from investigator.traces.model import Span

_SHOWN = 4
_SECOND = 1_000_000_000
_COST_KEYS = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.total")


class BoundedRetries(Params):
    """How many failures in a row are too many: of the same call, and of the same tool."""

    same_call: int = Field(default=3, ge=1)
    same_tool: int = Field(default=5, ge=1)


def bounded_retries(subject: Readings, params: BoundedRetries) -> Checked:
    """No agent repeats what keeps failing, neither a call nor a model request."""
    view = subject.view
    loops: dict[str | None, list[Attempt]] = {}
    for attempt in view.attempts:
        loops.setdefault(view.scope(attempt.span), []).append(attempt)
    violations = [v for attempts in loops.values() for v in _repeats(view, attempts, params)]
    violations += _model_repeats(view, params.same_call)
    return Checked(
        violations=tuple(violations),
        missing=unseen_calls(subject.conversation) if not view.attempts else (),
        scanned=f"{counted(len(view.attempts), 'attempt')} and "
        f"{counted(len(view.model_calls), 'model call')}",
        evidence=_places([attempt.span for attempt in view.attempts] or view.model_calls),
    )


def _repeats(
    view: TraceView, attempts: Sequence[Attempt], params: BoundedRetries
) -> Iterator[Violation]:
    """Runs of failures in one loop that are longer than they may be; the graver kind is told."""
    by_tool: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_tool.setdefault(attempt.tool, []).append(attempt)
    for tool, tried in by_tool.items():
        told = set[str]()
        for same, limit, what in (
            (_same_call, params.same_call, "the same way"),
            (_same_tool, params.same_tool, "in a row"),
        ):
            for failed, group in groupby(tried, key=same):
                run = list(group)
                if failed is None or len(run) <= limit or run[0].span.span_id in told:
                    continue
                told.add(run[0].span.span_id)
                refs = [ref for one in (run[limit], run[0]) for ref in view.evidence(one)]
                yield Violation(
                    span_id=run[limit].span.span_id,
                    summary=f"{view.quote.name(tool)} failed {times(len(run))} {what}",
                    evidence=unique(refs),
                    strength=CERTAIN,
                )


def _same_call(attempt: Attempt) -> str | None:
    return None if attempt.failure is None else attempt.arguments


def _same_tool(attempt: Attempt) -> str | None:
    return None if attempt.failure is None else attempt.tool


def _model_repeats(view: TraceView, limit: int) -> Iterator[Violation]:
    by_scope: dict[str | None, list[Span]] = {}
    for call in view.model_calls:
        by_scope.setdefault(view.scope(call), []).append(call)
    for calls in by_scope.values():
        for failed, group in groupby(calls, key=lambda call: error_of(call) is not None):
            run = list(group)
            if failed and len(run) > limit:
                yield Violation(
                    span_id=run[limit].span_id,
                    summary=f"{counted(len(run), 'model call')} in a row failed",
                    evidence=(span_evidence(run[limit]), span_evidence(run[0])),
                    strength=CERTAIN,
                )


class UsageBudget(Params):
    """The most that a run may use; a limit that is not given is not looked at."""

    total_tokens: int | None = Field(default=None, ge=0)
    cost_usd: float | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)
    model_calls: int | None = Field(default=None, ge=0)
    tool_calls: int | None = Field(default=None, ge=0)


def usage_budget(subject: Readings, params: UsageBudget) -> Checked:
    """The run stays within each limit; what is not recorded cannot be said to."""
    calls = subject.view.model_calls
    tools = [attempt.span for attempt in subject.view.attempts]
    parts = (
        _summed(subject, calls, tokens_of, params.total_tokens, "tokens"),
        _summed(subject, calls, _cost_of, params.cost_usd, "dollars"),
        _timed(subject, params.seconds),
        _counted(calls, params.model_calls, "model calls"),
        _counted(tools, params.tool_calls, "tool calls"),
    )
    asked = [part for part in parts if part is not None]
    unset = () if asked else ("no limit is set; give some as params of usage_budget",)
    return Checked(
        violations=tuple(violation for part in asked for violation in part.violations),
        missing=(*unset, *(line for part in asked for line in part.missing)),
        scanned=", ".join(part.scanned for part in asked if part.scanned),
        evidence=_places(calls or subject.trace.roots),
    )


def _summed(
    subject: Readings,
    calls: Sequence[Span],
    measured: Callable[[Span], float | None],
    limit: float | None,
    unit: str,
) -> Checked | None:
    if limit is None:
        return None
    known = [(span, used) for span in calls if (used := measured(span)) is not None]
    total = sum(used for _, used in known)
    missing: tuple[str, ...] = () if calls else (f"no model call is recorded, so no {unit}",)
    named = {span.span_id for span, _ in known}
    unknown = (span for span in calls if span.span_id not in named)
    largest = [span for span, _ in sorted(known, key=lambda pair: -pair[1])]
    missing = (*missing, *about(subject, unknown, f"without {unit}"))
    return _compared(total, limit, unit, largest, missing)


def _timed(subject: Readings, limit: float | None) -> Checked | None:
    if limit is None:
        return None
    spans = [s for s in subject.trace.spans if s.start_ns is not None and s.end_ns is not None]
    if not spans:
        return Checked(missing=("no span has a start and an end",))
    first = min(spans, key=lambda span: span.start_ns or 0)
    last = max(spans, key=lambda span: span.end_ns or 0)
    taken = ((last.end_ns or 0) - (first.start_ns or 0)) / _SECOND
    timed = {span.span_id for span in spans}
    untimed = (span for span in subject.trace.spans if span.span_id not in timed)
    missing = tuple(about(subject, untimed, "without a start or an end"))
    return _compared(taken, limit, "seconds", [first, last], missing)


def _counted(spans: Sequence[Span], limit: int | None, unit: str) -> Checked | None:
    return None if limit is None else _compared(len(spans), limit, unit, spans[limit:], ())


def _compared(
    used: float, limit: float, unit: str, spans: Sequence[Span], missing: Sequence[str]
) -> Checked:
    scanned = f"{used:,.10g} {unit} of at most {limit:,.10g}"
    violations = (
        [
            Violation(
                span_id=spans[0].span_id,
                summary=f"the run used {scanned}",
                evidence=_places(spans),
                strength=CERTAIN,
            )
        ]
        if used > limit and spans
        else []
    )
    return Checked(tuple(violations), tuple(missing), scanned)


def _cost_of(span: Span) -> float | None:
    """The cost of a model call in dollars, where it was recorded as a number."""
    for key in _COST_KEYS:
        value = span.attributes.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return float(value)
    return None


class OpenFaults(Params):
    """Which faults may not be left open at the end of a run."""

    faults: tuple[Fault, ...] = Field(min_length=1)


def open_faults(subject: Readings, params: OpenFaults) -> Checked:
    """No such fault is seen that a later step did not make good."""
    found = [s for s in subject.kept(detect) if s.open and s.fault in params.faults]
    names = " or ".join(fault.value.replace("_", " ") for fault in params.faults)
    return Checked(
        violations=tuple(
            Violation(
                span_id=signal.span_id,
                summary=signal.summary,
                evidence=signal.evidence,
                strength=min(signal.strength, WORDED),
            )
            for signal in found
        ),
        missing=(*unseen_calls(subject.conversation), *_not_understood(subject, params.faults)),
        scanned=f"{counted(len(subject.trace.spans), 'span')}, looked through for {names}",
        evidence=_places(subject.view.model_calls or subject.trace.roots),
    )


_READ_IN_WORDS = {
    Fault.FORMAT_VIOLATION: (Source.SYSTEM, Source.USER),
    Fault.SCHEMA_MISMATCH: (Source.SYSTEM, Source.USER),
    Fault.INCOMPLETE_RUN: (Source.ASSISTANT,),
}
"""Whose words say that there is such a fault."""


def _not_understood(subject: Readings, faults: Sequence[Fault]) -> tuple[str, ...]:
    sources = {source for fault in faults for source in _READ_IN_WORDS.get(fault, ())}
    return subject.requests.not_understood(*sources) if sources else ()


def _places(spans: Sequence[Span]) -> tuple[EvidenceRef, ...]:
    return unique(map(span_evidence, spans[:_SHOWN]))


CHECKS = (
    Check("bounded_retries", BoundedRetries, bounded_retries),
    Check("usage_budget", UsageBudget, usage_budget),
    Check("open_faults", OpenFaults, open_faults),
)
