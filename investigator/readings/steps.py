"""The run as numbered steps: who said or did what, each thing once.

Steps are made from the conversation, so there is one walk of the trace. A model call is one step,
also where it only asks for calls. A call and its result are one step, which stands where the
result came (and where it was asked if none did), so that all that went into a step has a lower
number. What one retrieval found is one step, and so is what a framework's own span decided where
nobody said it. In a chat transcript every turn is a span, and the steps have the order of its
turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue
from investigator.readings.conversation import Conversation
from investigator.readings.deciding_spans import (
    as_given,
    deciding_spans,
    put_out,
    walk_order,
)
from investigator.readings.utterances import Action, Source, Utterance
from investigator.readings.view import TraceView, error_of
from investigator.traces.evidence import Citation, EvidenceKind, EvidenceRef, citable_span
from investigator.traces.model import RetrievalChunk, Span, SpanKind, iso_time


class StepKind(StrEnum):
    """What a step is."""

    SYSTEM = "SYSTEM"
    USER = "USER"
    MODEL = "MODEL"
    TOOL = "TOOL"
    RETRIEVAL = "RETRIEVAL"
    HANDOFF = "HANDOFF"
    DECISION = "DECISION"
    ANSWER = "ANSWER"


@dataclass(frozen=True, slots=True)
class StepCall:
    """A call and what came back; `result` is None where the trace doesn't say.

    `is_error` says that the source marks it as failed, or that what came back says so.
    `is_orphan` marks a result that no call asked for; its arguments are empty. Of a decision
    `tool` is the name of the span, with what it was given and what it put out.
    """

    tool: str | None
    arguments: str
    call_id: str | None
    result: str | None
    is_error: bool
    result_span_id: str | None
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document that a retrieval found, as far as the source names and scores it."""

    document_id: str | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, numbered from 0.

    `agent` did the step; in a chat transcript it is the speaker, whoever that is. None for a user.
    `text` is what was said (for a retrieval the documents, for a call nothing: see `call`).
    `asked_by` is the number of the step that asked for the call; `asks` are the tools that a
    model turn calls; `documents` are what a retrieval found, in the order of `text`. Times are
    those of the step's span.
    """

    number: int
    kind: StepKind
    agent: str | None
    span_id: str
    text: str
    shown: tuple[Citation, ...]
    call: StepCall | None = None
    asked_by: int | None = None
    asks: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    documents: tuple[FoundDocument, ...] = ()

    @property
    def evidence(self) -> tuple[EvidenceRef, ...]:
        """The references to where it stands."""
        return tuple(one.evidence for one in self.shown)

    @property
    def texts(self) -> tuple[str, ...]:
        """All words of the step: what it said, what it asked for, what came back."""
        call = self.call
        parts = (self.text, call.arguments, call.result or "") if call else (self.text,)
        return tuple(part for part in parts if part)

    def to_json(self) -> dict[str, JsonValue]:
        """The step as a JSON object."""
        call = self.call
        return {
            "number": self.number,
            "kind": self.kind.value,
            "agent": self.agent,
            "span_id": self.span_id,
            "text": self.text,
            "call": None
            if call is None
            else {
                "tool": call.tool,
                "arguments": call.arguments,
                "call_id": call.call_id,
                "result": call.result,
                "is_error": call.is_error,
                "result_span_id": call.result_span_id,
                "is_orphan": call.is_orphan,
            },
            "asked_by": self.asked_by,
            "asks": list(self.asks),
            "evidence": [one.ref for one in self.shown],
            "start_time": iso_time(self.start_ns),
            "end_time": iso_time(self.end_ns),
        }


def steps_of(view: TraceView, conversation: Conversation) -> tuple[Step, ...]:
    """The steps of a run, in order; `steps[i].number` is `i`."""
    maker = _Maker(view, conversation)
    for item in conversation.items:
        maker.take(item)
    return with_decisions(view, maker.finished())


def with_decisions(view: TraceView, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps with those of spans that decide, each after what had ended before it."""
    said = [text for step in steps for text in step.texts]
    deciding = deciding_spans(view, said)
    if not deciding:
        return steps
    order = walk_order(view)
    ends = [_end_of(step, order) for step in steps]
    places = [
        max((n for n, end in enumerate(ends, 1) if end < order[span.span_id][1]), default=0)
        for span in deciding
    ]
    merged: list[Step] = []
    moved: dict[int, int] = {}
    waiting = sorted(zip(places, deciding, strict=True), key=lambda one: one[0])
    for number in range(len(steps) + 1):
        while waiting and waiting[0][0] == number:
            merged.append(_decision(view, waiting.pop(0)[1], said))
        if number < len(steps):
            moved[number] = len(merged)
            merged.append(steps[number])
    return tuple(
        replace(
            step,
            number=number,
            asked_by=None if step.asked_by is None else moved[step.asked_by],
        )
        for number, step in enumerate(merged)
    )


def _end_of(step: Step, order: Mapping[str, tuple[int, int]]) -> int:
    """When a step was over in the walk; what was given stands where its span begins."""
    if step.kind in (StepKind.SYSTEM, StepKind.USER):
        return order[step.span_id][0]
    result = None if step.call is None else step.call.result_span_id
    # A result may stand on a later request, which has not ended: the call had, when it was sent.
    return min(order[step.span_id][1], order[result or step.span_id][1])


