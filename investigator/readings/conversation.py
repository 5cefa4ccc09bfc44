"""A conversation is what was said and done in a trace, by whom, in one order, each thing once.

Frameworks repeat themselves: every model call is given the whole history again, and a tool's
output stands in its own span and in the next prompt. Here each message is heard where it first
appears, each call is one action (however often it is written down), and its result is tied to
it. Spans are walked depth first, a call before what it did and its result after. In an agent's
loop that another agent opened, the "user" is that other agent: what it asks there counts as
said by an assistant, so that only a person's words are a user's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.readings.directives import letters_of
from investigator.readings.handovers import agents_by_name, hands_over
from investigator.readings.utterances import UNTRUSTED, Action, Gap, Item, Source, Utterance
from investigator.readings.view import Attempt, TraceView, error_of, same_arguments
from investigator.traces.evidence import (
    Citation,
    citable_document,
    citable_message,
    citable_span,
    citable_tool,
)
from investigator.traces.model import REDACTED, Message, Span, SpanKind, ToolIO
from investigator.traces.openinference import tool_io_of

__all__ = ["UNTRUSTED", "Action", "Conversation", "Gap", "Item", "Source", "Utterance"]

_ROLES = {
    **dict.fromkeys(("system", "developer"), "SYSTEM"),
    **dict.fromkeys(("user", "human", "customer"), "USER"),
    **dict.fromkeys(("tool", "function", "tool-response", "tool_response", "ipython"), "TOOL"),
}
_SPEAKERS = frozenset({SpanKind.AGENT, SpanKind.CHAIN, SpanKind.UNKNOWN})
_TELLING = 40
_RECENT = 8
_BREAKS = re2.compile(r"\\+[nrt]")
"""Line breaks as JSON in JSON writes them."""


@dataclass(frozen=True)
class Conversation:
    """All that was said and done; `items` are in order, and `items[i].position` is `i`."""

    items: tuple[Item, ...]
    gaps: tuple[Gap, ...] = ()

    @staticmethod
    def of(view: TraceView) -> Conversation:
        """The conversation that a trace records."""
        listener = _Listener(view)
        if view.is_transcript:
            listener.hear_transcript()
        else:
            listener.walk()
        return listener.conversation()

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """What was said, in order."""
        return tuple(item for item in self.items if isinstance(item, Utterance))

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """The calls that were asked for, in order."""
        return tuple(item for item in self.items if isinstance(item, Action))

    def before(self, position: int) -> tuple[Item, ...]:
        """What had been said and done before a position."""
        return self.items[: max(position, 0)]

    def said_by(self, *sources: Source, before: int | None = None) -> tuple[Utterance, ...]:
        """What the sources had said, in order."""
        if sources not in self._by_source:
            said = tuple(u for u in self.utterances if u.source in sources)
            self._by_source[sources] = said
        return earlier(self._by_source[sources], before)

    @cached_property
    def _by_source(self) -> dict[tuple[Source, ...], tuple[Utterance, ...]]:
        """What was asked for so far: a long run is asked for it at each of its calls."""
        return {}

    def missing(self, *sources: Source, before: int | None = None) -> tuple[str, ...]:
        """What of the sources' words the trace withholds, one a line."""
        end = len(self.items) if before is None else before
        lines = (gap.line for gap in self.gaps if gap.source in sources and gap.position < end)
        return tuple(dict.fromkeys(lines))


def earlier(said: tuple[Utterance, ...], before: int | None) -> tuple[Utterance, ...]:
    """Those of utterances in order that were said before a position; all where it is None."""
    if before is None:
        return said
    return said[: bisect_left(said, before, key=lambda one: one.position)]


