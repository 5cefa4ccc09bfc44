"""A tool is a name, an argument model and a read; the registry alone can call it.

The runtime does not know what a tool reads. What a planner may cite is an opaque JSON object
that the tool hands to `cite`, which answers with a short id: the run's name for it, the same in
every scope (else `e1`, `e2`, … by scope).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from investigator.ground.canonical_json import JsonValue


class Cite(Protocol):
    """Registers a reference with the scope that reads it; equal references get one id.

    `in_part` says that only a part of its text is shown.
    """

    def __call__(self, ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str: ...


class ToolArgs(BaseModel):
    """Base of all argument models: closed, immutable, every field in the schema required.

    Optional arguments are nullable (`kind: SpanKind | None`), without a default, so that the
    schema stands the strict structured-output subset of the large providers.
    """

    # Built when one is made: a run calls a few of the tools that there are.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Names: TypeAlias = Callable[[dict[str, JsonValue]], str | None]
"""A run's short ids of references; None for one that it has no name for."""

ArgsT = TypeVar("ArgsT", bound=ToolArgs)


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a planner and the journal see of a read: bounded and redacted.

    `original_hash` is the sha256 of the canonical JSON of the same page before redaction.
    """

    page: JsonValue
    original_hash: str
    redactions: int = 0


@dataclass(frozen=True, slots=True)
class Tool(Generic[ArgsT]):
    """A read-only tool. `run` may raise `InvestigatorError`; the planner sees its message.

    A `remote` tool waits for something outside the process, so its calls have a time limit.
    """

    name: str
    description: str
    args: type[ArgsT]
    run: Callable[[ArgsT, Cite], Awaitable[ToolAnswer]]
    remote: bool = False


class ToolRegistry:
    """The tools of a run, by name, in the order given."""

    def __init__(self, tools: Sequence[Tool[Any]], names: Names = lambda _: None) -> None:
        self.names = names
        self.tools: Mapping[str, Tool[Any]] = MappingProxyType({t.name: t for t in tools})
        if len(self.tools) != len(tools):
            raise ValueError("two tools share a name")

    async def call(self, name: str, args: ToolArgs, cite: Cite) -> ToolAnswer:
        """Run one tool whose arguments were validated by the action union."""
        return await self.tools[name].run(args, cite)

    def is_remote(self, name: str) -> bool:
        """Whether calls of the tool leave the process."""
        return self.tools[name].remote
