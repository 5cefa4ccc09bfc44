"""A view becomes a prompt of bounded size: stable text first, what changes each turn last.

The system part is the same for all scopes of a run. The user part begins with the run itself,
goes on with what a scope keeps (objective, context, the rules that hold in it) and ends with what
is left of the budget, so that what a provider cached of one prompt serves the next. Whatever a
view holds, the whole stays within its limit: each section has a share, the more important ones
are served first, and a cut says what it left out. What comes from traces, or may quote them (an
objective that another scope wrote, the reason why a reply was refused), stands in a fence;
outside of it there are only words of this package and numbers.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from investigator.ground.canonical_json import compact_json
from investigator.ground.wording import counted
from investigator.model_planner.fence import Fence
from investigator.model_planner.overview import NO_OVERVIEW, RunOverview
from investigator.model_planner.page_text import (
    Estimate,
    cut,
    faded_ids,
    fitted_page,
    ids_of,
    page_text,
)
from investigator.model_planner.prompts import load_prompt
from investigator.runtime.actions import ActionKind
from investigator.runtime.planner import StepSeen, View

LEAST_TURN_TOKENS = 1200
"""What is kept of a prompt for the user part; tools and guide may not take more than the rest."""

OBJECTIVE_TOKENS = 400
"""The most that it takes. The other shares grow with the room that a turn has."""


class Share(NamedTuple):
    """What a section may take: so many tokens, or this part of the room if that is more."""

    tokens: int
    part: float

    def of(self, room: int) -> int:
        """The most tokens in a room."""
        return max(self.tokens, int(room * self.part))


NOTICE_SHARE = Share(300, 0.1)
CONTEXT_SHARE = Share(600, 0.15)
DRAFT_SHARE = Share(700, 0.2)
GATHERED_SHARE = Share(1500, 0.5)
CITED_SHARE = Share(120, 0.04)
CITED_IDS = 24
REFERENCE_CHARS = 120
FADED_CHARS = 80
"""What is left of a text that leaves the view."""
ACTION_TOKENS = 120
NEWEST_ACTION_TOKENS = 1500
"""Of the newest, such as code that was run, all is shown that a reply is likely to hold."""
SLACK = 0.1
"""The part of the room that is kept for a result that would fit but for a tenth."""

TURN_TOKENS = 4000
"""What a turn takes of a token limit besides its overview, for telling how many are left."""
TURN_SECONDS = 4.0
"""What a turn takes of the time, for the same."""
CONCLUDE_TURNS = 2
CONCLUDE_SHARE = 0.2
FOCUS_SHARE = 0.5
"""Below this share of the turns that a scope had and has, it focuses; then it concludes."""

SYSTEM = "system-v2.md"
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

    def __init__(self, system: str, estimate: Estimate, fence: Fence) -> None:
        self.system = system
        self.system_tokens = estimate(system)
        self._estimate = estimate
        self._fence = fence
        self._marks = f"\n{fence.opens}\n{fence.closes}"
        self._phrases = tomllib.loads(load_prompt(TURN).text)

    def render(self, view: View, limit: int, overview: RunOverview = NO_OVERVIEW) -> Rendered:
        """The prompt of a view in at most `limit` tokens, the overview of the run first.

        Raises:
            ValueError: the system part leaves fewer than `LEAST_TURN_TOKENS`.
        """
        room = limit - self.system_tokens
        if room < LEAST_TURN_TOKENS:
            raise ValueError(
                f"tools and guide take {self.system_tokens} of {limit} tokens of a prompt,"
                f" {LEAST_TURN_TOKENS} have to be left for a turn; shorten them"
            )
        room -= overview.tokens
        within = room
        while True:
            user = self._user(view, within, overview)
            tokens = self._estimate(user)
            if tokens <= room:
                total = self.system_tokens + overview.tokens + tokens
                return Rendered(self.system, overview.text + user, total)
            within -= tokens - room + 8

    def _user(self, view: View, room: int, overview: RunOverview) -> str:
        """What follows the overview: fixed sections first, then by importance."""
        first, last = self._first(view, overview), self._last(view, room, overview)
        left = room - sum(self._cost(section) for section in (*first, *last))
        whole = left
        middle: dict[str, PromptSection] = {}
        for title, text, share in _middle(view):
            fenced = PromptSection(title, text, fenced=True)
            section = self._fitted(fenced, min(share.of(whole), left))
            if section is not None:
                middle[title] = section
                left -= self._cost(section)
        kept_for_ids = min(CITED_SHARE.of(whole), left) if view.cited else 0
        steps, shown = self._steps(view, left - kept_for_ids)
        left -= sum(map(self._cost, steps))
        cited = self._cited(view, shown | overview.shows.keys(), min(CITED_SHARE.of(whole), left))
        order = (_CONTEXT, _GATHERED, _DRAFT)
        kept = [middle[title] for title in order if title in middle]
        return self._joined([*first[:1], *kept[:1], *first[1:], *kept[1:], *cited, *steps, *last])

    def _first(self, view: View, overview: RunOverview) -> list[PromptSection]:
        """What holds for a whole scope: its objective and its two rules."""
        may = "may" if ActionKind.DELEGATE in view.offered else "stop"
        policy = "whole" if overview.is_whole and may == "may" else may
        rules = "\n".join(
            f"{rule}: {self._phrases[rule][which].format(depth=view.depth)}"
            for rule, which in (("depth_stop_rule", may), ("delegation_policy", policy))
        )
        objective = cut(_one_line(view.objective), OBJECTIVE_TOKENS, self._estimate)
        return [
            PromptSection("Objective", objective, fenced=True),
            PromptSection("Rules of this scope", rules),
        ]

    def _last(self, view: View, room: int, overview: RunOverview) -> list[PromptSection]:
        """What is new in this turn: why the last one failed, and what is left."""
        sections = []
        if view.notice:
            notice = cut(_one_line(view.notice), NOTICE_SHARE.of(room), self._estimate)
            sections.append(
                PromptSection("Notice: your last turn did not work", notice, fenced=True)
            )
        mode = mode_of(view, overview.tokens)
        told = "whole" if overview.is_whole and mode in (Mode.EXPLORE, Mode.FOCUS) else mode
        lines = (
            f"mode: {self._phrases['mode'][told]}",
            f"left: {_left(view)}",
            f"offered: {', '.join(view.offered)}",
            "Reply with one action.",
        )
        return [*sections, PromptSection(f"Turn {view.step}", "\n".join(lines))]

    def _steps(self, view: View, room: int) -> tuple[list[PromptSection], set[str]]:
        """The steps, oldest first: results whole until the room is full, then a line for each id.

        And the ids that are to be seen in them.

        Children's answers come first, then the newest; only what comes first may be cut.
        """
        kept: dict[int, PromptSection] = {}
        slack = int(room * SLACK)
        left = room - slack
        at_view = {step.step for step in view.recent}
        for step in sorted(view.recent, key=_importance, reverse=True):
            section = self._titled(
                step, _result(step, at_view, view.notice), newest=step is view.recent[-1]
            )
            if self._cost(section) > left * (1 + SLACK):
                cut_short = None if kept else self._cut_step(step, left)
                if cut_short is None:
                    continue
                section = cut_short
            kept[step.step] = section
            left -= self._cost(section)
        faded = [step for step in view.recent if step.step not in kept]
        earlier = self._faded(faded, view.step - len(kept), left + slack)
        shown = {
            short_id
            for step in view.recent
            if step.step in kept
            for short_id in ids_of(step.result) & _words(kept[step.step].text)
        }
        return [*earlier, *(kept[number] for number in sorted(kept))], shown

    def _cut_step(self, step: StepSeen, room: int) -> PromptSection | None:
        """The step with as much of its page as fits, which names the first thing not shown."""
        frame = self._cost(self._titled(step, ""))
        if room < frame + 24:
            return None
        text = fitted_page(step.result, room - frame - 4, self._estimate)
        return self._fitted(self._titled(step, text), room)

    def _titled(self, step: StepSeen, result: str, *, newest: bool = True) -> PromptSection:
        title = f"Step {step.step}: {step.kind or 'invalid reply'}, {_outcome(step)}"
        most = NEWEST_ACTION_TOKENS if newest else ACTION_TOKENS
        action = cut(_action(step), most, self._estimate)
        return PromptSection(title, f"{action}\n{result}".strip("\n"), fenced=True)

    def _faded(self, steps: Sequence[StepSeen], before: int, room: int) -> list[PromptSection]:
        """What was asked in steps that left the view, and a line for each id that they showed."""
        if before <= 0:
            return []
        lines: list[str] = []
        told = 0
        for step in reversed(steps):
            action = cut(_one_line(_action(step)), ACTION_TOKENS, self._estimate)
            own = _one_line(f"step {step.step}, {_outcome(step)}: {action}")
            fitting = next(
                (
                    block
                    for block in ([own, *faded_ids(step.result, FADED_CHARS)], [own])
                    if self._cost(_earlier([*block, *lines], before - told - 1)) <= room
                ),
                None,
            )
            if fitting is None:
                break
            lines[:0] = fitting
            told += 1
        return [_earlier(lines, before - told)]

    def _cited(self, view: View, shown: Set[str], room: int) -> list[PromptSection]:
        """The newest ids that can be cited and stand nowhere else, with kind and place."""
        unseen = [(short_id, ref) for short_id, ref in view.cited.items() if short_id not in shown]
        lines: list[str] = []
        for short_id, ref in reversed(unseen[-CITED_IDS:]):
            line = f"{short_id} {_reference(ref)}"
            if self._cost(_citable([line, *lines], len(unseen))) > room:
                break
            lines.insert(0, line)
        return [_citable(lines, len(unseen))] if lines else []

    def _fitted(self, section: PromptSection, room: int) -> PromptSection | None:
        """The section in at most `room` tokens; None where nothing of it would be seen."""
        frame = self._cost(PromptSection(section.title, "", section.fenced))
        if room < frame + 24:
            return None
        text = cut(section.text, room - frame, self._estimate)
        return PromptSection(section.title, text, section.fenced)

    def _cost(self, section: PromptSection) -> int:
        marks = self._marks if section.fenced else ""
        return self._estimate(f"## {section.title}\n{section.text}{marks}") + 1

    def _joined(self, sections: Sequence[PromptSection]) -> str:
        """The text of all sections, what comes from traces in the run's fence."""
        texts = (self._fence.around(s.text) if s.fenced else s.text for s in sections)
        parts = zip(sections, texts, strict=True)
        return "\n\n".join(f"## {section.title}\n{text}" for section, text in parts)


