"""A page of steps: whole ones while they fit, then where to go on.

`next` is what `read_steps` is to be given for the first thing that was not shown; it is null where
nothing was left out. An outline names the first step of which it shows head and tail alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.pages import JsonObject, Lens
from investigator.inspection.step_text import StepPart, head_and_tail, joined_parts, step_parts
from investigator.readings.folding import folded
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


def answer_steps(
    asked: StepRange, *, name_of: Callable[[Step], str | None], redactor: Redactor, cite: Cite
) -> ToolAnswer:
    """As many of the steps as fit, each with the short ids of what it shows.

    What is shown in part is cited as that; of a step that is read on from an offset, the end of it
    makes it whole.
    """
    lens = Lens(redactor)
    shown, following = _shown(asked, name_of, lens)
    rows = [_row(one, cite) for one in shown]
    plain = StepRange(asked.steps[: len(rows)], asked.outlined, asked.offset, asked.total)
    original: list[JsonValue] = [
        [one.step.number, one.text] for one in _shown(plain, name_of, Lens(None))[0]
    ]
    cut = next((one.step.number for one in shown if one.in_part), None)
    page: JsonObject = {"rows": rows, "steps": asked.total, "next": following}
    if asked.outlined and cut is not None:
        # Nothing beside a text that is cut may say that there is no more of it.
        page = {"rows": rows, "steps": asked.total, "first_cut": cut}
        page |= {} if following is None else {"next": following}
    return ToolAnswer(
        page=page,
        original_hash=sha256_json(original),
        redactions=lens.redactions,
    )


class _Shown(NamedTuple):
    step: Step
    text: str
    offset: int
    in_part: bool


def _shown(
    asked: StepRange, name_of: Callable[[Step], str | None], lens: Lens
) -> tuple[list[_Shown], JsonValue]:
    """The steps that fit on a page, and where to read on."""
    shown: list[_Shown] = []
    left = STEPS_CHARS
    for place, step in enumerate(asked.steps):
        offset = asked.offset if place == 0 else 0
        if shown and left < _FRAME_CHARS:
            return shown, _at(step.number)
        text, outlined = _said(step, name_of(step), lens, outlined=asked.outlined)
        window = Lens(None).window(text, offset=offset, chars=left)
        cut = window.next_offset is not None
        if cut and shown and len(text) <= STEPS_CHARS:
            return shown, _at(step.number)  # the next page holds it whole
        shown.append(_Shown(step, window.text, offset, cut or outlined))
        left -= len(canonical_json(window.text)) + _FRAME_CHARS
        if window.next_offset is not None:
            return shown, _at(step.number, window.next_offset)
    return shown, None


def _row(one: _Shown, cite: Cite) -> JsonValue:
    refs = [ref.model_dump(mode="json") for ref in one.step.evidence]
    ids: list[JsonValue] = [cite(ref, in_part=True) if one.in_part else cite(ref) for ref in refs]
    row: JsonObject = {"step": one.step.number, "evidence": ids, "text": one.text}
    return {**row, "offset": one.offset} if one.offset else row


def _said(step: Step, name: str | None, lens: Lens, *, outlined: bool) -> tuple[str, bool]:
    """The step in words, without secrets; in an outline folded and with head and tail alone.

    And whether an outline left something of it out.
    """
    parts = step_parts(step, name)
    if not outlined:
        return joined_parts(parts, lens.whole), False
    whole = [folded(lens.whole(part.text)) for part in parts]
    cut = [head_and_tail(text, _OUTLINE_CHARS) for text in whole]
    made = tuple(
        StepPart(lens.whole(part.head), text) for part, text in zip(parts, cut, strict=True)
    )
    return joined_parts(made, lambda text: text), cut != whole


def _at(step: int, offset: int = 0) -> JsonValue:
    return {"from": step, "offset": offset}
