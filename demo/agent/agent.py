"""The loop of the agent: look things up, ask the model, run what it calls, until it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.agent.clock import VirtualClock
from demo.agent.documents import CollectionNotFoundError, DocumentStore, Hit
from demo.agent.domain import Domain
from demo.agent.model import Completion, Message, Model, Settings, ToolCall, failed
from demo.agent.spelling import (
    completion_attributes,
    documents_of,
    prompt_attributes,
    tool_attributes,
)
from demo.agent.telemetry import Kind, Tracing, text_or_json
from demo.agent.tools import (
    Bench,
    InvalidArgumentsError,
    Tool,
    ToolTimeoutError,
    UnknownToolError,
)
from demo.agent.transport import HTTPStatusError
from investigator.ground.canonical_json import JsonValue

MAX_STEPS = 7
_MODEL_TRIES = 2
_QUESTION_LIMIT = 500
_TROUBLE = (
    HTTPStatusError,
    InvalidArgumentsError,
    ToolTimeoutError,
    UnknownToolError,
    OSError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
)
"""What the application expects of tools and of what they answer."""


class ModelAPIError(Exception):
    """The model's provider refused or failed a request."""


class StepLimitError(RuntimeError):
    """The loop ended without an answer."""


class UnusableAnswerError(RuntimeError):
    """The model's answer was not in the form that the application needs."""


@dataclass(frozen=True, slots=True)
class World:
    """All that an agent works with."""

    tracing: Tracing
    clock: VirtualClock
    store: DocumentStore
    model: Model
    bench: Bench
    where: Callable[[str], Mapping[str, str]]


class Agent:
    """One run of one agent."""

    def __init__(
        self,
        domain: Domain,
        world: World,
        *,
        settings: Settings,
        tools: Mapping[str, Tool],
        instructions: str,
    ) -> None:
        self._domain = domain
        self._world = world
        self._settings = settings
        self._tools = tools
        self._instructions = instructions
        self._tracing = world.tracing

    def run(self, question: str, session_id: str) -> str:
        """The answer to a question; raises what the application does not catch."""
        told = {"agent.name": self._domain.agent, **text_or_json("input", question)}
        with (
            self._tracing.session(session_id),
            self._tracing.step(Kind.AGENT, self._domain.agent, told) as step,
        ):
            if self._domain.habits.guarded:
                self._guard(question)
            messages = [Message("system", self._instructions)]
            if (passages := self._look_up(question)) is not None:
                messages.append(Message("system", passages))
            messages.append(Message("user", question))
            answer = self._converse(messages)
            step.output(answer)
            return answer

    def _guard(self, question: str) -> None:
        told = text_or_json("input", question)
        with self._tracing.step(Kind.GUARDRAIL, "input_check", told) as step:
            self._world.clock.pass_ms(4)
            step.output({"allowed": len(question) < _QUESTION_LIMIT, "rules": ["length"]})

    def _look_up(self, question: str) -> str | None:
        """The passages for a question as one text; the filter is dropped where it finds nothing."""
        if self._domain.library is None:
            return None
        where = self._world.where(question)
        with self._tracing.step(Kind.CHAIN, "gather_context", text_or_json("input", question)) as s:
            hits = self._search(question, where)
            if not hits and where:
                hits = self._search(question, {})
            text = "\n".join(f"[{hit.document.id}] {hit.document.content}" for hit in hits)
            s.output(text)
        return f"Passages:\n{text}" if text else "Passages: none were found."

    def _search(self, question: str, where: Mapping[str, str]) -> list[Hit]:
        library = self._domain.library
        assert library is not None
        asked: JsonValue = {"query": question, "filter": dict(where), "top_k": library.limit}
        told = text_or_json("input", asked)
        with self._tracing.step(Kind.RETRIEVER, f"search {library.collection}", told) as step:
            self._world.clock.pass_ms(35)
            found = self._world.store.search(
                library.collection, question, where=where, limit=library.limit
            )
            step.set(documents_of(found))
            return found

    def _converse(self, messages: list[Message]) -> str:
        mended = False
        for _ in range(MAX_STEPS):
            completion = self._ask(messages)
            messages.append(completion.message)
            if completion.message.tool_calls:
                messages += [self._call(call) for call in completion.message.tool_calls]
                continue
            answer = completion.message.content or ""
            problem = self._problem_of(answer)
            if problem is None:
                return answer
            if mended or not self._domain.habits.asks_again:
                raise UnusableAnswerError(f"the answer cannot be used: {problem}")
            mended = True
            again = f"Your answer could not be read ({problem}). Give it in the form asked for."
            messages.append(Message("user", again))
        raise StepLimitError(f"no answer after {MAX_STEPS} steps")

    def _ask(self, messages: list[Message]) -> Completion:
        """The model's reply; a refused request is made once more."""
        for tried in range(1, _MODEL_TRIES + 1):
            try:
                return self._ask_once(messages)
            except ModelAPIError:
                if tried == _MODEL_TRIES:
                    raise
                self._world.clock.pass_ms(900)
        raise AssertionError("a model is asked at least once")

    def _ask_once(self, messages: list[Message]) -> Completion:
        definitions = [json.dumps(tool.definition) for tool in self._tools.values()]
        told = prompt_attributes(messages, definitions, self._settings)
        with self._tracing.step(Kind.LLM, "chat", told) as step:
            completion = self._world.model.complete(messages, definitions, self._settings)
            step.set(completion_attributes(completion))
            return completion

    def _call(self, call: ToolCall) -> Message:
        """The message with a tool's answer, or with what it failed with."""
        try:
            text = self._run_tool(call)
        except _TROUBLE as error:
            if self._domain.habits.raises:
                raise
            text = f"Error: {type(error).__name__}: {error}"
        return Message("tool", text, tool_call_id=call.id, name=call.name)

    def _run_tool(self, call: ToolCall) -> str:
        tool = self._tools.get(call.name)
        with self._tracing.step(Kind.TOOL, call.name, tool_attributes(call, tool)) as step:
            if tool is None:
                raise UnknownToolError(f"unknown tool '{call.name}'")
            self._world.clock.pass_ms(3)
            result = tool.call(self._world.bench, json.loads(call.arguments))
            step.output(result)
        text = result if isinstance(result, str) else json.dumps(result)
        reader = self._domain.readers.get(call.name)
        if reader is None or failed(text):
            return text
        with self._tracing.step(Kind.CHAIN, f"read_{call.name}", text_or_json("input", text)) as s:
            record = reader(text)
            s.output(record)
            return json.dumps(record)

    def _problem_of(self, answer: str) -> str | None:
        """Why the answer cannot be used; None where it can, or where nothing reads it."""
        if self._domain.checks is None:
            return None
        try:
            with self._tracing.step(Kind.CHAIN, "parse_answer", text_or_json("input", answer)) as s:
                s.output(self._domain.checks(answer))
        except (ValueError, LookupError) as error:
            return f"{type(error).__name__}: {error}"
        return None


__all__ = ["Agent", "CollectionNotFoundError", "ModelAPIError", "StepLimitError", "World"]
