"""Whether what a run stores, and its record, is kept for no longer than the organisation allows.

How long something is kept is said by an argument of the call that stores it (`ttl_days`,
`expires_in`, …) or declared by a span (`retention_days`, …), as a number in the unit of the name or
as a duration ("30 days", "P30D"). What is stored and says nothing of it cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.controls.checks.chosen_calls import evidence_of_call
from investigator.controls.checks.record_integrity import MemoryWrites
from investigator.controls.checks.recorded import own_statement
from investigator.controls.checks.violations import CERTAIN
from investigator.controls.conditions.paths import number
from investigator.controls.required_evidence import is_hidden
from investigator.ground import lazy_re2 as re2
from investigator.ground.wording import counted
from investigator.readings.conversation import Action
from investigator.readings.directives import tool_words
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef, span_evidence

_SHOWN = 4
_KEYS = (
    "retention_days", "retention.days", "data_retention_days", "data.retention_days",
    "data.retention", "retention.period", "retention",
)  # fmt: skip
_ARGUMENTS = frozenset({"ttl", "retention", "expires", "expiry", "expiration", "keep"})
_DAYS = {
    "second": 1 / 86_400, "sec": 1 / 86_400, "s": 1 / 86_400, "minute": 1 / 1_440, "min": 1 / 1_440,
    "hour": 1 / 24, "h": 1 / 24, "day": 1.0, "d": 1.0, "week": 7.0, "w": 7.0, "month": 30.4375,
    "year": 365.25, "y": 365.25,
}  # fmt: skip
_DURATION = re2.compile(r"(?i)^\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*$")
_ISO = re2.compile(r"(?i)^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?.*)?$")
_ISO_DAYS = (365.25, 30.4375, 7.0, 1.0, 1 / 24)


class Retention(Params):
    """For how many days anything may be kept, and the attributes that declare for how many it is.

    `stores` and `writes` are words of the names of tools that store.
    """

    days: float = Field(gt=0)
    keys: tuple[str, ...] = Field(default=_KEYS, min_length=1)
    stores: tuple[str, ...] = Field(
        default=(*MemoryWrites().stores, "cache", "archive", "record", "profile", "history"),
        min_length=1,
    )
    writes: tuple[str, ...] = Field(default=MemoryWrites().writes, min_length=1)


class _Kept(NamedTuple):
    """One statement of how long something is kept."""

    span_id: str
    what: str
    said: str
    days: float | None
    evidence: tuple[EvidenceRef, ...]


def retention(subject: Readings, params: Retention) -> Checked:
    """Nothing is kept for longer than the days; what is stored says for how long."""
    storing = MemoryWrites(stores=params.stores, writes=params.writes)
    actions = subject.conversation.actions
    stored = [action for action in actions if storing.writes_memory(action)]
    said = {action.position: list(_said_by(subject, action)) for action in stored}
    declared = list(_declared(subject, params.keys))
    kept = [*(one for ones in said.values() for one in ones), *declared]
    silent = [action for action in stored if not said[action.position] and not declared]
    return Checked(
        violations=tuple(
            Violation(one.span_id, f"{one.what} is kept for {one.said}", one.evidence, CERTAIN)
            for one in kept
            if one.days is not None and one.days > params.days
        ),
        missing=(
            *(f"how long {one.what} is kept: {one.said}" for one in kept if one.days is None),
            *(f"how long what {subject.quote.name(a.tool)} stores is kept" for a in silent),
        ),
        scanned=f"{counted(len(stored), 'call')} that store among {counted(len(actions), 'call')}, "
        f"{counted(len(declared), 'declared retention')}",
        evidence=tuple(ref for one in kept for ref in one.evidence)[:_SHOWN],
    )


def _said_by(subject: Readings, action: Action) -> Iterator[_Kept]:
    for path, leaf in action.leaves:
        name = path.rpartition(".")[2]
        if set(tool_words(name)) & _ARGUMENTS:
            yield _Kept(
                action.span.span_id,
                f"what {subject.quote.name(action.tool)} stores",
                subject.quote.name(f"{name} {leaf}"),
                None if is_hidden(leaf) else _days(name, leaf),
                evidence_of_call(action),
            )


def _declared(subject: Readings, keys: tuple[str, ...]) -> Iterator[_Kept]:
    """What spans declare, each statement once."""
    seen = set[tuple[str, str]]()
    for span in subject.trace.spans:
        for key in keys:
            text = own_statement(span, (key,))
            if text is None or (key, text) in seen:
                continue
            seen.add((key, text))
            days = None if is_hidden(text) else _days(key, text)
            said = subject.quote.name(f"{key} {text}")
            yield _Kept(span.span_id, "the record", said, days, (span_evidence(span),))


def _days(name: str, said: str) -> float | None:
    """A duration in days; a bare number is in the unit of its name, days for a retention."""
    bare = number(said)
    if bare is not None:
        units = [_DAYS[unit] for word in tool_words(name) if (unit := _unit(word)) in _DAYS]
        if units:
            return bare * units[-1]
        return bare if "retention" in tool_words(name) else None
    spelled = _DURATION.match(said)
    if spelled is not None and _unit(spelled[2].lower()) in _DAYS:
        return float(spelled[1]) * _DAYS[_unit(spelled[2].lower())]
    iso = _ISO.match(said)
    if iso is not None and any(iso.groups()):
        return sum(float(n) * days for n, days in zip(iso.groups(), _ISO_DAYS, strict=True) if n)
    return None


def _unit(word: str) -> str:
    return word if word in _DAYS else word.removesuffix("s")


CHECKS = (Check("retention", Retention, retention),)
