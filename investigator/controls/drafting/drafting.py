"""A policy's text becomes controls, some sentences at a time; whatever a model says is checked.

A part of the text is one request, as many sentences as a reply has room for. It begins with the
agent's tools, where they are known, with what was drafted so far, and with the sentences before it:
"otherwise" means nothing alone. What does not stand of its reply is named in one more request, the
repair; what then does not stand is left out, and its sentence is told as not covered. Nothing is
asked that the limits do not cover: every request is held in full before it is made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Protocol

import anyio

from investigator.controls.drafting.agent_tools import AgentTool, told_tools
from investigator.controls.drafting.draft_reply import Stands, draft_schema, standing
from investigator.controls.drafting.policy_sentences import PolicySentence
from investigator.controls.model import Control, ControlLibrary
from investigator.ground.canonical_json import compact_json
from investigator.model_planner.fence import Fence
from investigator.runtime.budget import NOTHING, Amounts, Budget
from investigator.runtime.budget_pool import Hold, RuntimeBudgetPool
from investigator.runtime.planner import PlannerCallFailed, Reply

_A_SENTENCE = 200
"""Tokens of a reply that a sentence takes: a control in JSON has some 150."""

_FEWEST, _MOST = 4, 20
"""Sentences in one request; a small model takes minutes for a reply about more than its room."""

_BEFORE = 8
"""Sentences before those of a request that are shown with them, of the same section."""

_TITLES = 60

_SENTENCE_ID = re.compile(r"\bs\d+\b")
_SHOWN = 12
_SHOWN_REPLY = 4_000
NOT_SAID = "the model said nothing of it"


class Asked(Protocol):
    """A model that drafts."""

    async def draft(self, system: str, user: str, schema: dict[str, Any]) -> Reply:
        """Its reply; `PlannerCallFailed` where none can be had."""

    def bound(self, text: str) -> Amounts:
        """The most that a request with this text, and its reply, may use."""

    @property
    def reply_tokens(self) -> int:
        """The most that a reply may take."""


@dataclass(frozen=True, slots=True)
class NotCovered:
    """A sentence without a control, and why."""

    sentence: PolicySentence
    why: str
    unread: bool = False
    """Nobody was asked, for a limit or a failure."""


@dataclass(slots=True)
class PolicyDraft:
    """What was drafted: controls in the order of the text, and what is not covered."""

    document: str
    sentences: tuple[PolicySentence, ...]
    controls: list[Control] = field(default_factory=list)
    not_covered: list[NotCovered] = field(default_factory=list)
    used: Amounts = NOTHING
    failure: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every sentence was read."""
        return not any(one.unread for one in self.not_covered)


@cache
def draft_prompt() -> str:
    """What a model is told about drafting."""
    return resources.files(__package__).joinpath("draft-v1.md").read_text(encoding="utf-8")


class _Drafting:
    """One draft while it is made."""

    def __init__(
        self,
        draft: PolicyDraft,
        model: Asked,
        fence: Fence,
        budget: Budget,
        tools: Sequence[AgentTool],
        now: Callable[[], float],
    ) -> None:
        self._draft = draft
        self._tools = tools
        self._model = model
        self._fence = fence
        self._now = now
        self._ends = now() + (budget.wall_time_s if budget.wall_time_s is not None else 1e9)
        self._pool = RuntimeBudgetPool(budget.limits, depth=0)
        self._schema = draft_schema()

    async def read(self, part: Sequence[PolicySentence]) -> None:
        """Draft controls from a part of the text."""
        asked = self._told(part)
        reply = await self._ask(asked)
        if reply is None:
            self._leave(part, f"not read: {self._draft.failure}", unread=True)
            return
        found = self._standing(reply, part)
        if found.problems:
            again = await self._ask(asked + _repair(reply, found))
            if again is not None:
                found = _together(found, self._standing(again, part))
        self._keep(part, found)

    def _standing(self, reply: str, part: Sequence[PolicySentence]) -> Stands:
        return standing(reply, part, self._draft.document, self._tools)

    def _told(self, part: Sequence[PolicySentence]) -> str:
        tools = told_tools(self._tools)
        titles = [f"- {one.control_id}: {one.title}" for one in self._draft.controls[-_TITLES:]]
        before = self._before(part[0])
        blocks = (
            tools,
            "\n".join(("Drafted so far:", *titles)) if titles else "",
            "\n".join(("Before these, done already:", *_lines(before))) if before else "",
            "\n".join(("Sentences to draft from:", *_lines(part))),
        )
        return self._fence.around("\n\n".join(filter(None, blocks)))

    def _before(self, first: PolicySentence) -> Sequence[PolicySentence]:
        """The sentences of its section before the first of a part."""
        place = self._draft.sentences.index(first)
        near = self._draft.sentences[max(place - _BEFORE, 0) : place]
        return [one for one in near if one.heading == first.heading]

    async def _ask(self, user: str) -> str | None:
        """A reply; None where the limits do not cover one, or none can be had."""
        if self._draft.failure is not None:
            return None
        bound = self._model.bound(draft_prompt() + user + compact_json(self._schema))
        left_s = self._ends - self._now()
        hold = self._pool.reserve("0", bound)
        if not isinstance(hold, Hold):
            self._draft.failure = f"the limit of {hold.resource} was met"
            return None
        spent, text = bound, None
        with anyio.move_on_after(max(left_s, 0)) as in_time:
            try:
                reply = await self._model.draft(draft_prompt(), user, self._schema)
                spent, text = _spent(reply.usage.amounts, bound, reply.lost), reply.text
            except PlannerCallFailed as failed:
                spent = _spent(failed.usage.amounts, bound, failed.lost)
                self._draft.failure = str(failed)
        if in_time.cancelled_caught:
            self._draft.failure = "the time limit was met"
        self._pool.settle(hold, spent)
        self._draft.used = self._draft.used.plus(spent)
        return text

    def _keep(self, part: Sequence[PolicySentence], found: Stands) -> None:
        taken = {control.control_id for control in self._draft.controls}
        covered = set[str]()
        for sentence, control in found.controls:
            control_id = _free(control.control_id, taken)
            taken.add(control_id)
            covered.add(sentence.id)
            self._draft.controls.append(control.model_copy(update={"control_id": control_id}))
        refused = {s.id: why for s, why in reversed(found.problems) if s is not None}
        whole = next((why for s, why in found.problems if s is None), NOT_SAID)
        for sentence in part:
            if sentence.id not in covered:
                why = refused.get(sentence.id)
                told = f"refused: {why}" if why else found.left_out.get(sentence.id, whole)
                self._leave([sentence], self._by_line(told))

    def _by_line(self, text: str) -> str:
        """A text with the lines of sentences in place of their ids, which a reader doesn't know."""
        lines = {one.id: f"line {one.line}" for one in self._draft.sentences}
        return _SENTENCE_ID.sub(lambda found: lines.get(found.group(), found.group()), text)

    def _leave(
        self, sentences: Iterable[PolicySentence], why: str, *, unread: bool = False
    ) -> None:
        self._draft.not_covered += [NotCovered(one, why, unread) for one in sentences]