def _decision(view: TraceView, span: Span, said: Sequence[str]) -> Step:
    error = error_of(span)
    return Step(
        number=0,
        kind=StepKind.DECISION,
        agent=view.trace.agent_of(span),
        span_id=span.span_id,
        text="",
        shown=(citable_span(span),),
        call=StepCall(
            tool=span.name,
            arguments=as_given(span, said),
            call_id=None,
            result=put_out(span),
            is_error=error is not None,
            result_span_id=span.span_id,
        ),
        start_ns=span.start_ns,
        end_ns=span.end_ns,
    )


class _Maker:
    """Makes steps of the items of one conversation, first to last."""

    def __init__(self, view: TraceView, conversation: Conversation) -> None:
        self._view = view
        self._steps: list[Step] = []
        self._turns: dict[str, int] = {}
        """The model turn that each reference shows; its calls have the same reference."""
        self._asked_by: dict[int, int | None] = {}
        self._answered = {
            action.result.position: action
            for action in conversation.actions
            if action.result is not None
        }
        self._last_model: int | None = None
        self._last_call = -1

    def take(self, item: Utterance | Action) -> None:
        """Hear one item."""
        if isinstance(item, Action):
            self._ask(item)
            return
        match item.source:
            case Source.TOOL:
                self._call(self._answered.get(item.position), item)
            case Source.RETRIEVAL:
                self._found(item)
            case Source.ASSISTANT:
                self._say(item.span, item.shown, item.text)
            case source:
                self._add(StepKind(source.value), item.span, item.text, (item.shown,))

    def finished(self) -> tuple[Step, ...]:
        """The steps; the last words of a model are the answer if no call came after them."""
        answer = self._last_model
        if answer is not None and self._last_call < answer and self._steps[answer].text.strip():
            self._steps[answer] = replace(self._steps[answer], kind=StepKind.ANSWER)
        return tuple(self._steps)

    def _say(self, span: Span, shown: Citation, text: str) -> int:
        number = self._add(StepKind.MODEL, span, text, (shown,))
        self._turns[shown.ref] = self._last_model = number
        return number

    def _ask(self, action: Action) -> None:
        """A call is asked for by a turn; one that only its own span shows has no such turn."""
        turn = self._turns.get(action.shown.ref)
        if turn is None and action.shown.kind is not EvidenceKind.TOOL_IO:
            turn = self._say(action.span, action.shown, "")
        self._asked_by[action.position] = turn
        if turn is not None:
            step = self._steps[turn]
            self._steps[turn] = replace(step, asks=(*step.asks, action.tool))
            self._last_call = max(self._last_call, turn)
        if action.result is None:
            self._call(action, None)

    def _call(self, action: Action | None, result: Utterance | None) -> None:
        places = (action.shown if action else None, result.shown if result else None)
        shown = {place.ref: place for place in places if place is not None}
        handed = action is not None and action.hands_over
        self._last_call = self._add(
            StepKind.HANDOFF if handed else StepKind.TOOL,
            self._span_of(action, result),
            "",
            tuple(shown.values()),
            call=_call_of(action, result),
            asked_by=self._asked_by.get(action.position) if action else None,
        )

    def _span_of(self, action: Action | None, result: Utterance | None) -> Span:
        """Where the call ran: its own span or turn, else the step that asked for it.

        Where calls have no spans, a result stands on the next model call, which is not its step.
        """
        if action is not None and action.ran is not None:
            return action.ran
        if result is not None and (action is None or self._view.is_transcript):
            return result.span
        assert action is not None
        return action.span

    def _found(self, item: Utterance) -> None:
        last = self._steps[-1] if self._steps else None
        same = last is not None and last.span_id == item.span.span_id
        found = _documents(item.shown)
        if last is None or not same or last.kind is not StepKind.RETRIEVAL:
            self._add(StepKind.RETRIEVAL, item.span, item.text, (item.shown,))
            self._steps[-1] = replace(self._steps[-1], documents=found)
            return
        text, shown = f"{last.text}\n\n{item.text}", (*last.shown, item.shown)
        documents = (*last.documents, *found)
        self._steps[-1] = replace(last, text=text, shown=shown, documents=documents)

    def _add(
        self,
        kind: StepKind,
        span: Span,
        text: str,
        shown: tuple[Citation, ...],
        *,
        call: StepCall | None = None,
        asked_by: int | None = None,
    ) -> int:
        number = len(self._steps)
        agent = span.name if self._view.is_transcript else self._view.trace.agent_of(span)
        if kind is StepKind.USER and not self._view.is_transcript:
            agent = None  # the span is that of the agent which was told, not of who spoke
        self._steps.append(
            Step(
                number=number,
                kind=kind,
                agent=agent,
                span_id=span.span_id,
                text=text,
                shown=shown,
                call=call,
                asked_by=asked_by,
                start_ns=span.start_ns,
                end_ns=span.end_ns,
            )
        )
        return number


def _documents(shown: Citation) -> tuple[FoundDocument, ...]:
    chunk = shown.content
    if not isinstance(chunk, RetrievalChunk):
        return ()
    return (FoundDocument(chunk.document_id, chunk.score),)


def _call_of(action: Action | None, result: Utterance | None) -> StepCall:
    failed = result is not None and _failed(result)
    return StepCall(
        tool=action.tool if action else result.tool if result else None,
        arguments=action.arguments if action else "",
        call_id=action.call_id if action else None,
        result=result.text if result else None,
        is_error=failed,
        result_span_id=result.span.span_id if result else None,
        is_orphan=action is None,
    )


def _failed(result: Utterance) -> bool:
    raised = result.span.kind is SpanKind.TOOL and error_of(result.span) is not None
    return result.is_error or raised or result.failure is not None


def final_answer(steps: Iterable[Step]) -> Step | None:
    """The answer of the run; None where it has none."""
    return next((step for step in steps if step.kind is StepKind.ANSWER), None)
