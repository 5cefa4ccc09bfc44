"""What a run did, act after act, in a form in which two runs of one task can be compared.

An act is a call with its result, a search with what it found, words of a model, or work of the
application that has a span of its own: a failed model call, a step that reads or checks. Acts
come in the order in which they ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from investigator.readings.conversation import Action
from investigator.readings.deeds.deed import CHANGES, DeedEffect
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.readings.view import error_of
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span, SpanKind

_CHANGES = CHANGES | {DeedEffect.SEND}
_STATUS_KEYS = ("http.response.status_code", "http.status_code")
_REFUSED = 400
_SPEAKERS = frozenset({SpanKind.LLM, SpanKind.UNKNOWN})
"""Where a silence is one of a model; an agent's own span may just repeat its last words."""

_SAID = frozenset({StepKind.MODEL, StepKind.ANSWER})


class ActKind(StrEnum):
    """What an act is."""

    CALL = "call"
    SEARCH = "search"
    SAY = "say"
    MODEL = "model call"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `name` is the tool, the searcher, the agent or the span's name.

    `given` are arguments or input, `came` what was answered, found or said; `failed` is the text of
    a failure. `span` is where it stands, `by` the step that asked for it, `began` the step in
    which it failed. Acts of one `turn` were asked for together. `is_last` marks the answer,
    `unknown` a call of which the trace doesn't say what came of it, `changes` one that leaves the
    world other than it was.
    """

    kind: ActKind
    name: str
    given: str
    came: str
    span: Span
    by: Span
    began: Span
    evidence: tuple[EvidenceRef, ...]
    failed: str | None = None
    turn: int | None = None
    step: int | None = None
    is_last: bool = False
    unknown: bool = False
    changes: bool = False

    @property
    def text(self) -> str:
        """All that it says."""
        return f"{self.given}\n{self.came}"


def run_acts(readings: Readings) -> tuple[Act, ...]:
    """The acts of a run, in order."""
    steps = list(_of_steps(readings))
    if readings.view.is_transcript:
        return tuple(steps)
    ends = _ends(readings)
    others = sorted(_of_spans(readings), key=lambda act: ends[act.span.span_id])
    merged: list[Act] = []
    place = 0
    for act in steps:
        while place < len(others) and ends[others[place].span.span_id] < ends[act.span.span_id]:
            merged.append(others[place])
            place += 1
        merged.append(act)
    return (*merged, *others[place:])


def _of_steps(readings: Readings) -> Iterator[Act]:
    trace, steps = readings.trace, readings.steps
    made = {_key((a.evidence,), a.tool, a.arguments): a for a in readings.conversation.actions}
    for step in steps:
        span = trace.get(step.span_id)
        if span is None:
            continue
        asked = None if step.asked_by is None else trace.get(steps[step.asked_by].span_id)
        if step.kind is StepKind.DECISION:
            continue  # work of a span: compared with the other spans, below
        if step.call is not None:
            action = made.get(_key(step.evidence, step.call.tool, step.call.arguments))
            yield _call(readings, step, span, asked or span, action)
        elif step.kind is StepKind.RETRIEVAL:
            yield _plain(
                ActKind.SEARCH, span, step, span.name, given=span.text("input.value") or ""
            )
        elif step.kind in _SAID and not step.asks and (step.text or span.kind in _SPEAKERS):
            yield _plain(ActKind.SAY, span, step, step.agent or "")


def _key(evidence: tuple[EvidenceRef, ...], tool: str | None, arguments: str) -> tuple[str, ...]:
    return (evidence[0].ref if evidence else "", tool or "", arguments)


def _call(readings: Readings, step: Step, span: Span, by: Span, action: Action | None) -> Act:
    call = step.call
    assert call is not None
    own = span if span.kind is SpanKind.TOOL else None
    raised = None if own is None else _raised_below(readings, own)
    error = (call.result or "") if call.is_error else None
    if error is None and own is not None and raised is not None and raised is own:
        error = error_of(own)
    return Act(
        kind=ActKind.CALL,
        name=call.tool or "",
        given=call.arguments,
        came=call.result or "",
        span=span,
        by=by,
        began=raised or span,
        evidence=step.evidence,
        failed=(error or error_of(span)) if error is not None else None,
        turn=step.asked_by,
        step=step.number,
        unknown=call.result is None and error is None,
        changes=action is not None
        and any(deed.effect in _CHANGES for deed in readings.deeds.of(action)),
    )


def _plain(kind: ActKind, span: Span, step: Step, name: str, *, given: str = "") -> Act:
    return Act(
        kind=kind,
        name=name,
        given=given,
        came=step.text,
        span=span,
        by=span,
        began=span,
        evidence=step.evidence,
        failed=error_of(span) if kind is ActKind.SEARCH else None,
        step=step.number,
        is_last=step.kind is StepKind.ANSWER,
    )


def _of_spans(readings: Readings) -> Iterator[Act]:
    """Acts that are no step of the conversation: calls and searches that gave nothing, work."""
    view, trace = readings.view, readings.trace
    others = (StepKind.SYSTEM, StepKind.USER, StepKind.DECISION)
    steps = [step for step in readings.steps if step.kind not in others]
    told = {step.span_id for step in steps}
    told |= {s.call.result_span_id for s in steps if s.call and s.call.result_span_id}
    for span in trace.spans:
        if span.span_id in told or span.kind in (SpanKind.TOOL, SpanKind.AGENT):
            continue
        error, below = error_of(span), trace.children(span.span_id)
        if span.kind is SpanKind.LLM and error is not None:
            yield _span_act(ActKind.MODEL, span, error)
        elif span.kind is SpanKind.RETRIEVER:
            yield _span_act(ActKind.SEARCH, span, error)
        elif (
            span.kind is not SpanKind.LLM and not below and not _in_tool(view.scope(span), readings)
        ):
            yield _span_act(ActKind.WORK, span, _failure_of(span))


def _span_act(kind: ActKind, span: Span, error: str | None) -> Act:
    came = "" if kind is ActKind.SEARCH else span.text("output.value") or ""
    return Act(
        kind=kind,
        name=span.name,
        given=span.text("input.value") or "",
        came=came,
        span=span,
        by=span,
        began=span,
        evidence=(span_evidence(span),),
        failed=error,
    )


def _in_tool(scope: str | None, readings: Readings) -> bool:
    """Whether the nearest loop around it is a tool's: then it is part of that call."""
    holder = None if scope is None else readings.trace.get(scope)
    return holder is not None and holder.kind is SpanKind.TOOL


def _failure_of(span: Span) -> str | None:
    """Its error, or the status with which a request was refused."""
    error = error_of(span)
    if error is not None:
        return error
    statuses = (span.text(key) for key in _STATUS_KEYS)
    return next((f"status {s}" for s in statuses if s and s.isdigit() and int(s) >= _REFUSED), None)


def _raised_below(readings: Readings, span: Span) -> Span | None:
    """The deepest step in which a call failed, along the first that did; None where none did."""
    found: Span | None = span if error_of(span) is not None else None
    here: Span | None = span
    while here is not None:
        below = readings.trace.children(here.span_id)
        here = next((child for child in below if _failure_of(child) is not None), None)
        found = here or found
    return found


def _ends(readings: Readings) -> dict[str, int]:
    """When each span of the tree was done, by place: children before what holds them."""
    ends: dict[str, int] = {}
    stack = [(span, False) for span in reversed(readings.trace.roots)]
    while stack:
        span, closing = stack.pop()
        if closing:
            ends[span.span_id] = len(ends)
            continue
        stack.append((span, True))
        stack += [(child, False) for child in reversed(readings.trace.children(span.span_id))]
    return ends
