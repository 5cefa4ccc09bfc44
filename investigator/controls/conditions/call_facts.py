"""What was known when a call was made, or at the end: arguments, result, records read before.

A path begins with what it looks into: `call` (the arguments), `result` (what the call gave
back) or the name of a record. A record is the result of an earlier call that succeeded; which
one follows from its `match`. What the trace does not show is named as missing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from investigator.controls.checking import Params
from investigator.controls.checks.chosen_calls import (
    is_named,
)
from investigator.controls.checks.words import found_in
from investigator.controls.conditions.paths import comparable_text, document_in, values_at
from investigator.ground.canonical_json import JsonValue
from investigator.readings.call_outcomes import succeeded
from investigator.readings.conversation import Conversation
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Source, Utterance
from investigator.traces.evidence import EvidenceRef

CALL = "call"
RESULT = "result"
_PERSONS = (Source.USER, Source.ASSISTANT)


def _operand(text: str) -> str:
    if not all(text.split(".")):
        raise ValueError(f"{text!r} is no path; write call.ARGUMENT, result.KEY or RECORD.KEY")
    return text


Operand = Annotated[str, AfterValidator(_operand)]
"""`call.…` (the arguments), `result.…` (what the call gave back) or `NAME.…` (a record)."""


def _with_tools(raw: object) -> object:
    return {"tools": raw} if isinstance(raw, list | tuple) else raw


class RecordPattern(Params):
    """What one of the tools gave back, with success, before a call.

    `match` maps a key of the earlier call's arguments (or, where it was not asked with that
    key, of its result) to the path whose value it must have. `part` is what of the call the
    record is: what it gave back, or what it was asked with.
    """

    tools: tuple[str, ...] = Field(min_length=1)
    match: Mapping[str, Operand] = Field(default_factory=dict)
    take: Literal["latest", "every"] = "latest"
    part: Literal["result", "arguments"] = "result"

    def __str__(self) -> str:
        return ", ".join(self.tools)


EarlierRecord = Annotated[RecordPattern, BeforeValidator(_with_tools)]
"""A `RecordPattern`; a bare list of tools is one that any call of theirs makes."""


@dataclass(frozen=True, slots=True)
class Found:
    """Values at a path, where they stand, and what could not be seen of them."""

    values: tuple[JsonValue, ...] = ()
    missing: tuple[str, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()


class Heard:
    """The first words of each source that match a pattern; looked for once in a conversation."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._first: dict[tuple[Source, str], Utterance | None] = {}

    def first(self, source: Source, pattern: str) -> Utterance | None:
        """The first utterance of the source with a match, wherever it stands."""
        key = (source, pattern)
        if key not in self._first:
            said = self._conversation.said_by(source)
            matching = (u for u in said if found_in(pattern, u.text) is not None)
            self._first[key] = next(matching, None)
        return self._first[key]


