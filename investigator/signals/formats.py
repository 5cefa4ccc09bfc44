"""An answer is held to the format that its own prompt demands, and to nothing else.

Two demands are understood: a tag that the prompt says to write or to end with
("… write the '<end_plan>' tag"), and JSON alone ("respond only with JSON", or a JSON response
format among the parameters). What a recorded stop sequence cut off the end of an answer was not
left out by the model, so its absence means nothing; a bare tool call has no text to hold to a
format. An answer that was sent back is made good by the next one, if that has the form.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

from investigator.ground import lazy_re2 as re2
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.stops import as_generated, is_cut_off, stops_of
from investigator.traces.evidence import message_evidence, span_evidence
from investigator.traces.model import REDACTED, Message, Span

_PROMPT_WINDOW = 12_000
_INSTRUCTION_ROLES = frozenset({"system", "developer", "user"})
_TAG = r"(?:\\+n)?(</?[A-Za-z_][\w-]{0,40}/?>)"
_QUOTE = r"[\"'`‘“]?"
_DEMANDS_TAG = re2.compile(
    r"(?i)\b(?:write|add|append|emit|put|print|output|include|use)\b[^.\n<>]{0,40}"
    + _QUOTE
    + _TAG
    + r"[^.\n<>]{0,30}\b(?:tags?|and stop|at the (?:very )?end|token|marker)\b"
    r"|\b(?:end|finish|conclude|close|terminate)s?\b[^.\n<>]{0,40}\bwith\b[^.\n<>]{0,30}"
    + _QUOTE
    + _TAG
)
_DEMANDS_JSON = re2.compile(
    r"(?i)\b(?:respond|reply|answer|return|output|produce)\b[^.\n]{0,40}"
    r"\b(?:only|solely|nothing but|exclusively|just)\b[^.\n]{0,30}\bJSON\b"
    r"|\b(?:only|solely)\b[^.\n]{0,12}\b(?:respond|reply|answer|return|output)\b[^.\n]{0,30}\bJSON\b"
    r"|\b(?:respond|reply|answer|output)\b[^.\n]{0,20}\b(?:in|with|as)\b[^.\n]{0,20}"
    r"\bJSON\b[^.\n]{0,10}\b(?:only|and nothing else)\b"
)
_JSON_FORMAT = re2.compile(r'"type"\s*:\s*"json_(?:object|schema)"')
_FENCE = re2.compile(r"(?s)^```(?:json)?\s*(.*?)\s*```$")


def detect_format_violations(readings: Readings) -> Iterator[Signal]:
    """Model calls whose answer lacks the tag, or is not the JSON, that their prompt demands."""
    view = readings.view
    for span in view.model_calls:
        prompt = instruction_of(view, span)
        problem = _problem_of(view, span)
        if problem is not None:
            evidence = [view.spoken_evidence(span), span_evidence(span)]
            if prompt is not None:
                evidence.insert(1, message_evidence(span, prompt[0], prompt[1]))
            yield build_signal(
                view,
                detector="format_violation",
                fault=Fault.FORMAT_VIOLATION,
                span=span,
                evidence=evidence,
                summary=problem,
                strength=0.6,
                recovered_by=_mended_by(view, span),
            )


def asks_for_json(view: TraceView, span: Span) -> bool:
    """Whether the prompt of a model call, or its parameters, ask for JSON alone."""
    prompt = instruction_of(view, span)
    return _wants_json(span, (prompt[1].content or "" if prompt else "")[:_PROMPT_WINDOW])


def sent_back_to(view: TraceView, span: Span) -> Span | None:
    """The next model call of the loop, where it was given this one's answer to do it again."""
    calls = view.model_calls_in(view.scope(span))
    place = bisect_left(calls, view.position(span), key=view.position)
    if place + 1 == len(calls):
        return None
    given = view.inputs(calls[place + 1])
    said, again = given[-2:] if len(given) > 1 else (None, None)
    told = said is not None and said.role == "assistant" and said.content == view.said(span)
    return calls[place + 1] if told and again is not None and again.role == "user" else None


def _mended_by(view: TraceView, span: Span) -> str | None:
    again = sent_back_to(view, span)
    if again is None or answer_of(view, again) is None or _problem_of(view, again) is not None:
        return None
    return again.span_id


def _problem_of(view: TraceView, span: Span) -> str | None:
    answer = answer_of(view, span)
    if answer is None:
        return None
    prompt = instruction_of(view, span)
    return _problem(view, span, prompt[1].content or "" if prompt else "", answer)


def answer_of(view: TraceView, span: Span) -> str | None:
    """The text of an answer that is complete, visible and no tool call."""
    messages = view.outputs(span)
    text = "\n".join(message.content or "" for message in messages).strip()
    calls = any(message.tool_calls for message in messages)
    return None if not text or calls or REDACTED in text else text


def instruction_of(view: TraceView, span: Span) -> tuple[int, Message] | None:
    """The message that instructs this answer: the system prompt, else the only user message."""
    messages = view.inputs(span)
    for index, message in enumerate(messages):
        if message.role in ("system", "developer"):
            return index, message
    users = [(i, m) for i, m in enumerate(messages) if m.role in _INSTRUCTION_ROLES]
    return users[0] if len(users) == 1 else None


def _problem(view: TraceView, span: Span, prompt: str, answer: str) -> str | None:
    window = prompt[:_PROMPT_WINDOW]
    for tag in _tags_demanded(window):
        if tag not in answer and not is_cut_off(tag, answer, stops_of(view, span)):
            return f"the prompt asks for {tag} and the answer lacks it"
    if _wants_json(span, window) and not _is_json(answer):
        if any(map(_is_json, as_generated(answer, stops_of(view, span)))):
            return None
        return "the prompt asks for JSON alone and the answer is not JSON"
    return None


def _wants_json(span: Span, window: str) -> bool:
    parameters = span.text("llm.invocation_parameters") or ""
    return _JSON_FORMAT.search(parameters) is not None or _demands_json(window)


# The calls of a loop have one prompt, and a trace few loops.
@lru_cache(maxsize=64)
def _tags_demanded(window: str) -> tuple[str, ...]:
    found = _DEMANDS_TAG.finditer(window)
    return tuple(demand.group(1) or demand.group(2) for demand in found)


@lru_cache(maxsize=64)
def _demands_json(window: str) -> bool:
    return _DEMANDS_JSON.search(window) is not None


def _is_json(answer: str) -> bool:
    fenced = _FENCE.search(answer)
    try:
        json.loads(fenced.group(1) if fenced is not None else answer)
    except (ValueError, RecursionError):
        return False
    return True


DETECTOR = Detector("format_violations", detect_format_violations)
