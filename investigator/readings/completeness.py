"""What a trace does not show: one definition of complete, for every engine.

A run is acquitted only over a complete trace; a control asks for the kinds of content that it
needs. Both ask here what is lacking: of the tree, of the times, of what was said and done. A call
that failed has no answer to show, and one that hands in its agent's answer needs no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from investigator.ground.wording import counted
from investigator.readings.conversation import Action, Conversation
from investigator.readings.cut_texts import is_cut
from investigator.readings.quoting import Quoting
from investigator.readings.view import TOOL_ROLES, TraceView, error_of
from investigator.traces.model import REDACTED, Span, SpanKind, Trace
from investigator.traces.openinference import tool_io_of

_NAMED = 3


class Lack(NamedTuple):
    """Spans that lack something, and what it is."""

    spans: tuple[Span, ...]
    what: str


def completeness(view: TraceView, conversation: Conversation) -> tuple[str, ...]:
    """Reasons, one a line, why the absence of signals proves nothing; empty where it does."""
    trace = view.trace
    if not trace.spans:
        return ("the trace has no spans",)
    lacking = (
        *lacks_of_tree(trace),
        Lack(tuple(filter(_hidden, trace.spans)), "with hidden content"),
        *(() if _is_chat(view) else lacks_of_times(trace)),
        *lacks_of_words(view, conversation),
    )
    lines = [_about(lack, view.quote) for lack in lacking if lack.spans]
    return tuple(lines if has_root(trace) else [NO_ROOT, *lines])


NO_ROOT = "the trace has no root span"


def has_root(trace: Trace) -> bool:
    """Whether a span of it has no parent."""
    return any(span.parent_id is None for span in trace.spans)


def lacks_of_tree(trace: Trace) -> Iterator[Lack]:
    """Spans that keep the trace from being one whole tree."""
    orphans = (s for s in trace.spans if s.parent_id is not None and trace.get(s.parent_id) is None)
    yield Lack(tuple(orphans), "whose parent is not in the trace")
    yield Lack(_named(trace, trace.cycle_ids), "in a cycle of parents")
    yield Lack(_named(trace, trace.duplicate_ids), "with an id that another span has")


def lacks_of_times(trace: Trace) -> Iterator[Lack]:
    """Spans whose times are not known, or cannot be."""
    yield Lack(tuple(s for s in trace.spans if s.start_ns is None), "without a start")
    yield Lack(tuple(s for s in trace.spans if s.end_ns is None), "without an end")
    yield Lack(tuple(filter(_is_reversed, trace.spans)), "that ends before it starts")


def lacks_of_words(view: TraceView, conversation: Conversation) -> Iterator[Lack]:
    """Steps of which part of what was said or done is not recorded, or was cut off."""
    calls = view.model_calls
    yield Lack(tuple(c for c in calls if is_silent(view, c)), "of a model without messages")
    yield Lack(tuple(c for c in calls if _is_unanswered(view, c)), "of a model without an answer")
    empty = (call for call in calls if _has_empty_message(view, call))
    yield Lack(tuple(empty), "with a message without content")
    unread = (a.span for a in conversation.actions if lacks_arguments(a))
    yield Lack(_once(unread), "of a call whose arguments are not recorded")
    unanswered = (a.span for a in conversation.actions if lacks_result(view.trace, a))
    yield Lack(_once(unanswered), "of a call whose result is not recorded")
    chunks = ((span, chunk) for span in view.trace.spans for chunk in view.documents(span))
    lost = (span for span, chunk in chunks if not (chunk.content or "").strip())
    yield Lack(_once(lost), "with a document that is not recorded")
    cut = [one.span for one in conversation.utterances if is_cut(one.text)]
    cut += [one.span for one in conversation.actions if is_cut(one.arguments)]
    yield Lack(_once(cut), "with a text that is cut off")


def is_silent(view: TraceView, span: Span) -> bool:
    """Whether a step shows neither messages nor an output."""
    return not view.inputs(span) and not view.outputs(span) and not span.text("output.value")


def lacks_arguments(action: Action) -> bool:
    """Whether the call's own span does not say what was asked."""
    io = tool_io_of(action.span)
    return io is not None and io.arguments is None


def lacks_result(trace: Trace, action: Action) -> bool:
    """Whether it is not recorded what came of a call, and something had to."""
    return action.result is None and not hands_in(trace, action)


def hands_in(trace: Trace, action: Action) -> bool:
    """Whether what a call was given is, as it stands, what an agent above it gave."""
    given = {leaf.strip() for _, leaf in action.leaves if leaf.strip()}
    return bool(given) and any(
        (agent.text("output.value") or "").strip() in given
        for agent in trace.agents_above(action.span)
    )


def _is_unanswered(view: TraceView, call: Span) -> bool:
    answered = view.outputs(call) or call.text("output.value")
    asked = view.inputs(call) or call.text("input.value")
    return bool(asked) and not answered and error_of(call) is None


def _has_empty_message(view: TraceView, call: Span) -> bool:
    """A tool may answer with nothing; of whoever speaks an empty text is recorded, none is not."""
    return any(
        one.content is None and not one.tool_calls and one.role not in TOOL_ROLES
        for one in (*view.inputs(call), *view.outputs(call))
    )


def _once(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple({span.span_id: span for span in spans}.values())


def _named(trace: Trace, ids: Iterable[str]) -> tuple[Span, ...]:
    wanted = frozenset(ids)
    return tuple(span for span in trace.spans if span.span_id in wanted)


def _is_chat(view: TraceView) -> bool:
    """A transcript: turns that speak, and agents with turns below them."""
    return all(
        span.is_turn and (span.kind is SpanKind.AGENT or _speaks(view, span))
        for span in view.trace.spans
    )


def _speaks(view: TraceView, span: Span) -> bool:
    spoke = view.outputs(span) or view.inputs(span)
    return bool(spoke) or span.text("output.value") is not None


def _is_reversed(span: Span) -> bool:
    return span.latency_ms is not None and span.latency_ms < 0


def _hidden(span: Span) -> bool:
    return any(isinstance(v, str) and REDACTED in v for v in span.attributes.values())


def _about(lack: Lack, quote: Quoting) -> str:
    unique = sorted({span.span_id for span in lack.spans})
    named = ", ".join(quote.line(i, 40) for i in unique[:_NAMED])
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return f"{counted(len(unique), 'span')} {lack.what}: {named}{more}"