class CallFacts:
    """One call of a conversation (None: the whole), with what can be looked up for it.

    What was said and read counts up to the call, or up to the position `until`.
    `as_configured`: what would be known if every parameter had a value.
    """

    def __init__(
        self,
        read: Readings,
        action: Action | None,
        records: Mapping[str, RecordPattern] | None = None,
        now_ns: int | None = None,
        heard: Heard | None = None,
        *,
        until: int | None = None,
        as_configured: bool = False,
    ) -> None:
        self.read = read
        self.as_configured = as_configured
        self.conversation = read.conversation
        self.quote = read.quote
        self.heard = Heard(read.conversation) if heard is None else heard
        self.action = action
        self.until = len(read.conversation.items) if until is None else until
        if until is None and action is not None:
            self.until = action.position
        started = None if action is None else action.span.start_ns
        self.now_ns = started if now_ns is None else now_ns
        self._records = records or {}

    def find(self, path: str) -> Found:
        """The values at a path, of every part that it looks into."""
        root, *parts = path.split(".")
        match root:
            case "call" if self.action is not None:
                return _in_arguments(self.action, path, parts)
            case "result" if self.action is not None:
                return _in_result(self.action, path, parts)
            case _:
                return self._in_records(root, path, parts)

    def said_by(self, sources: Iterable[Source]) -> tuple[Utterance, ...]:
        """What these had said before the call."""
        return self.conversation.said_by(*sources, before=self.until)

    def unheard(self, sources: Iterable[Source]) -> tuple[str, ...]:
        """What of their words before the call is not in the trace."""
        lines = self.conversation.missing(*sources, before=self.until)
        silent = [s for s in sources if s in _PERSONS and not self.conversation.said_by(s)]
        return (*lines, *(f"the trace has no words of the {s.value.lower()}" for s in silent))

    @cached_property
    def earlier(self) -> tuple[Action, ...]:
        """The calls that were asked for before this one."""
        actions = self.conversation.actions
        return actions[: bisect_left(actions, self.until, key=lambda action: action.position)]

    @property
    def later(self) -> Iterator[Action]:
        """The calls that were asked for after this one."""
        asked = -1 if self.action is None else self.action.position
        actions = self.conversation.actions
        start = bisect_right(actions, asked, key=lambda action: action.position)
        return (actions[place] for place in range(start, len(actions)))

    def matching(self, record: RecordPattern) -> Iterator[tuple[Action, bool | None]]:
        """The earlier calls that may have made a record, the last first, and whether they did."""
        for action, made in self.alike(reversed(self.earlier), record):
            done = _all_true([made, self._has_ended_well(action)])
            if done is not False:
                yield action, done

    def alike(
        self, actions: Iterable[Action], record: RecordPattern
    ) -> Iterator[tuple[Action, bool | None]]:
        """Those of the calls that fit a pattern, whatever came of them, and whether they do."""
        wanted = {key: self.find(path) for key, path in record.match.items()}
        for action in actions:
            if is_named(action.tool, record.tools):
                made = _all_true([_has(action, key, value) for key, value in wanted.items()])
                if made is not False:
                    yield action, made

    def _has_ended_well(self, action: Action) -> bool | None:
        result = action.result
        if result is not None and result.position > self.until:
            return False
        return succeeded(action)

    def _in_records(self, name: str, path: str, parts: list[str]) -> Found:
        record = self._records[name]
        values: list[JsonValue] = []
        missing: list[str] = []
        evidence: list[EvidenceRef] = []
        candidates = self._candidates(record)
        for action, made in candidates:
            read = _in_result if record.part == "result" else _in_arguments
            found = read(action, path, parts)
            values += found.values if made else ()
            missing += found.missing if made else (f"whether {action.tool} gave {name}",)
            evidence += found.evidence
        if not candidates:
            before = "" if self.action is None else f" before {self.action.tool}"
            missing.append(f"no {name} ({self._wanted(record)}) was read{before}")
        return Found(tuple(values), tuple(missing), tuple(evidence))

    def _candidates(self, record: RecordPattern) -> list[tuple[Action, bool | None]]:
        return list(islice(self.matching(record), 1 if record.take == "latest" else None))

    def _wanted(self, record: RecordPattern) -> str:
        pairs = [(key, self.find(path).values) for key, path in record.match.items()]
        told = [
            f"{key} {self.quote.error(comparable_text(values[0]))}"
            for key, values in pairs
            if values
        ]
        return ", ".join(told) or f"by {record}"


def arguments_of(action: Action) -> dict[str, JsonValue] | None:
    """The arguments by name; none where nothing was given, None where they are no JSON object."""
    if not action.arguments.strip():
        return {}
    found = document_in(action.arguments)
    return found if isinstance(found, dict) else None


def _in_arguments(action: Action, path: str, parts: list[str]) -> Found:
    arguments = arguments_of(action)
    if arguments is None:
        return Found(missing=(f"the arguments of {action.tool} are no JSON object",))
    at = values_at(arguments, parts)
    missing = () if at.hidden is None else (f"{path} of {action.tool} is hidden",)
    return Found(at.values, missing, (action.evidence,))


def _in_result(action: Action, path: str, parts: list[str]) -> Found:
    if action.result is None:
        return Found(missing=(f"what {action.tool} gave back is not recorded",))
    evidence = (action.result.evidence,)
    document = document_in(action.result.text)
    if document is None:
        return Found(missing=(f"what {action.tool} gave back is no whole JSON",), evidence=evidence)
    at = values_at(document, parts)
    lost = "hidden" if at.hidden is not None else "not in its result" if at.absent else None
    missing = () if lost is None else (f"{path} of {action.tool} is {lost}",)
    return Found(at.values, missing, evidence)


def _has(action: Action, key: str, wanted: Found) -> bool | None:
    """Whether a call was asked with, or gave back, the value that is wanted of a key."""
    if len(wanted.values) != 1 or wanted.missing:
        return None
    arguments = arguments_of(action)
    at = values_at(arguments, [key]) if arguments is not None else None
    if at is not None and at.hidden is None and at.absent is None:
        return comparable_text(at.values[0]) == comparable_text(wanted.values[0])
    given = _in_result(action, key, [key])
    if given.missing:
        return None
    return comparable_text(given.values[0]) == comparable_text(wanted.values[0])


def _all_true(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True