_CONTEXT, _GATHERED, _DRAFT = "Context", "What the scopes before this one found", "Your draft"


def mode_of(view: View, overview_tokens: int = 0) -> Mode:
    """What the tightest resource leaves room for, where each turn shows the overview."""
    if view.offered == (ActionKind.FINALIZE,):
        return Mode.ONLY_FINALIZE
    turns = turns_left(view, overview_tokens)
    if turns <= CONCLUDE_TURNS:
        return Mode.CONCLUDE
    share = turns / (turns + view.step) if math.isfinite(turns) else 1.0
    if share < CONCLUDE_SHARE:
        return Mode.CONCLUDE
    return Mode.FOCUS if share < FOCUS_SHARE else Mode.EXPLORE


def turns_left(view: View, overview_tokens: int = 0) -> float:
    """How many turns the tightest resource has left, about; below 0 past the deadline."""
    left, seconds = view.shown.left, view.shown.time_left
    reads = left.tool_calls if ActionKind.TOOL_CALL in view.offered else None
    tokens = None if left.tokens is None else left.tokens // (TURN_TOKENS + overview_tokens)
    time = None if seconds is None else seconds // TURN_SECONDS
    known = [n for n in (left.iterations, reads, tokens, time) if n is not None]
    return min(known, default=math.inf)