async def draft_controls(
    sentences: tuple[PolicySentence, ...],
    document: str,
    model: Asked,
    fence: Fence,
    budget: Budget,
    *,
    tools: Sequence[AgentTool] = (),
    now: Callable[[], float] = time.monotonic,
) -> PolicyDraft:
    """Draft controls from the sentences of a document, for an agent with these tools."""
    draft = PolicyDraft(document, sentences)
    drafting = _Drafting(draft, model, fence, budget, tools, now)
    size = min(max(model.reply_tokens // _A_SENTENCE, _FEWEST), _MOST)
    for start in range(0, len(sentences), size):
        await drafting.read(sentences[start : start + size])
    return draft


def _lines(sentences: Sequence[PolicySentence]) -> Iterator[str]:
    """Sentences by their ids, under their headings."""
    heading = ""
    for sentence in sentences:
        if sentence.heading != heading:
            heading = sentence.heading
            yield f"[{heading}]"
        yield f"{sentence.id}: {sentence.text}"


def _spent(said: Amounts, bound: Amounts, lost: int) -> Amounts:
    """What a request used; each attempt of which nobody said how much, in full."""
    for _ in range(lost):
        said = said.plus(bound._replace(iterations=0))
    return said


def _repair(reply: str, found: Stands) -> str:
    """What was wrong with a reply, for whoever wrote it."""
    lines = [f"- {line}" for _, line in found.problems[:_SHOWN]]
    return "\n".join(
        [
            "\n\nYour reply was:",
            reply[:_SHOWN_REPLY],
            "This of it cannot be used:",
            *lines,
            "Reply again, in the same form, with these items put right and no others.",
        ]
    )


def _together(first: Stands, second: Stands) -> Stands:
    """What stands of a reply and of its repair, which is about what was wrong alone."""
    wrong = {sentence.id if sentence else None for sentence, _ in first.problems}
    covered = {sentence.id for sentence, _ in first.controls}
    added = [
        pair
        for pair in second.controls
        if pair[0].id in wrong or (None in wrong and pair[0].id not in covered)
    ]
    mended = {sentence.id for sentence, _ in added}
    left = [pair for pair in first.problems if pair[0] is None or pair[0].id not in mended]
    return Stands(
        (*first.controls, *added),
        {**first.left_out, **second.left_out},
        second.problems if None in wrong else tuple(left),
    )


def _free(control_id: str, taken: set[str]) -> str:
    if control_id not in taken:
        return control_id
    return next(
        name
        for number in range(2, len(taken) + 3)
        if (name := f"{control_id}-{number}") not in taken
    )


def drafted_library(draft: PolicyDraft, version: str) -> ControlLibrary:
    """The controls as a library."""
    return ControlLibrary(
        version=version,
        description=f"Drafted from {draft.document}; for a person to review",
        controls=tuple(draft.controls),
    )
