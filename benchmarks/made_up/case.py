"""A made-up run: messages, what was offered, and the fault that it shows, if it shows one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Trace

Said = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run. `faults` are the right names of what is wrong, empty where the run is healthy.

    `at` are the messages, by their index in `script`, at which it may be said to begin.
    `ended` is why each answer of the model ended, by index, where a run says so. `spans` replaces
    the script where a run is more than a conversation.
    """

    kind: str
    script: Sequence[Said] = ()
    tools: tuple[str, ...] = ()
    faults: frozenset[str] = frozenset()
    at: frozenset[int] = frozenset()
    ended: Mapping[int, str] = field(default_factory=dict)
    spans: Callable[[str], Trace] | None = None


Maker = Callable[[Random], Iterator[Case]]


def system(text: str) -> Said:
    """The instructions."""
    return {"role": "system", "content": text}


def user(text: str) -> Said:
    """What a person says."""
    return {"role": "user", "content": text}


def says(text: str) -> Said:
    """Words of the model."""
    return {"role": "assistant", "content": text}


def calls(name: str, _text: str = "", _id: str = "call_1", /, **arguments: JsonValue) -> Said:
    """The model asks for one tool."""
    return asks(_text, (_id, name, arguments))


def asks(text: str, *asked: tuple[str, str, Mapping[str, JsonValue]]) -> Said:
    """The model asks for tools, each (id, tool, arguments)."""
    listed: list[JsonValue] = [
        {"id": call_id, "name": name, "arguments": dict(arguments)}
        for call_id, name, arguments in asked
    ]
    return {"role": "assistant", "content": text, "calls": listed}


def gives(text: str, call_id: str = "call_1") -> Said:
    """What came back of a call."""
    return {"role": "tool", "call_id": call_id, "content": text}


def sick(kind: str, faults: str, at: Sequence[int], *script: Said, **more: object) -> Case:
    """A run with one fault: `faults` are its right names, `at` where it may begin."""
    return Case(
        kind=kind,
        script=script,
        faults=frozenset(faults.split()),
        at=frozenset(at),
        tools=_tools(script),
        **more,  # type: ignore[arg-type]
    )


def well(kind: str, *script: Said, **more: object) -> Case:
    """A healthy run that looks like one with a fault."""
    return Case(kind=kind, script=script, tools=_tools(script), **more)  # type: ignore[arg-type]


def _tools(script: Sequence[Said]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for message in script:
        listed = message.get("calls")
        for call in listed if isinstance(listed, list) else ():
            if isinstance(call, dict):
                found[str(call["name"])] = None
    return tuple(found)
