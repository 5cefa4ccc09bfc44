"""Short service conversations, as transcripts: who said what, which tool gave what back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from investigator.controls import checks as checks
from investigator.controls.checking import Checked
from investigator.controls.checks import known_checks
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Span, Trace
from tests.builders import readings, span, trace

OUT = "llm.output_messages.0.message."
IN = "llm.input_messages.0.message."


@dataclass(frozen=True)
class Call:
    """One tool call; `gave` is its result, None where it is not recorded."""

    tool: str
    arguments: JsonValue
    gave: JsonValue


@dataclass(frozen=True)
class Turn:
    """What one party says, and the calls that come with it."""

    role: str
    text: str
    calls: tuple[Call, ...] = ()


def user(text: str) -> Turn:
    """The user speaks."""
    return Turn("user", text)


def says(text: str, *with_calls: Turn) -> Turn:
    """The assistant speaks, and makes these calls in the same turn."""
    return Turn("assistant", text, tuple(call for turn in with_calls for call in turn.calls))


def call(tool: str, gave: JsonValue = "done", /, **arguments: JsonValue) -> Turn:
    """The assistant makes one call without a word; `gave` comes back."""
    return Turn("assistant", "", (Call(tool, arguments, gave),))


def raw_call(tool: str, arguments: str, gave: JsonValue = "done") -> Turn:
    """A call whose arguments are this text."""
    return Turn("assistant", "", (Call(tool, arguments, gave),))


def chat(*turns: Turn) -> Trace:
    """The transcript of the turns; every call is followed by its result."""
    spans: list[Span] = []
    for turn in turns:
        spans.append(_spoken(len(spans), turn))
        for index, made in enumerate(turn.calls):
            if made.gave is not None:
                spans.append(_given(len(spans), f"{spans[-1 - index].span_id}/{index}", made))
    return trace(*spans)


def _spoken(number: int, turn: Turn) -> Span:
    base = IN if turn.role == "user" else OUT
    found: dict[str, JsonValue] = {f"{base}role": turn.role}
    if turn.text:
        found[f"{base}content"] = turn.text
    for index, made in enumerate(turn.calls):
        key = f"{base}tool_calls.{index}.tool_call."
        found[f"{key}id"] = f"step-{number}/{index}"
        found[f"{key}function.name"] = made.tool
        found[f"{key}function.arguments"] = _text(made.arguments)
    return _step(number, "UNKNOWN" if turn.role == "user" else "LLM", found)


def _given(number: int, call_id: str, made: Call) -> Span:
    return _step(
        number,
        "TOOL",
        {
            f"{IN}role": "tool",
            f"{IN}content": _text(made.gave),
            f"{IN}tool_call_id": call_id,
            "tool.name": made.tool,
            "tool.id": call_id,
            "input.value": _text(made.arguments),
            "output.value": _text(made.gave),
        },
    )


def _step(number: int, kind: str, attributes: Mapping[str, JsonValue]) -> Span:
    return span(f"step-{number}", kind=kind, start_ms=None, end_ms=None, attributes=attributes)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def look(name: str, params: Mapping[str, object], found: Trace) -> Checked:
    """What the check finds; every reference that it gives resolves."""
    known = known_checks()[name]
    result = known.run(readings(found), known.params.model_validate(params))
    index = EvidenceIndex(found)
    refs = [ref for breach in result.violations for ref in breach.evidence]
    assert all(breach.evidence for breach in result.violations)
    assert [index.problem(ref) for ref in (*refs, *result.evidence)].count(None) == len(refs) + len(
        result.evidence
    )
    return result


def verdict(name: str, params: Mapping[str, object], *turns: Turn) -> str:
    """`fail`, `unseen` or `pass`."""
    result = look(name, params, chat(*turns))
    return "fail" if result.violations else "unseen" if result.missing else "pass"


def summaries(name: str, params: Mapping[str, object], turns: Sequence[Turn]) -> list[str]:
    """What the check says of each breach."""
    return [breach.summary for breach in look(name, params, chat(*turns)).violations]
