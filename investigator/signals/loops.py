"""What one agent's loop was asked, and what it said after a call: the frame of what it did.

A chat transcript is one loop; its request is what its system and users say.
"""

from __future__ import annotations

from functools import cached_property

from investigator.readings.view import Attempt, TraceView
from investigator.traces.model import Message, Span, SpanKind

_ASKING = frozenset({"system", "developer", "user", "human", "customer"})
_WINDOW = 20_000
_EDGE = 4_000


class Loops:
    """The requests and words of each loop of a trace, read when they are first asked for."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._requests: dict[str | None, str] = {}
        self._last: dict[str | None, tuple[Span, str] | None] = {}

    def request(self, attempt: Attempt) -> str:
        """What the loop of a call was asked and told to do, in one text."""
        scope = None if self._view.is_transcript else self._view.scope(attempt.span)
        if scope not in self._requests:
            self._requests[scope] = self._asked(scope)[:_WINDOW]
        return self._requests[scope]

    def words_after(self, attempt: Attempt) -> tuple[tuple[Span, str], ...]:
        """What was said in the loop after a call, its calls included; of each the ends."""
        view = self._view
        start = view.position(attempt.span)
        if view.is_transcript:
            after = view.trace.spans[start + 1 :]
        else:
            # A result that is a message stands on the request that first holds it.
            start -= attempt.message_index is not None
            calls = view.model_calls_in(view.scope(attempt.span))
            after = tuple(span for span in calls if view.position(span) > start)
        return tuple((span, _ends(view.said(span))) for span in after)

    def answer_after(self, attempt: Attempt) -> tuple[Span, str] | None:
        """The last words of the loop, if they come after a call and ask for no further one."""
        view = self._view
        scope = None if view.is_transcript else view.scope(attempt.span)
        if scope not in self._last:
            self._last[scope] = self._last_words(scope)
        last = self._last[scope]
        start = view.position(attempt.span) - (
            attempt.message_index is not None and not view.is_transcript
        )
        return last if last is not None and view.position(last[0]) > start else None

    def _last_words(self, scope: str | None) -> tuple[Span, str] | None:
        view = self._view
        spans = view.trace.spans if view.is_transcript else view.model_calls_in(scope)
        said = _ends(view.said(spans[-1])) if spans else ""
        if not said.strip() or any(message.tool_calls for message in view.outputs(spans[-1])):
            return None
        return spans[-1], said

    def _asked(self, scope: str | None) -> str:
        if self._view.is_transcript:
            return self._asked_in_chat
        calls = self._view.model_calls_in(scope)
        asked = _asking(self._view.inputs(calls[-1])) if calls else ""
        holder = self._view.trace.get(scope) if scope is not None else None
        told = (holder.text("input.value") or "") if holder is not None else ""
        return f"{asked}\n{told}" if told and told not in asked else asked

    @cached_property
    def _asked_in_chat(self) -> str:
        found = []
        for span in self._view.trace.spans:
            messages = self._view.inputs(span) + self._view.outputs(span)
            found.append(_asking(messages) if span.kind is not SpanKind.TOOL else "")
        return "\n".join(filter(None, found))


def _asking(messages: tuple[Message, ...]) -> str:
    return "\n".join(m.content for m in messages if m.role.lower() in _ASKING and m.content)


def _ends(text: str) -> str:
    """Where an answer says what it comes to: its beginning and its end."""
    return text if len(text) <= 2 * _EDGE else f"{text[:_EDGE]}\n{text[-_EDGE:]}"
