"""What an agent is for: its instructions, tools, services, documents, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from demo.agent.documents import Document
from demo.agent.model import Call, Say, Skill, Talk, Turn
from demo.agent.tools import Arguments, Tool
from demo.agent.transport import Handler
from investigator.ground.canonical_json import JsonValue

PATIENCE = 2
"""How often a model tries a tool that fails."""

Reader = Callable[[str], JsonValue]
"""Reads what a tool answered; raises where it is not what it should be."""


@dataclass(frozen=True, slots=True)
class Need:
    """A tool's answer that the task needs; `instead` is asked where the tool keeps failing."""

    tool: str
    arguments: Callable[[Talk], Arguments]
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Slips:
    """How a model would get this task wrong, in the words of the task.

    `misfit` is a call of an offered tool that cannot answer the question; `careless` an answer
    without what the instructions ask for; `prose` one in another form; `foreign` one in another
    language; `off_task` one to something else; `forbidden` says what must not be said.
    """

    unknown_tool: str
    misfit: Callable[[Talk], Call]
    forbidden: str
    off_task: str | None = None
    careless: Callable[[str], str] | None = None
    prose: Callable[[Talk], str] | None = None
    foreign: Callable[[Talk], str] | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """Where passages are searched: `where` is the filter for a question, `old` an old edition."""

    collection: str
    documents: tuple[Document, ...]
    old: tuple[Document, ...]
    where: Callable[[str], Mapping[str, str]]
    elsewhere: Mapping[str, str]
    limit: int = 3


@dataclass(frozen=True, slots=True)
class Habits:
    """How the application is built. `asks_again` lets a model mend an answer once.

    `raises`: a failed tool ends the run, else the model is told. `spans_http`: requests have
    spans. `attempts`: how often a client tries. `guarded`: a check looks at the question first.
    """

    raises: bool = False
    spans_http: bool = False
    attempts: int = 1
    guarded: bool = False
    asks_again: bool = False


@dataclass(frozen=True, slots=True)
class Domain:
    """One agent. `checks` reads the final answer and raises where it cannot be used."""

    agent: str
    host: str
    instructions: str
    tools: tuple[Tool, ...]
    needs: tuple[Need, ...]
    routes: Mapping[str, Handler]
    question: Callable[[Random], str]
    answer: Callable[[Talk], str]
    sorry: Callable[[str], str]
    slips: Slips
    habits: Habits = Habits()
    library: Library | None = None
    readers: Mapping[str, Reader] = field(default_factory=dict)
    checks: Callable[[str], JsonValue] | None = None

    @property
    def unbacked(self) -> tuple[Need, ...]:
        """What the task needs and nothing else could answer."""
        return tuple(need for need in self.needs if need.instead is None)

    @property
    def skill(self) -> Skill:
        """Ask for what is needed, then answer; give up on what keeps failing."""
        return self._turn

    def _turn(self, talk: Talk) -> Turn:
        for need in self.needs:
            if talk.result(need.tool) is not None:
                continue
            if len(talk.failures(need.tool)) < PATIENCE:
                return Call(need.tool, need.arguments(talk))
            if need.instead is None or talk.failures(need.instead):
                return Say(self.sorry(need.tool))
            if talk.result(need.instead) is None:
                return Call(need.instead, need.arguments(talk))
        return Say(self.answer(talk))