class _Listener:
    """Hears a trace once, from its first span to its last."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._items: list[Item] = []
        self._gaps: list[Gap] = []
        self._said: Counter[tuple[str, str]] = Counter()
        self._results: dict[int, int] = {}
        self._calls = _Calls()
        self._unanswered, self._unopened = _Waiting(self._calls), _Waiting(self._calls)
        self._opened: dict[str, int] = {}
        self._answered: set[str] = set()
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._ios: dict[str, ToolIO] = {}
        self._spoke = False  # whether an assistant has said or done something yet
        named = ((view.trace.agent_of(span), view.position(span)) for span in view.trace.spans)
        self._agents = agents_by_name({name: place for name, place in named if name is not None})
        self._models_speak = any(
            span.kind is SpanKind.LLM and (view.inputs(span) or view.outputs(span))
            for span in view.trace.spans
        )

    def conversation(self) -> Conversation:
        """What was heard, each action with its result."""
        items = list(self._items)
        ran = {asked: self._view.trace.get(span_id) for span_id, asked in self._opened.items()}
        for asked in {**self._results, **ran}:
            action = items[asked]
            answered = self._results.get(asked)
            result = None if answered is None else items[answered]
            assert isinstance(action, Action)
            assert not isinstance(result, Action)
            items[asked] = replace(action, result=result, ran=ran.get(asked))
        for position, item in enumerate(items):
            if isinstance(item, Action) and self._hands_over(item):
                items[position] = replace(item, hands_over=True)
        return Conversation(tuple(items), tuple(self._gaps))

    def _hands_over(self, action: Action) -> bool:
        return hands_over(action, self._agents, self._view.position(action.span))

    def hear_transcript(self) -> None:
        """A chat log: every turn is new, and each stands on its own span."""
        attempts = {attempt.span.span_id: attempt for attempt in self._view.attempts}
        for span in self._view.trace.spans:
            attempt = attempts.get(span.span_id)
            if span.kind is SpanKind.TOOL:
                self._open_tool(span)
                self._close_tool(span)
            elif attempt is not None:
                self._execution(attempt)
            elif not self._view.trace.children(span.span_id):
                for index, message in enumerate(self._view.inputs(span)):
                    self._hear_message(span, index, message, spoken=False)
                self._hear_outputs(span)

    def walk(self) -> None:
        """A tree of spans: what a span was given, then what is below it, then what it gave."""
        trace = self._view.trace
        stack = [(span, False) for span in reversed(trace.roots)]
        while stack:
            span, closing = stack.pop()
            if closing:
                self._close(span)
                continue
            self._open(span)
            stack.append((span, True))
            stack += [(child, False) for child in reversed(trace.children(span.span_id))]
        if trace.roots:
            self._hear_root(trace.roots[0], trace.roots[-1])

    def _open(self, span: Span) -> None:
        match span.kind:
            case SpanKind.TOOL:
                self._open_tool(span)
            case SpanKind.LLM:
                self._hear_inputs(span)
            case kind if kind in _SPEAKERS and not self._models_speak:
                self._hear_inputs(span)
            case _:
                pass

    def _close(self, span: Span) -> None:
        match span.kind:
            case SpanKind.TOOL:
                self._close_tool(span)
            case SpanKind.RETRIEVER:
                self._hear_documents(span)
            case SpanKind.LLM:
                self._hear_outputs(span)
            case kind if kind in _SPEAKERS and not self._models_speak:
                self._hear_outputs(span)
            case _:
                pass

    def _hear_inputs(self, span: Span) -> None:
        """The messages that no earlier call was given and nobody said before."""
        listed: Counter[tuple[str, str]] = Counter()
        messages = self._view.inputs(span)
        for index, message in enumerate(messages):
            source = _source(message.role)
            keys = _keys(source, message)
            listed.update(keys)
            if listed[keys[0]] <= self._said[keys[0]]:
                continue
            if self._is_known_result(source, message):
                self._said.update(keys)  # later requests repeat it when it is no longer recent
            else:
                self._hear_message(span, index, message, spoken=False)
        text = span.text("input.value")
        if not messages and span.kind is SpanKind.LLM and text is not None:
            self._hear_text(Source.USER, text, span)

    def _hear_outputs(self, span: Span) -> None:
        messages = self._view.outputs(span)
        first = len(self._view.inputs(span))
        outer = bool(self._view.trace.children(span.span_id))
        for index, message in enumerate(messages, start=first):
            if not (outer and self._said[_keys(Source.ASSISTANT, message)[0]]):
                self._hear_message(span, index, message, spoken=True)
        text = span.text("output.value")
        if messages or span.kind is not SpanKind.LLM:
            return
        if text is None:
            self._gap(Source.ASSISTANT, f"the model call {self._named(span)} shows no answer")
        else:
            self._hear_text(Source.ASSISTANT, text, span)

    def _hear_text(self, source: Source, text: str, span: Span) -> None:
        """What stands on a span without messages, unless it was heard before."""
        (key,) = _keys(source, Message(source.value, text))
        if not self._said[key]:
            self._say(source, text, span, citable_span(span))
            self._said[key] += 1

    def _hear_message(self, span: Span, index: int, message: Message, *, spoken: bool) -> None:
        source = self._speaker(span, message, spoken=spoken)
        self._said.update(_keys(Source.ASSISTANT if spoken else _source(message.role), message))
        shown = citable_message(span, index, message)
        if source is Source.TOOL:
            asked = self._asked(self._unanswered, message.tool_call_id, message.name, None)
            tool = self._tool_of(asked) or message.name
            text, failed = message.content or "", message.is_error is True
            place = self._say(source, text, span, shown, tool=tool, is_error=failed)
            if asked is not None:
                self._answer(asked, place)
            return
        if message.content:
            self._say(source, message.content, span, shown)
        elif not message.tool_calls:
            self._gap(
                source, f"a message of {source.value.lower()} in {self._named(span)} is empty"
            )
        for call in message.tool_calls:
            arguments = same_arguments(call.arguments)
            self._act(call.name, arguments, call.call_id, span, shown)

    def _speaker(self, span: Span, message: Message, *, spoken: bool) -> Source:
        """Who a message is from: a model's output is its own, whatever role it is given."""
        source = _source(message.role)
        if spoken:
            person = self._view.is_transcript and span.kind is SpanKind.AGENT
            named = (message.name or "").lower() in _ROLES
            return source if person and named and source is Source.USER else Source.ASSISTANT
        inside = self._view.scope(span)
        holder = None if inside is None else self._view.trace.get(inside)
        nested = holder is not None and self._view.scope(holder) is not None
        return Source.ASSISTANT if source is Source.USER and nested and self._spoke else source

    def _open_tool(self, span: Span) -> None:
        io = self._io(span)
        name, arguments = io.name or span.name, same_arguments(io.arguments)
        asked = self._asked(self._unopened, io.call_id, name, arguments)
        if asked is None:
            asked = self._act(name, arguments, io.call_id, span, citable_tool(span, io))
        self._opened[span.span_id] = asked
        self._unopened.done(asked)

    def _close_tool(self, span: Span) -> None:
        io, asked = self._io(span), self._opened[span.span_id]
        text = io.result if io.result is not None else error_of(span)
        if text is None:
            self._gap(
                Source.TOOL, f"what {self._short(io.name or span.name)} answered is not recorded"
            )
            return
        tool = self._tool_of(asked)
        place = self._say(Source.TOOL, text, span, citable_tool(span, io), tool=tool)
        self._answer(asked, place)
        self._recent.append(letters_of(text))
        action = self._items[asked]
        ids = (io.call_id, action.call_id if isinstance(action, Action) else None)
        self._answered.update(call_id for call_id in ids if call_id)

    def _io(self, span: Span) -> ToolIO:
        """The call that a tool span is; read once, though heard at its start and at its end."""
        if span.span_id not in self._ios:
            io = tool_io_of(span)
            assert io is not None
            self._ios[span.span_id] = io
        return self._ios[span.span_id]

    def _execution(self, attempt: Attempt) -> None:
        """Code that a turn wrote, run by whoever answers with its output."""
        author = attempt.author or attempt.span
        spoken = self._view.spoken(author)
        asked = self._act(attempt.tool, attempt.arguments, None, author, spoken)
        shown = self._view.spoken(attempt.span)
        text = attempt.result or ""
        place = self._say(Source.TOOL, text, attempt.span, shown, tool=attempt.tool)
        self._answer(asked, place)

    def _hear_documents(self, span: Span) -> None:
        chunks = self._view.documents(span)
        for chunk in chunks:
            if chunk.content is None:
                self._gap(
                    Source.RETRIEVAL, f"a document that {self._named(span)} found has no text"
                )
            else:
                shown = citable_document(span, chunk, self._view.quote.redactor)
                self._say(Source.RETRIEVAL, chunk.content, span, shown, tool=span.name)
        text = span.text("output.value")
        if not chunks and text is not None:
            self._say(Source.RETRIEVAL, text, span, citable_span(span), tool=span.name)
        elif not chunks and span.kind is SpanKind.RETRIEVER and error_of(span) is None:
            self._gap(Source.RETRIEVAL, f"what {self._named(span)} found is not recorded")

    def _hear_root(self, first: Span, last: Span) -> None:
        """What the run was asked and answered, where no model call shows it."""
        asked, answered = first.text("input.value"), last.text("output.value")
        users = any(isinstance(i, Utterance) and i.source is Source.USER for i in self._items)
        speaks = first.kind not in (SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.LLM)
        if asked is not None and speaks and not users:
            self._insert_first(Utterance(0, Source.USER, asked, first, citable_span(first)))
        if answered is None or last.kind in (SpanKind.TOOL, SpanKind.RETRIEVER, SpanKind.LLM):
            return
        own = [i for i in self._items if isinstance(i, Utterance) and i.source is Source.ASSISTANT]
        told = letters_of(_BREAKS.sub(" ", answered))
        if not any(letters_of(_BREAKS.sub(" ", one.text)) in told for one in own[-_RECENT:]):
            self._say(Source.ASSISTANT, answered, last, citable_span(last))

    def _insert_first(self, utterance: Utterance) -> None:
        moved = [replace(item, position=item.position + 1) for item in self._items]
        self._items = [utterance, *moved]
        self._results = {asked + 1: answered + 1 for asked, answered in self._results.items()}
        self._opened = {span_id: asked + 1 for span_id, asked in self._opened.items()}
        self._gaps = [replace(gap, position=gap.position + 1) for gap in self._gaps]
        if utterance.hidden:
            self._gaps.insert(0, Gap(0, Source.USER, "what the user asked is hidden"))

    def _say(
        self,
        source: Source,
        text: str,
        span: Span,
        shown: Citation,
        *,
        tool: str | None = None,
        is_error: bool = False,
    ) -> int:
        place = len(self._items)
        self._spoke = self._spoke or source is Source.ASSISTANT
        failure = self._view.failure_in(text) if source is Source.TOOL else None
        self._items.append(Utterance(place, source, text, span, shown, tool, is_error, failure))
        if REDACTED in text:
            whose = (
                f"what {self._short(tool)} answered"
                if tool
                else f"what {source.value.lower()} said"
            )
            self._gap(source, f"{whose} in {self._named(span)} is hidden", place)
        return place

    def _act(
        self, tool: str, arguments: str, call_id: str | None, span: Span, shown: Citation
    ) -> int:
        place = len(self._items)
        action = Action(place, tool, arguments, call_id, span, shown)
        self._spoke = True
        self._items.append(action)
        self._calls.add(action)
        if REDACTED in arguments:
            self._gap(Source.ASSISTANT, f"the arguments of {self._short(tool)} are hidden", place)
        return place

    def _answer(self, asked: int, place: int) -> None:
        self._results[asked] = place
        self._unanswered.done(asked)
        self._unopened.done(asked)

    def _gap(self, source: Source, line: str, place: int | None = None) -> None:
        self._gaps.append(Gap(len(self._items) if place is None else place, source, line))

    def _short(self, name: str | None) -> str:
        return self._view.quote.name(name or "a tool")

    def _named(self, span: Span) -> str:
        return f"{self._short(span.name)} ({self._short(span.span_id)})"

    def _asked(
        self, waiting: _Waiting, call_id: str | None, tool: str | None, arguments: str | None
    ) -> int | None:
        """The first action still `waiting` that a result belongs to: by id, else by its call."""
        if call_id and waiting.first(_WITH_ID) is not None:
            return waiting.first(("id", call_id))
        if arguments is not None:
            exact = waiting.first(("call", tool, arguments))
            if exact is not None:
                return exact
        return waiting.first(_ANY if tool is None else ("tool", tool))

    def _tool_of(self, asked: int | None) -> str | None:
        action = None if asked is None else self._items[asked]
        return action.tool if isinstance(action, Action) else None

    def _is_known_result(self, source: Source, message: Message) -> bool:
        """Whether a tool's message repeats what a TOOL span gave."""
        if source is not Source.TOOL:
            return False
        if message.tool_call_id in self._answered:
            return True
        given = letters_of(message.content or "")
        return any(
            text == given or (len(text) >= _TELLING and text in given) for text in self._recent
        )


