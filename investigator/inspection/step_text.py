"""A step in words: `[12] t12 WebSurfer → search_web({"q":"…"}): what came back`.

A step begins at the start of a line and its further lines are indented, so no text of a trace
passes for a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from investigator.readings.steps import Step, StepKind

_DOCUMENTS = 20


class StepPart(NamedTuple):
    """What introduces a text of the step, and the text."""

    head: str
    text: str


def step_parts(step: Step, name: str | None) -> tuple[StepPart, ...]:
    """The step in parts, of which the texts may be cut."""
    lead = f"[{step.number}]{f' {name}' if name else ''} {_who(step)}"
    call = step.call
    if call is None:
        kind = {StepKind.ANSWER: " (final answer)", StepKind.RETRIEVAL: " retrieved"}
        asks = f" (calls {', '.join(dict.fromkeys(step.asks))})" if step.asks else ""
        found = _found(step)
        return (StepPart(f"{lead}{kind.get(step.kind, '')}{found}{asks}: ", step.text),)
    tool = call.tool or "a call that the trace does not show"
    over = " (hands over)" if step.kind is StepKind.HANDOFF else ""
    failed = " failed" if call.is_error else ""
    if call.result is None:
        return (
            StepPart(f"{lead} → {tool}{over}(", call.arguments),
            StepPart("): no result recorded", ""),
        )
    return (
        StepPart(f"{lead} → {tool}{over}(", call.arguments),
        StepPart(f"){failed}: ", call.result),
    )


def _found(step: Step) -> str:
    """Ids and scores of what a retrieval found; that there are none says something too."""
    named = [
        " ".join((one.document_id or "a document", _score(one.score)))
        for one in step.documents[:_DOCUMENTS]
    ]
    more = [f"{len(step.documents) - _DOCUMENTS} more"] if len(step.documents) > _DOCUMENTS else []
    return f" ({', '.join((*named, *more))})" if named else ""


def _score(score: float | None) -> str:
    return "without a score" if score is None else f"score {score:.4g}"


def _who(step: Step) -> str:
    plain = {StepKind.SYSTEM: "system", StepKind.USER: "user"}
    if step.kind in plain and step.agent is None:
        return plain[step.kind]
    kind = f" ({plain[step.kind]})" if step.kind in plain else ""
    return f"{step.agent or 'model'}{kind}"


def joined_parts(parts: tuple[StepPart, ...], shown: Callable[[str], str]) -> str:
    """The parts with their texts as they are shown, further lines indented."""
    text = "".join(f"{shown(part.head)}{shown(part.text)}" for part in parts)
    return text.strip().replace("\n", "\n ")


def head_and_tail(text: str, chars: int) -> str:
    """Head and tail of a text, with how much is left out between them."""
    if len(text) <= chars + chars // 10 + 24:
        return text
    tail = chars // 3
    end = text[-tail:] if tail else ""
    return f"{text[: chars - tail]} …({len(text) - chars:,} more)… {end}"
