"""A view becomes a prompt of bounded size: stable text first, what changes each turn last.

The system part is the same for all scopes of a run. The user part begins with what a scope
keeps (objective, context, the rules that hold in it) and ends with what is left of the budget,
so that what a provider cached of one turn serves the next. Whatever a view holds, the whole
stays within its limit: each section has a share, the more important ones are served first, and
a cut says what it left out. What comes from traces, or may quote them (an objective that another
scope wrote, the reason why a reply was refused), stands in a fence; outside of it there are only
words of this package and numbers.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from investigator.ground.canonical_json import compact_json
from investigator.model_planner.fence import Fence
from investigator.model_planner.page_text import Estimate, cut, page_text
from investigator.model_planner.prompts import load_prompt
from investigator.runtime.actions import ActionKind
from investigator.runtime.planner import StepSeen, View

TEXT_TOKENS = 4500
"""The most that the text of a turn takes. The schema of the offered actions comes on top."""

LEAST_TURN_TOKENS = 1200
"""What is kept of it for the user part; tools and guide may not take more than the rest."""

OBJECTIVE_TOKENS = 250
NOTICE_TOKENS = 200
CONTEXT_TOKENS = 600
DRAFT_TOKENS = 700
GATHERED_TOKENS = 1500
CITED_TOKENS = 120
CITED_IDS = 24
REFERENCE_CHARS = 120
NEWEST_TOKENS = 700
SECOND_TOKENS = 200
EARLIER_TOKENS = 40
"""What the newest step may take, the one before it, and each that is older (a line)."""
ACTION_TOKENS = 100

TURN_TOKENS = 4000
"""What a turn takes of a token limit, for telling how many turns are left."""
TURN_SECONDS = 4.0
"""What a turn takes of the time, for the same."""
CONCLUDE_TURNS = 2
CONCLUDE_SHARE = 0.2
FOCUS_SHARE = 0.5
"""Below this share of the turns that a scope had and has, it focuses; then it concludes."""

SYSTEM = "system-v1.md"
TURN = "turn-v1.toml"


class Mode(StrEnum):
    """What a scope should be doing with what it has left."""

    EXPLORE = "explore"
    FOCUS = "focus"
    CONCLUDE = "conclude"
    ONLY_FINALIZE = "only_finalize"


class Rendered(NamedTuple):
    """The two parts of a prompt, and the tokens that they take by estimate."""

    system: str
    user: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptSection:
    """A part of the user text. What is `fenced` comes from traces or may quote them."""

    title: str
    text: str
    fenced: bool = False


class Prompting:
    """Renders the views of one run; `system` is what all of its prompts begin with."""

    def __init__(self, system: str, estimate: Estimate) -> None:
        self.system = system
        self._estimate = estimate
        self._system_tokens = estimate(system)
        self._phrases = tomllib.loads(load_prompt(TURN).text)

    def render(self, view: View, limit: int) -> Rendered:
        """The prompt of a view in at most `limit` tokens.

        Raises:
            ValueError: the system part leaves fewer than `LEAST_TURN_TOKENS`.
        """
        room = limit - self._system_tokens
        if room < LEAST_TURN_TOKENS:
            raise ValueError(
                f"tools and guide take {self._system_tokens} of {limit} tokens of a prompt,"
                f" {LEAST_TURN_TOKENS} have to be left for a turn; shorten them"
            )
        within = room
        while True:
            user = self._user(view, within)
            tokens = self._estimate(user)
            if tokens <= room:
                return Rendered(self.system, user, self._system_tokens + tokens)
            within -= tokens - room + 8

    def _user(self, view: View, room: int) -> str:
        """The user part in about `room` tokens: fixed sections first, then by importance."""
        first, last = self._first(view), self._last(view)
        left = room - sum(self._cost(section) for section in (*first, *last))
        middle: dict[str, PromptSection] = {}
        for title, text, most in _middle(view):
            section = self._fitted(PromptSection(title, text, fenced=True), min(most, left))
            if section is not None:
                middle[title] = section
                left -= self._cost(section)
        steps = self._steps(view, left)
        left -= sum(map(self._cost, steps))
        cited = self._cited(view, steps[-1] if steps else None, min(CITED_TOKENS, left))
        order = (_CONTEXT, _GATHERED, _DRAFT)
        kept = [middle[title] for title in order if title in middle]
        return self._joined([*first[:1], *kept[:1], *first[1:], *kept[1:], *cited, *steps, *last])

    def _first(self, view: View) -> list[PromptSection]:
        """What holds for a whole scope: its objective and its two rules."""
        may = "may" if ActionKind.DELEGATE in view.offered else "stop"
        rules = "\n".join(
            f"{rule}: {self._phrases[rule][may].format(depth=view.depth)}"
            for rule in ("depth_stop_rule", "delegation_policy")
        )
        objective = cut(_one_line(view.objective), OBJECTIVE_TOKENS, self._estimate)
        return [
            PromptSection("Objective", objective, fenced=True),
            PromptSection("Rules of this scope", rules),
        ]

    def _last(self, view: View) -> list[PromptSection]:
        """What is new in this turn: why the last one failed, and what is left."""
        sections = []
        if view.notice:
            notice = cut(_one_line(view.notice), NOTICE_TOKENS, self._estimate)
            sections.append(
                PromptSection("Notice: your last turn did not work", notice, fenced=True)
            )
        lines = (
            f"mode: {self._phrases['mode'][mode_of(view)]}",
            f"left: {_left(view)}",
            f"offered: {', '.join(view.offered)}",
            "Reply with one action.",
        )
        return [*sections, PromptSection(f"Turn {view.step}", "\n".join(lines))]

    def _steps(self, view: View, room: int) -> list[PromptSection]:
        """The recent steps, oldest first: lines of the earlier ones, the last two as sections."""
        at_view = {step.step for step in view.recent}
        newest: list[PromptSection] = []
        for step, most in zip(view.recent[:-3:-1], (NEWEST_TOKENS, SECOND_TOKENS), strict=False):
            section = self._step(step, at_view, min(most, room))
            if section is not None:
                newest.insert(0, section)
                room -= self._cost(section)
        earlier = self._earlier(view.recent[:-2], view.step - len(newest), room)
        return [*earlier, *newest]

    def _step(self, step: StepSeen, at_view: set[int], room: int) -> PromptSection | None:
        action = cut(_action(step), min(ACTION_TOKENS, room), self._estimate)
        if step.repeat_of is not None and step.repeat_of in at_view:
            result = f"the same page as in step {step.repeat_of}: this call was a repeat"
        else:
            result = page_text(step.result)
        title = f"Step {step.step}: {step.kind or 'invalid reply'}, {_outcome(step)}"
        return self._fitted(
            PromptSection(title, f"{action}\n{result}".strip("\n"), fenced=True), room
        )

    def _earlier(self, steps: Sequence[StepSeen], before: int, room: int) -> list[PromptSection]:
        """A line for each step before the newest, as many as fit; the others are counted."""
        lines: list[str] = []
        for step in reversed(steps):
            text = f"step {step.step}, {_outcome(step)}: {_one_line(_action(step))}"
            line = _one_line(cut(text, EARLIER_TOKENS, self._estimate))
            section = _counted("Earlier steps", "steps", [line, *lines], before)
            if self._cost(section) > room:
                break
            lines.insert(0, line)
        return [_counted("Earlier steps", "steps", lines, before)] if before > 0 else []

    def _cited(self, view: View, shown: PromptSection | None, room: int) -> list[PromptSection]:
        """The newest ids that can be cited, with kind and place, but those just shown."""
        seen = _ids_of(view.recent[-1].result, shown.text) if view.recent and shown else set()
        unseen = [(short_id, ref) for short_id, ref in view.cited.items() if short_id not in seen]
        lines: list[str] = []
        title, what = "Evidence you can cite", "ids, citable too"
        for short_id, ref in reversed(unseen[-CITED_IDS:]):
            line = f"{short_id} {_reference(ref)}"
            if self._cost(_counted(title, what, [line, *lines], len(unseen))) > room:
                break
            lines.insert(0, line)
        return [_counted(title, what, lines, len(unseen))] if lines else []

    def _fitted(self, section: PromptSection, room: int) -> PromptSection | None:
        """The section in at most `room` tokens; None where nothing of it would be seen."""
        frame = self._cost(PromptSection(section.title, "", section.fenced))
        if room < frame + 24:
            return None
        text = cut(section.text, room - frame, self._estimate)
        return PromptSection(section.title, text, section.fenced)

    def _cost(self, section: PromptSection) -> int:
        marks = _MARKS if section.fenced else ""
        return self._estimate(f"## {section.title}\n{section.text}{marks}") + 1

    def _joined(self, sections: Sequence[PromptSection]) -> str:
        """The text of all sections, in one fence whose seed is what the scope keeps."""
        contents = [section.text for section in sections if section.fenced]
        fence = Fence("\n".join(section.text for section in sections[:2]), contents)
        texts = (fence.around(s.text) if s.fenced else s.text for s in sections)
        parts = zip(sections, texts, strict=True)
        return "\n\n".join(f"## {section.title}\n{text}" for section, text in parts)


_CONTEXT, _GATHERED, _DRAFT = "Context", "What the scopes before this one found", "Your draft"
_MARKS = f"\n{Fence('', ()).opens}\n{Fence('', ()).closes}"


def mode_of(view: View) -> Mode:
    """What the tightest resource leaves room for. It follows from the view alone."""
    if view.offered == (ActionKind.FINALIZE,):
        return Mode.ONLY_FINALIZE
    turns = turns_left(view)
    if turns <= CONCLUDE_TURNS:
        return Mode.CONCLUDE
    share = turns / (turns + view.step) if math.isfinite(turns) else 1.0
    if share < CONCLUDE_SHARE:
        return Mode.CONCLUDE
    return Mode.FOCUS if share < FOCUS_SHARE else Mode.EXPLORE


def turns_left(view: View) -> float:
    """How many turns the tightest resource has left, about; below 0 past the deadline."""
    left, seconds = view.shown.left, view.shown.time_left
    reads = left.tool_calls if ActionKind.TOOL_CALL in view.offered else None
    tokens = None if left.tokens is None else left.tokens // TURN_TOKENS
    time = None if seconds is None else seconds // TURN_SECONDS
    known = [n for n in (left.iterations, reads, tokens, time) if n is not None]
    return min(known, default=math.inf)


def _middle(view: View) -> list[tuple[str, str, int]]:
    """The bounded sections, the most important first, each with the most it may take."""
    draft = "" if view.draft is None else page_text(view.draft.model_dump_json())
    gathered = "\n".join(map(compact_json, view.gathered))
    sections = (
        (_DRAFT, draft, DRAFT_TOKENS),
        (_CONTEXT, page_text(view.context), CONTEXT_TOKENS),
        (_GATHERED, gathered, GATHERED_TOKENS),
    )
    return [section for section in sections if section[1]]


def _action(step: StepSeen) -> str:
    """What was asked; the words of a draft stand in the draft."""
    if step.kind is ActionKind.SYNTHESIZE:
        return ""
    return step.action


def _outcome(step: StepSeen) -> str:
    if step.repeat_of is not None:
        return f"a repeat of step {step.repeat_of}"
    return "done" if step.ok else "refused"


def _counted(title: str, what: str, lines: Sequence[str], of: int) -> PromptSection:
    """A list of the newest, with the number of those that it leaves out."""
    earlier = of - len(lines)
    more = (f"… {earlier:,} earlier {what}",) if earlier else ()
    return PromptSection(title, "\n".join((*more, *lines)), fenced=True)


def _ids_of(page: str, text: str) -> set[str]:
    """The short ids that a page gives its rows or itself, as far as the text shows them."""
    try:
        value: object = json.loads(page)
    except ValueError:
        return set()
    if not isinstance(value, dict):
        return set()
    lists = (value.get("rows"), value.get("evaluations"))
    items = [value, *chain.from_iterable(one for one in lists if isinstance(one, list))]
    ids = {str(item["evidence"]) for item in items if isinstance(item, dict) and "evidence" in item}
    return ids & set(text.replace(";", " ").split())


def _reference(ref: str) -> str:
    """A reference by kind and place, where it has them; else the whole of it."""
    parsed: object = json.loads(ref)
    if not isinstance(parsed, dict) or not {"kind", "ref"} <= parsed.keys():
        return _one_line(ref)[:REFERENCE_CHARS]
    return _one_line(f"{parsed['kind']} {parsed['ref']}")[:REFERENCE_CHARS]


def _left(view: View) -> str:
    """What is left of what is limited."""
    left = view.shown.left
    amounts: Mapping[str, int | None] = {
        "iterations": left.iterations,
        "tool calls": left.tool_calls,
        "subcalls": left.subcalls,
        "tokens": left.tokens,
    }
    told = [f"{amount:,} {name}" for name, amount in amounts.items() if amount is not None]
    if left.cost is not None:
        told.append(f"{left.cost / 1e6:.4f} US dollars")
    if view.shown.time_left is not None:
        told.append(f"{max(0.0, view.shown.time_left):.0f} s")
    return ", ".join(told) or "no limits"


def _one_line(text: str) -> str:
    return " ".join(text.split())
