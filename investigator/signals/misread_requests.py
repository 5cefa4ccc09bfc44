"""A call for a different year or month than the user asked for.

Told only where the last request names exactly one, without a word that leads elsewhere (since,
compared, previous), and where nobody but the model had named the other: neither instructions nor
results. A range that holds what was asked for is right. A later call for the right one mends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import STATE_CHANGES, acts_of
from investigator.readings.directives import tool_words
from investigator.readings.faults import Fault
from investigator.readings.languages import word_set
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Source, Utterance
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence

_YEAR = re2.compile(r"\b((?:19|20)\d{2})\b")
_DATE = re2.compile(r"\b((?:19|20)\d{2})-(\d{2})(?:-\d{2})?")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = re2.compile(
    r"\b(January|February|March|April|June|July|August|September|October|November|December)\b"
    r"|\b(?:in|of|for|during|by|this|next|last) (May)\b|\b(May)(?: \d|,)"
)
_ELSEWHERE = re2.compile(
    r"(?i)\b(?:since|before|after|until|till|from|between|compar\w+|versus|vs|than|previous|prior"
    r"|last|next|past|earlier|later|change|changed|growth|grew|trend|history|instead|not|born|if"
    r"|every|each|through|to date|fiscal|quarter)\b"
)
_LIMIT = 4_000
_ARGUMENTS = 600
_NO_LOOKS = word_set(
    "think plan note answer finish final submit remember memory code python script shell bash"
    " calculate calculator compute math eval evaluate convert format draw plot chart sleep wait"
)
"""Words in the names of tools that look nothing up: whatever year they are given is the model's."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one request names: its only year, its only month (1 to 12), where it has just one."""

    said: Utterance
    year: str | None
    month: int | None


def detect_misread_requests(readings: Readings) -> Iterator[Signal]:
    """Calls for a year or month that nobody named, in place of the one that was asked for."""
    asked: _Asked | None = None
    named = _Named()
    wrong: list[tuple[Action, _Asked, str]] = []
    for item in readings.conversation.items:
        if isinstance(item, Action):
            other = _other(item, asked, named) if asked is not None else None
            if other is not None and asked is not None:
                wrong.append((item, asked, other))
            continue
        if item.source is Source.ASSISTANT:
            continue
        head = well_formed(item.text[:_LIMIT])
        named.hear(head)
        if item.source is Source.USER:
            asked = _asked(item, head)
    for action, request, other in wrong:
        yield _signal(readings, action, request, other)


class _Named:
    """The years and months that nobody but the model had named so far.

    Most runs have no look-up that could be for another; their texts are not searched.
    """

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._found: set[str] = set()

    def hear(self, text: str) -> None:
        """Let a text count."""
        self._unread.append(text)

    def have(self, names: set[str]) -> bool:
        """Whether one of them was named."""
        for text in self._unread:
            self._found |= set(_YEAR.findall(text))
            self._found |= {f"month {month}" for month in _months(text)}
        self._unread.clear()
        return not self._found.isdisjoint(names)


def _asked(said: Utterance, text: str) -> _Asked | None:
    if _ELSEWHERE.search(text) or len(text) >= _LIMIT:
        return None
    years, months = set(_YEAR.findall(text)), _months(text)
    year = next(iter(years)) if len(years) == 1 else None
    month = next(iter(months)) if len(months) == 1 else None
    return _Asked(said, year, month) if year or month else None


def _months(text: str) -> set[int]:
    words = {word for hit in _MONTH.findall(text) for word in hit if word}
    dated = {int(month) for _, month in _DATE.findall(text)}
    return {_MONTHS.index(word.lower()) + 1 for word in words} | dated


def _other(action: Action, asked: _Asked, named: _Named) -> str | None:
    """The year or month of a look-up, in words, where it is another than was asked for."""
    if not _may_look(action.tool) or len(action.arguments) > _ARGUMENTS:
        return None
    text = well_formed(action.arguments)
    years, dates = set(_YEAR.findall(text)), sorted(_DATE.findall(text))
    if asked.year and years and not _spans(sorted(years), asked.year) and not named.have(years):
        return f"{', '.join(sorted(years))}, and {asked.year} was asked for"
    months = {int(month) for _, month in dates} | (_months(text) if not dates else set())
    months |= _numbered_months(action)
    new = {f"month {month}" for month in months}
    if asked.month and months and not _holds(dates, months, asked.month) and not named.have(new):
        told = ", ".join(_MONTHS[month - 1].title() for month in sorted(months) if month <= 12)
        return f"{told}, and {_MONTHS[asked.month - 1].title()} was asked for"
    return None


def _may_look(tool: str) -> bool:
    """Whether a tool looks something up, as far as its name says; a report is read, not sent."""
    words = [word for word in tool_words(tool) if word not in ("report", "reports", "record")]
    return not _NO_LOOKS.intersection(words) and not acts_of("_".join(words)) & STATE_CHANGES


def _numbered_months(action: Action) -> set[int]:
    """The months that arguments called so give by number."""
    named = (text for path, text in action.leaves if path.lower().endswith("month"))
    return {int(text) for text in named if text.isdigit() and 1 <= int(text[:4]) <= 12}


def _spans(years: Sequence[str], asked: str) -> bool:
    return years[0] <= asked <= years[-1]


def _holds(dates: Sequence[tuple[str, str]], months: set[int], asked: int) -> bool:
    """Whether the month is among those named, or between the first date and the last."""
    if asked in months or 0 in months or max(months) > 12:
        return True
    if len(dates) < 2:
        return False
    first, last = (int(year) * 12 + int(month) - 1 for year, month in (dates[0], dates[-1]))
    return last - first >= 11 or any(one % 12 + 1 == asked for one in range(first, last + 1))


def _signal(readings: Readings, action: Action, asked: _Asked, other: str) -> Signal:
    return build_signal(
        readings.view,
        detector="misread_request",
        fault=Fault.MISREAD_REQUEST,
        span=action.span,
        evidence=[action.evidence, asked.said.evidence, span_evidence(action.span)],
        summary=f"{action.tool} was called for {other}",
        strength=0.7,
        recovered_by=_mended_by(readings, action, asked),
    )


def _mended_by(readings: Readings, action: Action, asked: _Asked) -> str | None:
    """A later call of the tool for what was asked."""
    for later in readings.conversation.actions:
        if later.position > action.position and later.tool == action.tool:
            text = well_formed(later.arguments)
            years = set(_YEAR.findall(text))
            months = _months(text) | _numbered_months(later)
            if (asked.year in years) if asked.year else (asked.month in months):
                return later.span.span_id
    return None


DETECTOR = Detector("misread_requests", detect_misread_requests)
