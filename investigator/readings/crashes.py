"""A crash is of the agent whose code failed, which its traceback names, wherever it was recorded.

Frameworks append an error to the span, or the turn, that was open or last when it surfaced, which
may be another agent's. Frames (`web_surfer.py`) and messages ("agent WebSurfer failed") say whose
it is. An agent is taken for the one only where its name can be nothing else: of several words, or
behind the word "agent"; and never where the agent of the span is named as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import re2

from investigator.readings.view import TraceView
from investigator.traces.model import Span

_LEAST_LETTERS = 6
_CHARS = 20_000
_FRAME = re2.compile(r'(?:File "|at |in )([^"\n]{3,300}?)(?:", line \d|:\d|\n|$)')
_WORD = re2.compile(r"\w+")
_NAMED = re2.compile(r"(?i)\bagent[ :'\"`]{1,3}(\w[\w.-]{1,60})|\b(\w[\w.-]{1,60})['\"`]? agent\b")
_FAILED = re2.compile(
    r"(?i)\b(\w[\w.-]{1,60})['\"`]? (?:has |had )?(?:crashed|failed|raised|died|errored)\b"
)
_HUMP = re2.compile(r"[a-z][A-Z]|[A-Za-z0-9][_\- ][A-Za-z]")


class Crashes:
    """Whose the errors of one trace are."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        agents = (view.trace.agent_of(span) or "" for span in view.trace.spans)
        self._agents = {_plain(name): name for name in agents if _plain(name)}
        if view.is_transcript:
            self._agents = {_plain(span.name): span.name for span in view.trace.spans}

    def producer_of(self, span: Span, error: str) -> Span | None:
        """The last step of the agent whose crash stands at a span; None where it is its own."""
        if len(self._agents) < 2:
            return None
        text = "\n".join((error[:_CHARS], *_recorded(span)))
        named = list(dict.fromkeys(self._named_in(text)))
        own, *above = map(_plain, self._enclosing(span))
        if own in named:
            return None
        crashed = [agent for agent in named if agent not in above]
        return self._last_of(self._agents[crashed[-1]], span) if crashed else None

    def _named_in(self, text: str) -> Iterator[str]:
        """The agents that frames and words name, in plain letters, in the order of the text."""
        for found in _FRAME.finditer(text):
            words = map(_plain, _WORD.findall(found.group(1)))
            yield from (
                agent
                for word in words
                for agent, name in self._agents.items()
                if _is_telling(name) and word in (agent, f"{agent}agent")
            )
        for found in _NAMED.finditer(text):
            word = _plain(found.group(1) or found.group(2))
            if word in self._agents:
                yield word
        for found in _FAILED.finditer(text):
            word = _plain(found.group(1))
            if word in self._agents and _is_telling(self._agents[word]):
                yield word

    def _enclosing(self, span: Span) -> Iterator[str]:
        """The agent of the span and those that called it, which stand in its traces too."""
        trace = self._view.trace
        if self._view.is_transcript:
            yield span.name
            return
        yield trace.agent_of(span) or ""
        seen: set[str] = set()
        above = trace.parent(span)
        while above is not None and above.span_id not in seen:
            seen.add(above.span_id)
            yield trace.agent_of(above) or ""
            above = trace.parent(above)

    def _last_of(self, agent: str, span: Span) -> Span | None:
        """The last that the agent did before the span was over."""
        trace, end = self._view.trace, span.end_ns
        own = (
            one
            for one in trace.spans
            if (one.name if self._view.is_transcript else trace.agent_of(one)) == agent
            and (end is None or one.start_ns is None or one.start_ns <= end)
        )
        if self._view.is_transcript:
            place = self._view.position(span)
            own = (one for one in own if self._view.position(one) < place)
        return max(own, key=lambda one: (one.start_ns or 0, self._view.position(one)), default=None)


def _recorded(span: Span) -> Iterable[str]:
    """The tracebacks of a span."""
    for event in span.events:
        trace = event.attributes.get("exception.stacktrace")
        if isinstance(trace, str):
            yield trace[-_CHARS:]


def _is_telling(name: str) -> bool:
    """Whether a name is of several words, so that it is no common word of code."""
    return len(_plain(name)) >= _LEAST_LETTERS and _HUMP.search(name) is not None


def _plain(name: str) -> str:
    """The letters of a name: `web_surfer`, `Web Surfer` and `WebSurfer` are one."""
    return "".join(c for c in name.casefold() if c.isalnum())
