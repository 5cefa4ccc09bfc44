"""Which tool calls a control is about, and how a call turned out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Literal

import re2
from pydantic import BeforeValidator, Field

from investigator.controls.checking import Params
from investigator.controls.checks.words import found_in
from investigator.readings.call_outcomes import succeeded
from investigator.readings.conversation import Conversation
from investigator.readings.utterances import Action, Source
from investigator.traces.evidence import EvidenceRef


class CallPattern(Params):
    """Calls of tools by name, in which `*` stands for any text, and by how they turned out."""

    tools: tuple[str, ...] = Field(min_length=1)
    outcome: Literal["any", "success", "failure"] = "any"

    def fits(self, action: Action) -> bool | None:
        """Whether the call is meant; None where its outcome matters and is not known."""
        if not is_named(action.tool, self.tools):
            return False
        if self.outcome == "any":
            return True
        ended = succeeded(action)
        return None if ended is None else ended is (self.outcome == "success")

    def __str__(self) -> str:
        return ", ".join(self.tools)


def _with_tools(raw: object) -> object:
    return {"tools": raw} if isinstance(raw, list | tuple) else raw


CallSelector = Annotated[CallPattern, BeforeValidator(_with_tools)]
"""A `CallPattern`; a bare list of names is one of any outcome."""

EVERY_CALL = CallPattern(tools=("*",))


def is_named(tool: str, patterns: Iterable[str]) -> bool:
    """Whether the name is one of these, in which `*` stands for any text."""
    return any(tool == name or found_in(_glob(name), tool) is not None for name in patterns)


@lru_cache(maxsize=512)
def _glob(name: str) -> str:
    return r"(?s)\A" + ".*".join(map(re2.escape, name.split("*"))) + r"\z"


def evidence_of_call(action: Action) -> tuple[EvidenceRef, ...]:
    """Where the call was asked for, and what it gave."""
    return (
        (action.evidence,) if action.result is None else (action.evidence, action.result.evidence)
    )


def unseen_calls(conversation: Conversation) -> tuple[str, ...]:
    """Why a conversation without any call may have had some; nothing where it has calls."""
    if conversation.actions:
        return ()
    if not conversation.items:
        return ("the trace shows no messages and no tool calls",)
    return conversation.missing(Source.ASSISTANT)
