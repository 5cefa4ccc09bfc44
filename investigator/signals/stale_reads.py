"""A read after a write that still returns the old value.

The same read, word for word, was answered the same before and after a write to the same thing that
worked, and what was written does not stand in it: a cache answered. What is compared is either a
field by its name, or a text of which the old one holds most; a write that a read would not show
(a message sent, a note elsewhere) says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground.canonical_json import JsonValue, read_json
from investigator.readings.assertions import STATE_CHANGES, acts_of
from investigator.readings.call_outcomes import succeeded
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Item
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import telling_values
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span

_LIMIT = 200_000
_SHARED = 0.5
"""The share of a text's lines that stood there before, from which it is a new version of it."""


def detect_stale_reads(readings: Readings) -> Iterator[Signal]:
    """Reads of each loop that show the state before a write."""
    for items in readings.loops.values():
        yield from _in_loop(readings, [item for item in items if isinstance(item, Action)])


def _in_loop(readings: Readings, actions: Sequence[Action]) -> Iterator[Signal]:
    reads: dict[tuple[str, str], Action] = {}
    written: dict[str, Action] = {}
    for action in actions:
        if succeeded(action) is not True:
            continue
        if acts_of(action.tool) & STATE_CHANGES:
            written |= dict.fromkeys(telling_values(action.arguments), action)
            continue
        key = (action.tool, action.arguments)
        before, reads[key] = reads.get(key), action
        if before is None or _result(before) != _result(action):
            continue
        writes = (written.get(value) for value in telling_values(action.arguments))
        since = [one for one in writes if one is not None and one.position > before.position]
        if since and _is_missing(since[0], _result(action)):
            yield _signal(readings, before, since[0], action)


def _result(action: Action) -> str:
    return "" if action.result is None else action.result.text[:_LIMIT]


def _is_missing(write: Action, shown: str) -> bool:
    """Whether what was written should stand in what was read, and does not."""
    fields = _fields(shown)
    leaves = [(path.rpartition(".")[2], text) for path, text in write.leaves if text]
    for name, text in leaves:
        if name in fields:
            if text not in fields[name]:
                return True
        elif text not in shown and _is_version(text, shown):
            return True
    held = [text for _, text in leaves if "\n" in text or " " in text]
    return any(one in shown for one in held) and any(
        one not in shown and abs(len(one) - len(held[0])) <= len(held[0]) for one in held
    )


def _is_version(text: str, shown: str) -> bool:
    """Whether a text of lines is a new version of what is shown."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return False
    old = set(map(str.strip, shown.splitlines()))
    return sum(line in old for line in lines) >= _SHARED * len(lines)


def _fields(shown: str) -> dict[str, set[str]]:
    """The plain values of a record by the names of their fields."""
    try:
        held = read_json(shown) if shown.lstrip()[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        held = None
    found: dict[str, set[str]] = {}
    stack: list[tuple[str, JsonValue]] = [("", held)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += list(value.items())
        elif isinstance(value, list):
            stack += [(name, one) for one in value]
        elif value is not None and name:
            text = value if isinstance(value, str) else str(value).lower()
            found.setdefault(name, set()).add(text)
    return found


def _span_of(item: Item) -> Span:
    """Where a call ran, else who asked for it."""
    return item.ran if isinstance(item, Action) and item.ran is not None else item.span


def _signal(readings: Readings, before: Action, write: Action, stale: Action) -> Signal:
    view = readings.view
    results = (one.result for one in (stale, write, before))
    span = stale.result.span if view.is_transcript and stale.result else _span_of(stale)
    return build_signal(
        view,
        detector="stale_read",
        fault=Fault.STALE_READ,
        span=span,
        evidence=[*(one.evidence for one in results if one), write.evidence, span_evidence(span)],
        summary=f"{stale.tool} still shows what stood there before {write.tool} changed it",
        strength=0.75,
    )


DETECTOR = Detector("stale_reads", detect_stale_reads)
