"""What a control has to see before it may pass, and what of it a trace does not show.

Absent, redacted and cut content all count as not shown. Where nothing of a kind is in the trace
at all, that is missing too: whoever asks for it needs it. An empty trace shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from itertools import chain

from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.readings.completeness import (
    NO_ROOT,
    has_root,
    is_silent,
    lacks_arguments,
    lacks_of_times,
    lacks_of_tree,
    lacks_result,
)
from investigator.readings.conversation import Action, Source, Utterance
from investigator.readings.cut_texts import is_cut
from investigator.readings.reading import Readings
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import (
    token_counts_of,
    tool_definitions_of,
)

_NAMED = 3
_LINES = 8
_SPOKEN = (Source.SYSTEM, Source.USER, Source.ASSISTANT)
MODEL_ATTRIBUTES = ("llm.model_name", "gen_ai.response.model", "gen_ai.request.model")
"""Where a model call names its model, the most telling first."""


class RequiredEvidence(StrEnum):
    """Kinds of content that a control may ask for."""

    MESSAGES = "messages"
    SYSTEM_MESSAGE = "system_message"
    USER_MESSAGE = "user_message"
    FINAL_ANSWER = "final_answer"
    TOOL_ARGUMENTS = "tool_arguments"
    TOOL_RESULTS = "tool_results"
    TOOL_DEFINITIONS = "tool_definitions"
    RETRIEVAL_CHUNKS = "retrieval_chunks"
    GUARDRAIL_RESULTS = "guardrail_results"
    MODEL_NAME = "model_name"
    TOKEN_COUNTS = "token_counts"
    TIMESTAMPS = "timestamps"
    COMPLETE_TREE = "complete_tree"


def missing_evidence(subject: Readings, kinds: Iterable[RequiredEvidence]) -> tuple[str, ...]:
    """What the trace does not show of several kinds of content, one a line."""
    return tuple(dict.fromkeys(line for kind in kinds for line in missing(subject, kind)))


def missing(subject: Readings, kind: RequiredEvidence) -> tuple[str, ...]:
    """What of a kind of content the trace does not show, one a line."""
    return subject.kept(_MISSING[kind])


def _missing(kind: RequiredEvidence, subject: Readings) -> tuple[str, ...]:
    if not subject.trace.spans:
        return ("the trace has no spans",)
    lines = tuple(dict.fromkeys(_READERS[kind](subject)))
    more = len(lines) - _LINES
    return lines if more <= 0 else (*lines[:_LINES], f"{more} more of {kind.value}")


def nothing_visible(subject: Readings) -> bool:
    """Whether of all that was said and done no text can be relied on as a whole."""
    said = (utterance.text for utterance in subject.conversation.utterances)
    asked = (action.arguments for action in subject.conversation.actions)
    return all(unseen(text) is not None for text in chain(said, asked))


def about(subject: Readings, spans: Iterable[Span], what: str) -> Iterator[str]:
    """One line that names some of the spans; none where there are no spans."""
    ids = list(dict.fromkeys(span.span_id for span in spans))
    if ids:
        named = ", ".join(subject.quote.name(span_id) for span_id in ids[:_NAMED])
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        yield f"{counted(len(ids), 'span')} {what}: {named}{more}"


def _at(subject: Readings, span: Span) -> str:
    return f"({subject.quote.name(span.span_id)})"


def is_hidden(value: JsonValue) -> bool:
    """Whether a value was withheld from the trace, all of it or a part."""
    return isinstance(value, str) and REDACTED in value


def unseen(text: str | None) -> str | None:
    """Why a text cannot be relied on as a whole; None where it can."""
    if text is None or not text.strip():
        return "not recorded"
    if is_hidden(text):
        return "hidden"
    return "cut off" if is_cut(text) else None


def model_of(span: Span) -> str | None:
    """The name of the model that a model call ran on."""
    return next((text for key in MODEL_ATTRIBUTES if (text := span.text(key))), None)


def _model_calls(subject: Readings) -> tuple[Span, ...]:
    """Model calls; in a chat log, the turns."""
    return subject.trace.spans if subject.view.is_transcript else subject.view.model_calls


def _silent(subject: Readings) -> Iterator[Span]:
    return (span for span in _model_calls(subject) if is_silent(subject.view, span))


def _messages(subject: Readings) -> Iterator[str]:
    said = subject.conversation
    if not said.utterances:
        yield "no message is recorded"
    yield from about(subject, _silent(subject), "of a model without messages")
    yield from said.missing(*_SPOKEN)
    yield from _cut(subject, said.said_by(*_SPOKEN))
    yield from (
        f"the arguments of {subject.quote.name(a.tool)} are cut off" for a in _cut_calls(subject)
    )


def _cut(subject: Readings, utterances: Iterable[Utterance]) -> Iterator[str]:
    for one in utterances:
        if is_cut(one.text):
            whose = (
                f"what {subject.quote.name(one.tool)} answered"
                if one.tool
                else f"a {one.source.lower()} message"
            )
            step = f"{subject.quote.name(one.span.name)} {_at(subject, one.span)}"
            yield f"{whose} in {step} is cut off"


def _cut_calls(subject: Readings) -> list[Action]:
    return [action for action in subject.conversation.actions if is_cut(action.arguments)]


def _words_of(source: Source) -> Callable[[Readings], Iterator[str]]:
    def lines(subject: Readings) -> Iterator[str]:
        said = subject.conversation.said_by(source)
        if not said:
            yield f"no {source.lower()} message is recorded"
        yield from subject.conversation.missing(source)
        yield from _cut(subject, said)

    return lines


def _final_answer(subject: Readings) -> Iterator[str]:
    said = subject.conversation.said_by(Source.ASSISTANT)
    if not said:
        yield "no answer of the agent is recorded"
        return
    problem = unseen(said[-1].text)
    if problem is not None:
        yield f"the last answer {_at(subject, said[-1].span)} is {problem}"
    later = (gap for gap in subject.conversation.gaps if gap.position > said[-1].position)
    yield from (gap.line for gap in later if gap.source is Source.ASSISTANT)


def _tool_arguments(subject: Readings) -> Iterator[str]:
    """Where tools have no spans of their own, calls stand in what models said."""
    if not subject.conversation.items:
        yield "no message and no tool call is recorded"
    for action in subject.conversation.actions:
        absent = lacks_arguments(action)
        problem = "not recorded" if absent else unseen(action.arguments or "none")
        if problem is not None:
            where = f"{subject.quote.name(action.tool)} {_at(subject, action.span)}"
            yield f"the arguments of {where} are {problem}"
    if not any(span.kind is SpanKind.TOOL for span in subject.trace.spans):
        yield from about(subject, _silent(subject), "of a model without messages")
        yield from subject.conversation.missing(Source.ASSISTANT)


def _tool_results(subject: Readings) -> Iterator[str]:
    """A call that hands in the answer of its agent needs no other result than that answer."""
    if not subject.conversation.items:
        yield "no message and no tool call is recorded"
    for action in subject.conversation.actions:
        result = action.result
        problem = "not recorded" if result is None else unseen(result.text or "none")
        if problem is not None and (result is not None or lacks_result(subject.trace, action)):
            span = action.span if result is None else result.span
            tool = subject.quote.name(action.tool)
            yield f"what {tool} answered {_at(subject, span)} is {problem}"
    asked = {a.result.position for a in subject.conversation.actions if a.result is not None}
    others = (u for u in subject.conversation.said_by(Source.TOOL) if u.position not in asked)
    for one in others:
        problem = unseen(one.text or "none")
        if problem is not None:
            tool = subject.quote.name(one.tool or "a tool")
            yield f"what {tool} answered {_at(subject, one.span)} is {problem}"


def _tool_definitions(subject: Readings) -> Iterator[str]:
    calls = _model_calls(subject)
    offered = {span.span_id: tool_definitions_of(span) for span in calls}
    if not any(offered.values()):
        yield "no tool definitions are recorded"
    hidden = [
        span
        for span in calls
        if any(unseen(definition.json_schema) for definition in offered[span.span_id])
    ]
    yield from about(subject, hidden, "whose tool definitions are hidden or cut off")


def _retrieval_chunks(subject: Readings) -> Iterator[str]:
    found = subject.conversation.said_by(Source.RETRIEVAL)
    chunks = [(s, c) for s in subject.trace.spans for c in subject.view.documents(s)]
    if not found and not chunks:
        yield "no retrieved document is recorded"
    bad = [span for span, chunk in chunks if unseen(chunk.content) is not None]
    yield from about(subject, bad, "with documents that are not recorded, hidden or cut off")
    yield from subject.conversation.missing(Source.RETRIEVAL)
    yield from _cut(subject, found)


def _guardrail_results(subject: Readings) -> Iterator[str]:
    rails = [span for span in subject.trace.spans if span.kind is SpanKind.GUARDRAIL]
    bad = [span for span in rails if unseen(span.text("output.value")) is not None]
    if not rails:
        yield "no guardrail is recorded"
    yield from about(subject, bad, "of a guardrail whose result is not recorded, hidden or cut off")


def _model_name(subject: Readings) -> Iterator[str]:
    calls = subject.view.model_calls
    if not calls:
        yield "no model call is recorded"
    unnamed = [span for span in calls if unseen(model_of(span)) is not None]
    yield from about(subject, unnamed, "of a model that is not named")


def _token_counts(subject: Readings) -> Iterator[str]:
    calls = subject.view.model_calls
    if not calls:
        yield "no model call is recorded"
    yield from about(
        subject, (s for s in calls if tokens_of(s) is None), "of a model without token counts"
    )


def tokens_of(span: Span) -> int | None:
    """All the tokens of one model call; None where the trace does not say."""
    counts = token_counts_of(span)
    if counts.total is not None:
        return counts.total
    if counts.prompt is None or counts.completion is None:
        return None
    return counts.prompt + counts.completion


def _timestamps(subject: Readings) -> Iterator[str]:
    for lack in lacks_of_times(subject.trace):
        yield from about(subject, lack.spans, lack.what)


def _complete_tree(subject: Readings) -> Iterator[str]:
    if not has_root(subject.trace):
        yield NO_ROOT
    for lack in lacks_of_tree(subject.trace):
        yield from about(subject, lack.spans, lack.what)


_READERS: dict[RequiredEvidence, Callable[[Readings], Iterator[str]]] = {
    RequiredEvidence.MESSAGES: _messages,
    RequiredEvidence.SYSTEM_MESSAGE: _words_of(Source.SYSTEM),
    RequiredEvidence.USER_MESSAGE: _words_of(Source.USER),
    RequiredEvidence.FINAL_ANSWER: _final_answer,
    RequiredEvidence.TOOL_ARGUMENTS: _tool_arguments,
    RequiredEvidence.TOOL_RESULTS: _tool_results,
    RequiredEvidence.TOOL_DEFINITIONS: _tool_definitions,
    RequiredEvidence.RETRIEVAL_CHUNKS: _retrieval_chunks,
    RequiredEvidence.GUARDRAIL_RESULTS: _guardrail_results,
    RequiredEvidence.MODEL_NAME: _model_name,
    RequiredEvidence.TOKEN_COUNTS: _token_counts,
    RequiredEvidence.TIMESTAMPS: _timestamps,
    RequiredEvidence.COMPLETE_TREE: _complete_tree,
}

_MISSING = {kind: partial(_missing, kind) for kind in RequiredEvidence}
"""One value a kind, under which a trace keeps what it lacks: many controls ask for the same."""
