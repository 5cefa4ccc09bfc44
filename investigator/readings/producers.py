"""Who produced a text: two references are independent where different steps produced them.

A message belongs to the step that first said it, however often later requests carry it as history,
and all that one model call put out to one step; a call's result belongs to the call, also where the
next request repeats it; the documents of one retrieval are one reading. A span bears witness beside
the texts in it where it records a failure, how a model call was cut off, or the scores of a
retrieval; any other is one with what its step said.
"""

from __future__ import annotations

from collections.abc import Sequence

from investigator.readings.model_ends import cut_off
from investigator.readings.steps import Step, StepKind
from investigator.readings.view import error_of
from investigator.traces.evidence import Citation, EvidenceKind, EvidenceRef
from investigator.traces.model import Span, SpanKind, Trace
from investigator.traces.openinference import input_messages_of, messages_of


class Producers:
    """The producer of every reference into one trace."""

    def __init__(self, trace: Trace, steps: Sequence[Step]) -> None:
        self._trace = trace
        self._by_ref: dict[str, int] = {}
        self._by_span: dict[str, int] = {}
        self._by_call: dict[str, int] = {}
        self._by_message: dict[str, int] = {}
        self._by_text: dict[str, int] = {}
        self._by_output: dict[str, Step] = {}
        for step in steps:
            self._note(step)

    def of(self, ref: EvidenceRef) -> str:
        """A name that two references share where one step produced both."""
        step = self._by_ref.get(ref.ref)
        if step is None:
            step = self._found(ref)
        return f"{ref.kind} {ref.excerpt_hash}" if step is None else f"step {step}"

    def _note(self, step: Step) -> None:
        for shown in step.shown:
            self._by_ref.setdefault(shown.ref, self._producer(step, shown))
            if shown.kind is EvidenceKind.MESSAGE:
                self._by_message.setdefault(shown.text, step.number)
        self._by_span[step.span_id] = step.number
        if step.text:
            self._by_text.setdefault(step.text.strip(), step.number)
        call = step.call
        if call is not None:
            if call.result_span_id is not None:
                self._by_span.setdefault(call.result_span_id, step.number)
            if call.call_id is not None:
                self._by_call[call.call_id] = step.number
            if call.result:
                self._by_text.setdefault(call.result.strip(), step.number)

    def _producer(self, step: Step, shown: Citation) -> int:
        """The step itself, or the first one of the same model call's output."""
        if step.kind not in _OF_A_MODEL or shown.kind is not EvidenceKind.MESSAGE:
            return step.number
        first = self._by_output.setdefault(step.span_id, step)
        if first is step:
            return step.number
        if not _is_output(first):
            self._by_output[step.span_id] = step
            return step.number
        return first.number if _is_output(step) else step.number

    def _found(self, ref: EvidenceRef) -> int | None:
        """The step of a reference that no step bears itself."""
        span = None if ref.span_id is None else self._trace.get(ref.span_id)
        if span is None:
            return None
        match ref.kind:
            case EvidenceKind.MESSAGE:
                return self._said_before(span, int(ref.ref.rpartition(":")[2]))
            case EvidenceKind.SPAN if _bears_witness(span):
                return None
            case _:
                return self._by_span.get(span.span_id)

    def _said_before(self, span: Span, index: int) -> int | None:
        """The step that a message of a history came from, by its call, else by its words."""
        message = next(iter(messages_of(span)[index : index + 1]), None)
        if message is None:
            return None
        if message.tool_call_id in self._by_call:
            return self._by_call[message.tool_call_id]
        said = self._by_message.get(message.full_text)
        return said if said is not None else self._by_text.get((message.content or "").strip())


_OF_A_MODEL = frozenset({StepKind.MODEL, StepKind.ANSWER})


def _is_output(step: Step) -> bool:
    """Whether a step is what its span put out, not what it was given as history."""
    (shown, *_) = step.shown
    return int(shown.ref.rpartition(":")[2]) >= len(input_messages_of(shown.span))


def _bears_witness(span: Span) -> bool:
    """Whether the span itself records what no text in it says.

    A failure, how a model call ended, or how near what was retrieved is.
    """
    return (
        span.kind is SpanKind.RETRIEVER or error_of(span) is not None or cut_off(span) is not None
    )
