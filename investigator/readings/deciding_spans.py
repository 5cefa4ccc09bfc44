"""A span that decides something that nobody says is told as a step of its own.

Frameworks route, filter, plan and judge in spans of their own (CHAIN, DECISION, GUARDRAIL,
RERANKER), whose output is what the run went on with. Most such spans only hold what a model said
or a tool found below them, or pass a state on: these are no steps. What decides has an output that
is neither its input nor what the run said anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.readings.directives import letters_of
from investigator.readings.view import TraceView, error_of
from investigator.traces.model import Span, SpanKind

_KINDS = frozenset({SpanKind.CHAIN, SpanKind.DECISION, SpanKind.GUARDRAIL, SpanKind.RERANKER})
_SPEAK = frozenset({SpanKind.LLM, SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.AGENT})

_MOST_CHARS = 4_000
"""A decision is short; what is longer is a state that is passed on."""

_TELLING = 40
"""So many letters in a row are no chance."""

_SAID = 30
"""So long an output that stands in another text was said; a shorter one, such as the name of the
next node, may stand in a list of them."""

_MOST_SPANS = 5_000
"""In a larger trace such spans are not looked for: each is compared with what was said."""

ELIDED = "…"
"""In place of an input that repeats what was said, such as the state of a graph."""


def deciding_spans(view: TraceView, said: Sequence[str]) -> tuple[Span, ...]:
    """The spans that decide, in the order in which they ended; `said` are the run's own texts."""
    spans = view.trace.spans
    if view.is_transcript or len(spans) > _MOST_SPANS:
        return ()
    asked = [span for span in spans if span.kind in _KINDS and _output(span)]
    if not asked:
        return ()
    told, order = _Told(said), walk_order(view)
    roots = {root.span_id for root in view.trace.roots}
    found = []
    for span in sorted(asked, key=lambda span: order[span.span_id][1]):
        output = letters_of(_output(span))
        if span.span_id in roots or not output or output == letters_of(given(span)):
            continue
        below = [letters_of(text) for text in _said_below(view, span)]
        if output in below or told.has(output):
            continue
        told.add(output)
        found.append(span)
    return tuple(found)


def given(span: Span) -> str:
    """What the span was given."""
    return (span.text("input.value") or "").strip()


def put_out(span: Span) -> str:
    """What it made of it: its output, else how it failed."""
    return (span.text("output.value") or "").strip() or error_of(span) or ""


def walk_order(view: TraceView) -> dict[str, tuple[int, int]]:
    """When each span is entered and left, by a walk of the tree."""
    order: dict[str, tuple[int, int]] = {}
    clock = 0
    stack = [(root, False) for root in reversed(view.trace.roots)]
    while stack:
        span, closing = stack.pop()
        clock += 1
        if closing:
            order[span.span_id] = (order[span.span_id][0], clock)
            continue
        order[span.span_id] = (clock, clock)
        stack.append((span, True))
        stack += [(child, False) for child in reversed(view.trace.children(span.span_id))]
    return order


class _Told:
    """What the run said, in letters alone."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [letters for text in texts if (letters := letters_of(text))]
        self._whole = set(self._texts)
        self._long = [one for one in self._texts if len(one) >= _TELLING]

    def add(self, letters: str) -> None:
        """One more text."""
        self._whole.add(letters)
        if len(letters) >= _TELLING:
            self._long.append(letters)

    def has(self, letters: str) -> bool:
        """Whether an output says what was said: it is a part of it, or mostly made of it."""
        if letters in self._whole:
            return True
        if len(letters) < _SAID:
            return False
        return any(letters in one or (one in letters) for one in self._long)


def as_given(span: Span, said: Sequence[str]) -> str:
    """Its input as a step shows it: of a long one, or a state with what was said, only that."""
    text = given(span)
    letters = letters_of(text)
    repeats = (one for one in map(letters_of, said) if len(one) >= _TELLING)
    return ELIDED if len(text) > _MOST_CHARS or any(one in letters for one in repeats) else text


def _output(span: Span) -> str:
    output = (span.text("output.value") or "").strip()
    return output if len(output) <= _MOST_CHARS and given(span) else ""


def _said_below(view: TraceView, span: Span) -> Iterator[str]:
    """What models, tools and searches below the span put out."""
    waiting = list(view.trace.children(span.span_id))
    while waiting:
        one = waiting.pop()
        waiting += view.trace.children(one.span_id)
        if one.kind in _SPEAK:
            yield view.said(one)
            yield one.text("output.value") or ""
