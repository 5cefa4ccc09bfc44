"""Code that only prints a request to a tool or a teammate never makes the call.

An agent that acts by code announces a call ("I will now ask search_agent"), writes the request
into a text, and prints the text: it ran, nothing failed, and the observation that comes back is
the agent's own words. Seen in code that stands in an answer and in code that is handed to a tool.
The announcement must name a tool that was offered, and the code must do nothing else: whoever
prints a result, or prints before it calls, has no such fault. A call of the tool later in the loop
makes it good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import announces
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Item, Source, Utterance
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import tools_told
from investigator.traces.evidence import span_evidence

_WINDOW = 20_000
_REQUEST = 40
"""A request to somebody is a sentence, not a word: so many characters of text are printed."""

_LITERAL = re2.compile(
    r"(?s)\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`"
)
_COMMENT = re2.compile(r"(?m)(?:#|//).*$")
_FENCED = re2.compile(r"(?s)```[ \t]*\w*[ \t]*\n(.*?)(?:```|$)")
_CALLED = re2.compile(r"([A-Za-z_][\w.]*)\s*\(")
_PRINTS = re2.compile(r"(?m)\b(?:print|println|console\.log|puts|echo|cat|display|message)\b")
_PRINTERS = frozenset(
    {"print", "println", "console.log", "puts", "echo", "cat", "display", "message"}
    | {"System.out.println", "fmt.Println", "Console.WriteLine"}
)
_WORKS = re2.compile(
    r"(?m)^\s*(?:async |await )?(?:def|function|class|for|while|if|import|from|return|with|try)\b"
    r"|[-*/%]|\bawait\b"
)
"""Code that computes, loops or imports does more than print, whatever it calls."""


def detect_unmade_calls(readings: Readings) -> Iterator[Signal]:
    """Each step that announced a call by name, and whose code printed the request instead."""
    for items in readings.loops.values():
        for place, item in enumerate(items):
            words = _words_of_printing(items, place)
            named = None if words is None else _announced(readings, items, item, words)
            if named is not None:
                yield _signal(readings, item, named, _made_later(items, place, named))


def _words_of_printing(items: Sequence[Item], place: int) -> str | None:
    """All that a step said, where its code does nothing but print."""
    item = items[place]
    if isinstance(item, Action):
        code = "\n".join(text for _, text in item.leaves)[:_WINDOW]
        return "\n".join([*_beside(items, place), code]) if _only_prints(code) else None
    if item.source is not Source.ASSISTANT or "```" not in item.text:
        return None
    said = well_formed(item.text[:_WINDOW])
    return said if _only_prints("\n".join(_FENCED.findall(said))) else None


def _announced(readings: Readings, items: Sequence[Item], item: Item, words: str) -> str | None:
    """The tool that a step announced and did not call itself."""
    called = {i.tool for i in items if isinstance(i, Action) and i.span is item.span}
    offered = tools_told(readings.view, item.span)
    return next((t for t in sorted(offered - called) if announces(words, t)), None)


def _beside(items: Sequence[Item], place: int) -> Iterator[str]:
    """What the step that made a call said along with it."""
    for item in items[max(place - 1, 0) : place]:
        if isinstance(item, Utterance) and item.source is Source.ASSISTANT:
            yield item.text[:_WINDOW]


def _only_prints(code: str) -> bool:
    plain = well_formed(code)
    if not _PRINTS.search(plain):
        return False
    texts = "".join(_LITERAL.findall(plain))
    bare = _COMMENT.sub("", _LITERAL.sub("", plain))
    called = set(_CALLED.findall(bare))
    return len(texts) >= _REQUEST and called <= _PRINTERS and _WORKS.search(bare) is None


def _made_later(items: Sequence[Item], place: int, tool: str) -> str | None:
    """The later step of the loop that called the tool, as a call or in code."""
    for item in items[place + 1 :]:
        if isinstance(item, Action):
            called = item.tool == tool
        else:
            called = item.source is Source.ASSISTANT and f"{tool}(" in item.text
        if called:
            return item.span.span_id
    return None


def _signal(readings: Readings, item: Item, tool: str, recovered_by: str | None) -> Signal:
    return build_signal(
        readings.view,
        detector="unmade_call",
        fault=Fault.UNMADE_CALL,
        span=item.span,
        evidence=[item.evidence, span_evidence(item.span)],
        summary=f"a call of {tool} was announced; the code only printed the request for it",
        strength=0.7,
        recovered_by=recovered_by,
    )


DETECTOR = Detector("unmade_calls", detect_unmade_calls)
