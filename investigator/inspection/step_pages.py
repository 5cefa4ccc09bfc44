"""A page of steps: whole ones while they fit, then where to go on.

`next` is what `read_steps` is to be given for the first thing that was not shown; it is null
where nothing was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.pages import JsonObject, Lens
from investigator.inspection.step_text import folded, head_and_tail, joined_parts, step_parts
from investigator.readings.steps import Step
from investigator.runtime.tools import Cite, ToolAnswer

STEPS_CHARS = 8000
"""The most that the steps of a page take, in characters of JSON, or a tenth more: about 2,500
tokens, so that a page fits beside the largest overview."""

_OUTLINE_CHARS = 300
_FRAME_CHARS = 60


@dataclass(frozen=True, slots=True)
class StepRange:
    """Which steps are read, from which character of the first one on; `total` is of the run."""

    steps: Sequence[Step]
    outlined: bool
    offset: int
    total: int


def answer_steps(asked: StepRange, *, redactor: Redactor, cite: Cite) -> ToolAnswer:
    """As many of the steps as fit, each with the short ids of what it shows."""
    names: dict[int, list[str]] = {}

    def ids_of(step: Step) -> list[str]:
        if step.number not in names:
            refs = (ref.model_dump(mode="json") for ref in step.evidence)
            names[step.number] = [cite(ref) for ref in refs]
        return names[step.number]

    lens = Lens(redactor)
    page = _page(asked, lens, ids_of)
    rows = page["rows"]
    assert isinstance(rows, list)
    read = StepRange(asked.steps[: len(rows)], asked.outlined, asked.offset, asked.total)
    return ToolAnswer(
        page=page,
        original_hash=sha256_json(_page(read, Lens(None), ids_of)),
        redactions=lens.redactions,
    )


def _page(asked: StepRange, lens: Lens, ids_of: Callable[[Step], list[str]]) -> JsonObject:
    rows: list[JsonValue] = []
    left, following = STEPS_CHARS, None
    for place, step in enumerate(asked.steps):
        offset = asked.offset if place == 0 else 0
        if rows and left < _FRAME_CHARS:
            following = _at(step.number)
            break
        text = _said(step, ids_of(step)[:1], lens, outlined=asked.outlined)
        window = Lens(None).window(text, offset=offset, chars=left)
        if window.next_offset is not None and rows and len(text) <= STEPS_CHARS:
            following = _at(step.number)  # the next page holds it whole
            break
        ids: list[JsonValue] = list(ids_of(step))
        row: JsonObject = {"step": step.number, "evidence": ids, "text": window.text}
        rows.append({**row, "offset": offset} if offset else row)
        left -= len(canonical_json(window.text)) + _FRAME_CHARS
        if window.next_offset is not None:
            following = _at(step.number, window.next_offset)
            break
    return {"rows": rows, "steps": asked.total, "next": following}


def _said(step: Step, ids: Sequence[str], lens: Lens, *, outlined: bool) -> str:
    """The step in words, without secrets; in an outline folded and with head and tail alone."""
    parts = step_parts(step, ids[0] if ids else None)
    if not outlined:
        return joined_parts(parts, lens.whole)
    return joined_parts(parts, lambda text: head_and_tail(folded(lens.whole(text)), _OUTLINE_CHARS))


def _at(step: int, offset: int = 0) -> JsonValue:
    return {"from": step, "offset": offset}
