"""An answer about all of something of which only a part was read.

A result said that there is more, nobody read on, and the answer gives the number of what was
shown, or speaks of all or of none. Whoever says that it is a part, gives the stated total, or was
asked for no more than a part, claims nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, canonical_json, json_object
from investigator.readings.faults import Fault
from investigator.readings.partial_results import PartShown, part_of
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.loops import Loops
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import telling_values
from investigator.traces.model import Span

_PLACES = re2.compile(
    r"(?i)^(?:page\w*|offset|cursor|limit|skip|start\w*|end\w*|from|to|first|last|after|before|top"
    r"|size|per_?page|count|max\w*|\w*_?token|marker|continuation\w*|view_?range|lines?|line_\w+"
    r"|range|chunk\w*|batch\w*)$"
)
"""Names of arguments that say which part is wanted."""

_PART_ASKED = re2.compile(
    r"(?i)\b(?:first|latest|last|most recent|newest|top|a few|some|an? (?:example|sample)"
    r"|any one)\b"
)
_WHOLE_ASKED = re2.compile(
    r"(?i)\b(?:how (?:many|much)|total|all|every|each|count|number of|sum|average|mean|any|none"
    r"|whole|entire|complete|full|largest|smallest|highest|lowest|oldest|longest|shortest|most"
    r"|least|is there|are there|does|whether|which|list|find|search|check)\b"
)
_SAYS_PART = re2.compile(
    r"(?i)\b(?:at least|the first \d+|first page|page \d+|so far|partial(?:ly)?|sample|truncated"
    r"|(?:not|n't) (?:all|complete|exhaustive|see|read|the (?:whole|full))|only (?:the )?first"
    r"|(?:may|might|could|can|will) be (?:more|others|further)|there (?:are|is) more"
    r"|more (?:results|pages|rows|entries|items|lines)|excerpt|shown|remaining|rest of"
    r"|the (?:part|portion|lines|rows) (?:i|shown|that)|up to line|lines? \d+\s*(?:-|–|to)"
    r"|over \d+|more than \d+|(?:next|another|further|second) page)\b|\b\d+\+"
)
_CLAIMS_WHOLE = re2.compile(
    r"(?i)\b(?:in total|a total of|total(?:s|ling|ed)?|altogether|overall|every|each|none|nothing"
    r"|all (?:the|of|your|our|\d+)|nowhere|never|there (?:is|are) no|(?:has|have) no"
    r"|no (?:other|further|such|errors?|warnings?|mention|entries|matches|records|results"
    r"|\pL+ (?:was|were|is|are))|(?:does|do|did|is|are|was|were)(?: not|n't|n’t)|only|exactly"
    r"|whole|entire|complete|largest|smallest|highest|lowest|oldest|newest|longest|shortest"
    r"|average|sum)\b"
)
_FIGURE = re2.compile(r"\d[\d,]*")
_FEW = 2


def detect_partial_reads(readings: Readings) -> Iterator[Signal]:
    """Answers that speak of the whole after the last read of a thing gave only a part."""
    view = readings.view
    if not any(a.failure is None and a.result and part_of(a.result) for a in view.attempts):
        return
    last: dict[tuple[str | None, str, str], Attempt] = {}
    for attempt in view.attempts:
        if attempt.failure is None and attempt.result:
            last[view.scope(attempt.span), attempt.tool, _subject(attempt.arguments)] = attempt
    loops, asked = Loops(view), _Asked(view)
    for attempt in last.values():
        part = part_of(attempt.result or "")
        answer = None if part is None else loops.answer_after(attempt)
        if part is None or answer is None:
            continue
        if _claims_all(part, loops.request(attempt), answer[1]) and not asked.elsewhere(attempt):
            yield _signal(view, attempt, part, answer[0])


class _Asked:
    """Which tools were asked about a value, and when last; read when it is first needed."""

    def __init__(self, view: TraceView) -> None:
        self._view = view

    @cached_property
    def _last(self) -> dict[tuple[str | None, str], dict[str, int]]:
        found: dict[tuple[str | None, str], dict[str, int]] = {}
        for attempt in self._view.attempts:
            if attempt.failure is None:
                scope, at = self._view.scope(attempt.span), self._view.position(attempt.span)
                for value in telling_values(attempt.arguments):
                    found.setdefault((scope, value), {})[attempt.tool] = at
        return found

    def elsewhere(self, part: Attempt) -> bool:
        """Whether another tool was asked about the same thing later on, and answered."""
        scope, start = self._view.scope(part.span), self._view.position(part.span)
        return any(
            tool != part.tool and at > start
            for value in telling_values(_subject(part.arguments))
            for tool, at in self._last.get((scope, value), {}).items()
        )


def _subject(arguments: str) -> str:
    """The arguments but for those that say which part is wanted."""
    value: dict[str, JsonValue] | None = json_object(arguments)
    if value is None:
        return arguments
    return canonical_json({k: v for k, v in value.items() if _PLACES.search(k) is None})


def _claims_all(part: PartShown, request: str, answer: str) -> bool:
    if _WHOLE_ASKED.search(request) is None or _only_a_part_asked(request):
        return False
    figures = {int(found.replace(",", "")) for found in _FIGURE.findall(answer) if len(found) < 18}
    if part.total in figures or _SAYS_PART.search(answer) is not None:
        return False
    counted = part.shown is not None and part.shown > _FEW and part.shown in figures
    return counted or _CLAIMS_WHOLE.search(answer) is not None


def _only_a_part_asked(request: str) -> bool:
    last = request.rstrip().rpartition("\n")[2]
    return _PART_ASKED.search(last) is not None and "how many" not in last.lower()


def _signal(view: TraceView, attempt: Attempt, part: PartShown, answer: Span) -> Signal:
    known = part.shown is not None and part.total is not None
    shown = f"{part.shown} of {part.total}" if known else "a part of it"
    return build_signal(
        view,
        detector="partial_read",
        fault=Fault.PARTIAL_READ,
        span=answer,
        evidence=[view.spoken_evidence(answer), *view.evidence(attempt)],
        summary=f"the answer speaks of the whole, and {attempt.tool} had shown {shown}",
        strength=0.6,
    )


DETECTOR = Detector("partial_reads", detect_partial_reads)
