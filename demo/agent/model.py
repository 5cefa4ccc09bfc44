"""A stand-in for a language model: it sees messages and tools, and nothing else.

What to say comes from a *skill*: a rule that reads the conversation as a model would. Replies
are limited by `max_tokens`, counted and timed like those of a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from demo.agent.clock import VirtualClock
from investigator.ground.canonical_json import JsonValue

_CHARS_A_TOKEN = 4
_MS_A_TOKEN = 9


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: str
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a skill wants to know next."""

    tool: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Say:
    """What a skill answers."""

    text: str


Turn = Call | Say


class Talk:
    """A conversation as a model reads it."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = tuple(messages)

    @property
    def question(self) -> str:
        """What the user asked first."""
        return next(m.content or "" for m in self.messages if m.role == "user")

    @property
    def context(self) -> str:
        """The passages that were put into the conversation."""
        held = [m.content or "" for m in self.messages if m.role == "system"]
        return "\n".join(held[1:])

    @property
    def asked_again(self) -> bool:
        """Whether the last message sends an answer back."""
        return self.messages[-1].role == "user" and len(self.spoken) > 0

    @property
    def spoken(self) -> list[Message]:
        """The model's own messages so far."""
        return [m for m in self.messages if m.role == "assistant"]

    def answers(self, tool: str) -> list[str]:
        """Everything that a tool answered, failures too."""
        return [m.content or "" for m in self.messages if m.role == "tool" and m.name == tool]

    def failures(self, tool: str) -> list[str]:
        """What a tool answered where it failed."""
        return [text for text in self.answers(tool) if failed(text)]

    def result(self, tool: str) -> JsonValue:
        """The last good answer of a tool; None where there is none."""
        good = [text for text in self.answers(tool) if not failed(text)]
        if not good:
            return None
        try:
            value: JsonValue = json.loads(good[-1])
        except ValueError:
            return good[-1]
        return value

    def record(self, tool: str) -> Mapping[str, JsonValue]:
        """The last good answer where it is an object, else an empty one."""
        found = self.result(tool)
        return found if isinstance(found, dict) else {}


def failed(text: str) -> bool:
    """Whether a tool's answer says that it failed, as a reader understands it."""
    if text.startswith(("Error", "error:")):
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and (bool(value.get("error")) or value.get("status") == "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is asked."""

    model: str = "atlas-4-mini"
    provider: str = "northwind"
    temperature: float = 0.0
    max_tokens: int = 800

    @property
    def parameters(self) -> str:
        """The invocation parameters, as JSON."""
        return json.dumps({"temperature": self.temperature, "max_tokens": self.max_tokens})


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply of a model with its usage."""

    message: Message
    finish_reason: str
    tokens_in: int
    tokens_out: int


Skill = Callable[[Talk], Turn]


class Model(Protocol):
    """Answers a conversation. Raises what a model's API raises."""

    def complete(
        self, messages: Sequence[Message], tools: Sequence[str], settings: Settings
    ) -> Completion: ...


class StubModel:
    """Answers by a skill; call ids and times come from a seed."""

    def __init__(self, skill: Skill, rng: Random, clock: VirtualClock) -> None:
        self._skill = skill
        self._rng = rng
        self._clock = clock

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[str],  # noqa: ARG002
        settings: Settings,
    ) -> Completion:
        """The skill's next turn as a reply."""
        return self.reply(self._skill(Talk(messages)), messages, settings)

    def reply(self, turn: Turn, messages: Sequence[Message], settings: Settings) -> Completion:
        """A turn as the message that a model would send, cut where it has to be."""
        tokens_in = tokens_of("".join(m.content or "" for m in messages)) + 6 * len(messages)
        match turn:
            case Call(tool, arguments):
                call = ToolCall(f"call_{self._rng.randrange(16**8):08x}", tool, _json(arguments))
                message, reason = Message("assistant", tool_calls=(call,)), "tool_calls"
                tokens_out = tokens_of(call.arguments) + 12
            case Say(text):
                cut = text[: settings.max_tokens * _CHARS_A_TOKEN]
                message, reason = Message("assistant", cut), "stop" if cut == text else "length"
                tokens_out = tokens_of(cut)
        self._clock.pass_ms(self._rng.uniform(180, 420) + tokens_out * _MS_A_TOKEN)
        return Completion(message, reason, tokens_in, tokens_out)


def tokens_of(text: str) -> int:
    """About how many tokens a text has."""
    return max(1, len(text) // _CHARS_A_TOKEN)


def _json(arguments: Mapping[str, JsonValue]) -> str:
    return json.dumps(dict(arguments), ensure_ascii=False)
