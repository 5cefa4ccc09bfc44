"""What must be visible before a control can be judged, and what of it a trace withholds.

Each kind of evidence has one test. What is absent, hidden (`__REDACTED__`) or cut off by an
exporter is told with the spans where it is missing; nothing told means that it can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import re2

from investigator.controls.checking import Subject
from investigator.controls.conversation import Source
from investigator.signals.building import shortened
from investigator.signals.completeness import completeness
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import retrieval_chunks_of, tool_definitions_of

_NAMED = 3
_CUT = re2.compile(
    r"(?i)(?:\[|<|\(|…|\.\.\.)\s*(?:content |output |text |value )?truncated\b"
    r"|\btruncated\s*(?:\]|>|\))|\[\s*(?:\d[\d,]* )?(?:more )?(?:characters|chars|bytes) "
    r"(?:omitted|removed|truncated)"
)
"""How exporters mark text that they cut: a bracketed or dotted note, not the word in a sentence."""


class RequiredEvidence(StrEnum):
    """What a control may need to see."""

    COMPLETE_TREE = "complete_tree"
    MESSAGES = "messages"
    SYSTEM_MESSAGE = "system_message"
    USER_MESSAGE = "user_message"
    FINAL_ANSWER = "final_answer"
    TOOL_ARGUMENTS = "tool_arguments"
    TOOL_RESULTS = "tool_results"
    TOOL_DEFINITIONS = "tool_definitions"
    RETRIEVAL_CHUNKS = "retrieval_chunks"
    MODEL_NAME = "model_name"
    TOKEN_COUNTS = "token_counts"
    TIMESTAMPS = "timestamps"


def missing_evidence(subject: Subject, kinds: Iterable[RequiredEvidence]) -> tuple[str, ...]:
    """What of the evidence cannot be seen, one a line."""
    return tuple(dict.fromkeys(line for kind in kinds for line in _TESTS[kind](subject)))


def _complete_tree(subject: Subject) -> Iterable[str]:
    yield from completeness(subject.trace)


def _messages(subject: Subject) -> Iterable[str]:
    said = subject.conversation
    if not said.utterances:
        yield "no message is recorded"
    silent = [span for span in subject.view.model_calls if not subject.view.outputs(span)]
    silent = [span for span in silent if not span.text("output.value")]
    yield from _at(silent, "what the model answered is not recorded")
    yield from said.missing(*Source)
    yield from _withheld(subject.trace.spans)


def _spoken_by(source: Source, words: str) -> Callable[[Subject], Iterable[str]]:
    def test(subject: Subject) -> Iterable[str]:
        said = subject.conversation
        if not said.said_by(source):
            yield f"no {words} is recorded"
        yield from said.missing(source)
        yield from _cut_off(u.span for u in said.said_by(source) if _CUT.search(u.text))

    return test


def _tool_arguments(subject: Subject) -> Iterable[str]:
    actions = subject.conversation.actions
    hidden = [action.span for action in actions if REDACTED in action.arguments]
    yield from _at(hidden, "arguments of a tool call are hidden")
    yield from _cut_off(action.span for action in actions if _CUT.search(action.arguments))
    bare = [action.span for action in actions if not action.arguments]
    yield from _at(bare, "arguments of a tool call are not recorded")
    if not actions:
        yield from _withheld(subject.trace.spans)


def _tool_results(subject: Subject) -> Iterable[str]:
    said = subject.conversation
    silent = [action.span for action in said.actions if action.result is None]
    yield from _at(silent, "the result of a tool call is not recorded")
    yield from said.missing(Source.TOOL)
    yield from _cut_off(u.span for u in said.said_by(Source.TOOL) if _CUT.search(u.text))


def _tool_definitions(subject: Subject) -> Iterable[str]:
    if not any(tool_definitions_of(span) for span in subject.trace.spans):
        yield "the tools that the model was offered are not recorded"


def _retrieval_chunks(subject: Subject) -> Iterable[str]:
    retrievers = [span for span in subject.trace.spans if span.kind is SpanKind.RETRIEVER]
    empty = [span for span in retrievers if not retrieval_chunks_of(span)]
    yield from _at(empty, "what was retrieved is not recorded")
    yield from subject.conversation.missing(Source.RETRIEVAL)
    chunks = [(span, chunk) for span in retrievers for chunk in retrieval_chunks_of(span)]
    yield from _cut_off(span for span, chunk in chunks if _CUT.search(chunk.content or ""))


def _model_name(subject: Subject) -> Iterable[str]:
    calls = subject.view.model_calls
    if not calls:
        yield "no model call is recorded"
    yield from _at(
        [span for span in calls if _unknown(span.text("llm.model_name"))],
        "the model is not named",
    )


def _token_counts(subject: Subject) -> Iterable[str]:
    calls = subject.view.model_calls
    if not calls:
        yield "no model call is recorded"
    uncounted = [span for span in calls if _unknown(span.text("llm.token_count.total"))]
    uncounted = [span for span in uncounted if _unknown(span.text("llm.token_count.prompt"))]
    yield from _at(uncounted, "tokens are not counted")


def _timestamps(subject: Subject) -> Iterable[str]:
    spans = subject.trace.spans
    untimed = [span for span in spans if span.start_ns is None or span.end_ns is None]
    yield from _at(untimed, "start or end is not recorded")
    if not spans:
        yield "the trace has no spans"


def _unknown(text: str | None) -> bool:
    return not text or REDACTED in text


def _withheld(spans: Iterable[Span]) -> Iterable[str]:
    """Texts of spans that are hidden or were cut."""
    texts = [(s, v) for s in spans for v in s.attributes.values() if isinstance(v, str)]
    yield from _at([span for span, text in texts if REDACTED in text], "content is hidden")
    yield from _cut_off(span for span, text in texts if _CUT.search(text))


def _cut_off(spans: Iterable[Span]) -> Iterable[str]:
    yield from _at(list(spans), "a text was cut off when it was recorded")


def _at(spans: list[Span], what: str) -> Iterable[str]:
    ids = list(dict.fromkeys(shortened(span.span_id, 40) for span in spans))
    if ids:
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        yield f"{what}: {', '.join(ids[:_NAMED])}{more}"


_TESTS: dict[RequiredEvidence, Callable[[Subject], Iterable[str]]] = {
    RequiredEvidence.COMPLETE_TREE: _complete_tree,
    RequiredEvidence.MESSAGES: _messages,
    RequiredEvidence.SYSTEM_MESSAGE: _spoken_by(Source.SYSTEM, "system message"),
    RequiredEvidence.USER_MESSAGE: _spoken_by(Source.USER, "user message"),
    RequiredEvidence.FINAL_ANSWER: _spoken_by(Source.ASSISTANT, "answer"),
    RequiredEvidence.TOOL_ARGUMENTS: _tool_arguments,
    RequiredEvidence.TOOL_RESULTS: _tool_results,
    RequiredEvidence.TOOL_DEFINITIONS: _tool_definitions,
    RequiredEvidence.RETRIEVAL_CHUNKS: _retrieval_chunks,
    RequiredEvidence.MODEL_NAME: _model_name,
    RequiredEvidence.TOKEN_COUNTS: _token_counts,
    RequiredEvidence.TIMESTAMPS: _timestamps,
}