_Key = tuple[str | None, ...]
_ANY: _Key = ("any",)
_WITH_ID: _Key = ("with id",)


class _Calls:
    """Actions in order, found by id, tool or call at no cost of their number."""

    def __init__(self) -> None:
        self._found: dict[_Key, list[int]] = {}

    def add(self, action: Action) -> None:
        """Let an action be found."""
        keys: list[_Key] = [_ANY, ("tool", action.tool), ("call", action.tool, action.arguments)]
        if action.call_id:
            keys += [_WITH_ID, ("id", action.call_id)]
        for key in keys:
            places = self._found.get(key)
            if places is None:
                self._found[key] = [action.position]
            else:
                places.append(action.position)

    def of(self, key: _Key) -> Sequence[int]:
        """The positions of the actions of a key."""
        return self._found.get(key, ())


class _Waiting:
    """Which of the actions wait for something."""

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls
        self._next: dict[_Key, int] = {}
        self._done: set[int] = set()

    def done(self, position: int) -> None:
        """The action waits no longer."""
        self._done.add(position)

    def first(self, key: _Key) -> int | None:
        """The earliest waiting action of a key."""
        places = self._calls.of(key)
        start = at = self._next.get(key, 0)
        while at < len(places) and places[at] in self._done:
            at += 1
        if at > start:
            self._next[key] = at
        return places[at] if at < len(places) else None


def _source(role: str) -> Source:
    return Source(_ROLES.get(role.strip().lower(), "ASSISTANT"))


def _keys(source: Source, message: Message) -> tuple[tuple[str, str], ...]:
    """What makes two messages the same: their calls if they have any, else their words.

    Both are kept, as some histories drop the words beside a call, and some the call.
    """
    calls = [f"{call.name}({same_arguments(call.arguments)})" for call in message.tool_calls]
    words = (message.content or "").strip()
    parts = ["\n".join(calls)] if calls else []
    return tuple(
        (source.value, part) for part in (*parts, *([words] if words or not calls else ()))
    )
