"""A model call that didn't end normally: blocked, broken off, unreadable, or empty.

What the provider says is taken as said, whatever provider it is; that an output was full is told
by `truncation`. A stop with nothing said is a fault where somebody waited for words: not where
the prompt allows an empty answer, where the last act itself told the user, or where the words
stand in the output of the agent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import acts_of
from investigator.readings.faults import Fault
from investigator.readings.model_ends import ModelEnding, ending_of, finish_reasons_of
from investigator.readings.provenance import PRINCIPALS
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Utterance
from investigator.readings.view import TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import token_counts_of

_FAULTS = {
    ModelEnding.WINDOW: Fault.RESOURCE_EXHAUSTED,
    ModelEnding.BLOCKED: Fault.BLOCKED_OUTPUT,
    ModelEnding.REFUSED: Fault.BLOCKED_OUTPUT,
    ModelEnding.MALFORMED: Fault.MALFORMED_CALL,
    ModelEnding.PAUSED: Fault.INCOMPLETE_RUN,
    ModelEnding.BROKEN: Fault.HTTP_ERROR,
}
_CALLING = frozenset({"tool_calls", "tool_use", "tool_call", "function_call", "tool_code"})
_MAY_BE_EMPTY = re2.compile(
    r"(?i)\b(?:return|output|answer|reply|respond|say|write|print|send)\b[^.\n]{0,20}"
    r"\b(?:nothing|blank|no (?:text|output|answer|reply)|(?:an )?empty (?:string|text|list|answer"
    r"|response|reply|message|output))\b"
    r"|\b(?:stay|be|remain|keep) silent\b|\bleave (?:it|the \w+) (?:empty|blank)\b"
    r"|\b(?:do not|don't) (?:reply|answer|respond)\b"
)
_STEPS = frozenset({SpanKind.LLM, SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.AGENT})
_TRIES = 5
"""So many further model calls may make one good: the cost stays linear."""
_WINDOW = 12_000
_ANSWERS = frozenset(
    {"answer", "respond", "reply", "final", "finish", "submit", "done", "complete"}
)
"""Words of tools by which an agent hands its answer in."""


def detect_abnormal_endings(readings: Readings) -> Iterator[Signal]:
    """Model calls that the provider ended, and loops that end with nothing said."""
    view = readings.view
    last = _last_steps(view)
    for span in view.model_calls:
        ended = ending_of(span)
        if ended is not None and ended[0] in _FAULTS:
            yield _signal(view, span, _FAULTS[ended[0]], f"{ended[0].value} ({ended[1]})")
        elif _is_silent(view, span):
            lost = _CALLING.intersection(finish_reasons_of(span))
            if lost and not last[view.scope(span)] > view.position(span):
                why = "it ended to call a tool, and no call came"
                yield _signal(view, span, Fault.MALFORMED_CALL, why)
            elif (
                not lost
                and not last[view.scope(span)] > view.position(span)
                and _owes_words(readings, span)
            ):
                yield _signal(view, span, Fault.EMPTY_OUTPUT, "it ended its turn with nothing said")


def _signal(view: TraceView, span: Span, fault: Fault, why: str) -> Signal:
    messages = view.inputs(span)
    parent = view.trace.parent(span)
    evidence = [span_evidence(span)]
    if messages:
        evidence.append(view.given_evidence(span))
    elif parent is not None:
        evidence.append(span_evidence(parent))
    return build_signal(
        view,
        detector="abnormal_ending",
        fault=fault,
        span=span,
        evidence=[*evidence, view.spoken_evidence(span)],
        summary=f"the model call {span.name} gave no answer: {why}",
        strength=0.75,
        recovered_by=_made_good_by(view, span),
    )


def _made_good_by(view: TraceView, span: Span) -> str | None:
    """The next model call of the loop that said or called something."""
    calls = view.model_calls_in(view.scope(span))
    later = calls[bisect_right(calls, view.position(span), key=view.position) :][:_TRIES]
    spoke = (call for call in later if not _is_silent(view, call) and error_of(call) is None)
    return next((call.span_id for call in spoke), None)


def _is_silent(view: TraceView, span: Span) -> bool:
    """It put out neither words nor a call, and the trace would show them."""
    if error_of(span) is not None:
        return False
    messages = view.outputs(span)
    if messages:
        return not any(m.full_text.strip() or m.tool_calls for m in messages) and not _holds(span)
    return token_counts_of(span).completion == 0 and not _holds(span)


def _holds(span: Span) -> bool:
    """Whether its output shows something that no message does: hidden, reasoned, or an image."""
    text = span.text("output.value") or ""
    hidden = REDACTED in text or any(
        isinstance(value, str) and REDACTED in value for value in span.attributes.values()
    )
    return hidden or "image" in text or '"b64' in text


def _last_steps(view: TraceView) -> dict[str | None, int]:
    """Where each loop took its last step, or had one that failed on what it was given."""
    return {
        view.scope(span): view.position(span)
        for span in view.trace.spans
        if span.kind in _STEPS or error_of(span) is not None
    }


def _owes_words(readings: Readings, span: Span) -> bool:
    """Whether it is the last call of its loop and somebody waited for an answer."""
    view = readings.view
    scope = view.scope(span)
    holder = view.trace.get(scope) if scope is not None else None
    if holder is not None and (_says_otherwise(holder) or error_of(holder) is not None):
        return False
    items = readings.loops.get(view.loop_of(span), ())
    before = [item for item in items if view.position(item.span) <= view.position(span)]
    told = (i.text for i in before if isinstance(i, Utterance) and i.source in PRINCIPALS)
    if any(_MAY_BE_EMPTY.search(well_formed(text[:_WINDOW])) for text in told):
        return False
    acted = [item for item in before if isinstance(item, Action)]
    return not acted or not _told_the_user(acted[-1])


def _says_otherwise(holder: Span) -> bool:
    """An agent whose output has words took them from somewhere."""
    return bool((holder.text("output.value") or "").strip(' "{}[]\n'))


def _told_the_user(action: Action) -> bool:
    words = set(action.tool.lower().replace("-", "_").split("_"))
    return action.hands_over or bool(words & _ANSWERS) or "send" in acts_of(action.tool)


DETECTOR = Detector("abnormal_endings", detect_abnormal_endings)
