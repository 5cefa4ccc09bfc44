"""The tools of a request can be wrong before the model says a word: two alike, or one missing.

Two tools of one name, defined differently, leave open which of them a call is of; it is told of the
first call by that name. A tool is missing from a request if the instructions name it, or another
request of the same loop offered it, and the model says that it lacks it or calls it all the same: a
last request without tools, for an answer, misses nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import asked_evidence, build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import read_definition
from investigator.traces.evidence import EvidenceRef, message_evidence, span_evidence
from investigator.traces.model import Message, Span

_EDGE = 4_000
_PROMPT = 12_000
_VERBS = (
    r"access|search|browse|look ?up|query|run|execute|call|use|send|book|read|open|fetch|retrieve"
    r"|check|create|cancel|update|perform|reach"
)
_LACKS = re2.compile(
    r"(?i)\b(?:(?:do not|don['’]t|no longer|currently lack|lack) (?:currently )?(?:have )?"
    r"(?:direct |real-time |the |any |an? |access to )*"
    r"(?:access|tools?|functions?|ability|means|way)"
    r"|(?:no|without(?: any)?|missing) (?:\w+ )?(?:tools?|functions?) (?:is|are|was|were)?\W*"
    r"(?:available|provided|offered|to)"
    r"|there (?:is|are) no (?:\w+ )?(?:tool|function)s?\b"
    rf"|(?:can(?:no|['’])t|cannot|unable to|not able to) (?:directly |actually )?(?:{_VERBS})\b"
    r"|(?:tool|function)s? (?:is|are|was|were) (?:not|no longer|n['’]t) (?:available|provided"
    r"|offered))\b"
)
_LACKS_TOOLS = re2.compile(
    r"(?i)\b(?:don['’]t|do not|lack|no|without(?: any)?|missing)\b[^.\n]{0,40}"
    r"\b(?:tools?|functions?)\b"
)
"""Where nothing records what was offered, only words about tools themselves count."""
_NAMED = re2.compile(r"\b[a-z][a-z\d]*(?:_[a-z\d]+)+\b|`([A-Za-z]\w+)(?:\(\))?`")
_TOLD_TO_USE = re2.compile(r"(?i)\b(?:us(?:e|ing)|call|with|via|through|tools?|functions?)\b")
_BEFORE = 60


def detect_wrong_tool_sets(readings: Readings) -> Iterator[Signal]:
    """Requests whose tools are ambiguous where one was called, or lack one that was needed."""
    view = readings.view
    told: set[str] = set()
    for span in view.model_calls:
        called = {call.name for message in view.outputs(span) for call in message.tool_calls}
        for name in sorted((_twins(view, span) if called else frozenset[str]()) & called - told):
            told.add(name)
            ran = next((a for a in view.attempts if a.author is span and a.tool == name), None)
            shown = asked_evidence(view, span) if ran is None else view.evidence(ran)
            yield _signal(view, span, Fault.AMBIGUOUS_TOOL, f"two tools are called {name}", shown)
        missing = None if called else _missing(view, span)
        if missing is not None:
            summary = f"the request lacks {missing}, and the model says that it has no such tool"
            yield _signal(view, span, Fault.MISSING_TOOL, summary, _told_of(view, span))


def names_offered(view: TraceView, span: Span) -> frozenset[str]:
    """The names of the tools of a request."""
    return frozenset(tool.name for tool in view.tools_offered(span) if tool.name)


def offered_beside(view: TraceView, span: Span, tool: str) -> bool:
    """Whether the request before or after, in the same loop, offered a tool."""
    calls = view.model_calls_in(view.scope(span))
    place = bisect_left(calls, view.position(span), key=view.position)
    return any(tool in names_offered(view, call) for call in calls[max(place - 1, 0) : place + 2])


def _twins(view: TraceView, span: Span) -> frozenset[str]:
    """The names that several tools of a request have which are not the same."""
    definitions = view.tools_offered(span)
    if len({tool.name for tool in definitions}) == len(definitions):
        return frozenset()
    seen: dict[str, set[str]] = {}
    for definition in definitions:
        tool = read_definition(definition)
        if tool is not None:
            seen.setdefault(tool.name, set()).add(definition.json_schema)
    return frozenset(name for name, schemas in seen.items() if len(schemas) > 1)


def _missing(view: TraceView, span: Span) -> str | None:
    """A tool that an answer says it lacks, and that its instructions or its loop know."""
    said = view.said(span)
    if _LACKS.search(said[:_EDGE]) is None and _LACKS.search(said[-_EDGE:]) is None:
        return None
    offered = names_offered(view, span)
    calls = view.model_calls_in(view.scope(span))
    beside = names_offered(view, calls[0]) | names_offered(view, calls[-1])
    recorded = offered or beside
    if not recorded and _LACKS_TOOLS.search(well_formed(said[:_EDGE])) is None:
        return None
    needed = sorted((beside | _told_to_use(view, span)) - offered)
    return needed[0] if needed else None


def _told_to_use(view: TraceView, span: Span) -> frozenset[str]:
    """The tools that the instructions of a request name, as code would write them."""
    found: set[str] = set()
    for message in _instructions(view, span):
        text = (message.content or "")[:_PROMPT] if message.role in ("system", "developer") else ""
        for hit in _NAMED.finditer(text):
            before = text[max(hit.start() - _BEFORE, 0) : hit.start()]
            if _TOLD_TO_USE.search(before) is not None:
                found.add(hit.group(1) or hit.group(0))
    return frozenset(found)


def _instructions(view: TraceView, span: Span) -> tuple[Message, ...]:
    """The first message of a request; a transcript has it on a turn of its own."""
    return view.inputs(view.trace.spans[0] if view.is_transcript else span)[:1]


def _told_of(view: TraceView, span: Span) -> list[EvidenceRef]:
    """Where the missing tool is known from: the instructions, or another request of the loop."""
    at = view.trace.spans[0] if view.is_transcript else span
    given = view.inputs(at)
    calls = view.model_calls_in(view.scope(span))
    other = calls[0] if calls[0] is not span else calls[-1]
    beside = [span_evidence(other)] if other is not span else []
    return [*beside, *([message_evidence(at, 0, given[0])] if given else [])]


def _signal(
    view: TraceView, span: Span, fault: Fault, summary: str, shown: Iterable[EvidenceRef]
) -> Signal:
    return build_signal(
        view,
        detector=fault.value,
        fault=fault,
        span=span,
        evidence=[view.spoken_evidence(span), span_evidence(span), *shown],
        summary=summary,
        strength=0.7,
    )


DETECTOR = Detector("wrong_tool_sets", detect_wrong_tool_sets)