def _middle(view: View) -> list[tuple[str, str, Share]]:
    """The bounded sections, the most important first, each with the most it may take."""
    draft = "" if view.draft is None else page_text(view.draft.model_dump_json())
    gathered = "\n".join(map(compact_json, view.gathered))
    sections = (
        (_DRAFT, draft, DRAFT_SHARE),
        (_CONTEXT, page_text(view.context), CONTEXT_SHARE),
        (_GATHERED, gathered, GATHERED_SHARE),
    )
    return [section for section in sections if section[1]]


def _importance(step: StepSeen) -> tuple[bool, int]:
    """Which results stay in view: what children answered, which cannot be read again; the new."""
    return step.kind is ActionKind.DELEGATE and step.ok, step.step


def _result(step: StepSeen, at_view: Set[int], notice: str | None) -> str:
    if not step.ok and step.result == notice:
        return "see the notice"
    if step.repeat_of is not None and step.repeat_of in at_view:
        return f"the same page as in step {step.repeat_of}: this call was a repeat"
    return page_text(step.result)


def _action(step: StepSeen) -> str:
    """What was asked; the words of a draft stand in the draft, those of children in answers."""
    match step.kind:
        case ActionKind.SYNTHESIZE:
            return ""
        case ActionKind.DELEGATE if step.ok:
            return "; ".join(_objectives(step.action))
        case _:
            return step.action


def _objectives(action: str) -> list[str]:
    """What children were asked, without the rest of the request."""
    try:
        said = json.loads(action)["action"]
    except (ValueError, KeyError, TypeError):
        return [action]
    children = said if isinstance(said, list) else [said]
    return [str(child.get("objective", "")) for child in children if isinstance(child, dict)]


def _outcome(step: StepSeen) -> str:
    if step.repeat_of is not None:
        return f"a repeat of step {step.repeat_of}"
    return "done" if step.ok else "refused"


def _earlier(lines: Sequence[str], untold: int) -> PromptSection:
    """What is left of steps that left the view, with the number of those of which nothing is."""
    more = (f"… {counted(untold, 'earlier step')}",) if untold else ()
    return PromptSection("Earlier steps", "\n".join((*more, *lines)), fenced=True)


def _citable(lines: Sequence[str], of: int) -> PromptSection:
    """The newest ids, with the number of those that are left out."""
    earlier = of - len(lines)
    more = (f"… {counted(earlier, 'earlier id')}, citable too",) if earlier else ()
    return PromptSection("Evidence you can cite", "\n".join((*more, *lines)), fenced=True)


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


def _words(text: str) -> set[str]:
    return set(text.replace(";", " ").replace(",", " ").split())


def _one_line(text: str) -> str:
    return " ".join(text.split())
