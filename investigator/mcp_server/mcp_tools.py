"""What the server offers as tools: each a name, a closed argument model and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import anyio
import mcp_types as wire
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.given import mistake_in


class CallEffect(NamedTuple):
    """What a call does besides answering. Traces are left alone by all, and nothing is destroyed.

    `adds_runs`: a call leaves a run, or moves one. `repeats`: a second call makes no difference.
    `asks_a_model`: it talks to an endpoint.
    """

    adds_runs: bool = False
    repeats: bool = True
    asks_a_model: bool = False

    @property
    def annotations(self) -> wire.ToolAnnotations:
        """The same as the protocol has it."""
        return wire.ToolAnnotations(
            read_only_hint=not self.adds_runs,
            destructive_hint=False,
            idempotent_hint=self.repeats,
            open_world_hint=self.asks_a_model,
        )


READS = CallEffect()
"""Changes nothing anywhere."""
MOVES_A_RUN = CallEffect(adds_runs=True)


class Caller(Protocol):
    """Whoever waits for an answer."""

    @property
    def request_id(self) -> object:
        """The id of the call, as the client chose it."""
        ...

    async def tell(self, progress: float, total: float | None, message: str) -> None:
        """Tell how far it is; nothing where the client does not want to know."""
        ...


class ToolReply(BaseModel):
    """An answer: a JSON object, and the same as people read it where that is another text."""

    model_config = ConfigDict(frozen=True)

    content: dict[str, Any]
    text: str | None = None
    links: tuple[str, ...] = ()
    is_error: bool = False

    def result(self) -> wire.CallToolResult:
        """The same as the protocol has it."""
        text = self.text if self.text is not None else canonical_json(self.content)
        blocks: list[wire.ContentBlock] = [wire.TextContent(type="text", text=text)]
        blocks += [_link(uri) for uri in self.links]
        return wire.CallToolResult(
            content=blocks, structured_content=self.content, is_error=self.is_error
        )


Answers: TypeAlias = Callable[[Any, Caller], Awaitable[ToolReply]]


@dataclass(frozen=True, slots=True)
class ServedTool:
    """A tool of the server. `answer` may raise `InvestigatorError`; the client is told."""

    name: str
    title: str
    description: str
    args: type[BaseModel]
    answer: Answers
    effect: CallEffect = READS
    output: type[BaseModel] | None = None

    def described(self) -> wire.Tool:
        """The same as the protocol has it."""
        return wire.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.args.model_json_schema(by_alias=True),
            output_schema=None if self.output is None else self.output.model_json_schema(),
            annotations=self.effect.annotations,
        )

    async def call(self, given: Mapping[str, Any], caller: Caller) -> ToolReply:
        """Answer a call.

        Raises:
            InvestigatorError: its arguments are none, or it was refused.
        """
        try:
            args = self.args.model_validate(dict(given))
        except ValidationError as error:
            names = [field.alias or name for name, field in self.args.model_fields.items()]
            raise UsageError(mistake_in(self.name, error.errors()[0], names)) from None
        return await self.answer(args, caller)


class NoArgs(BaseModel):
    """Nothing to say."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunArgs(BaseModel):
    """Names a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = Field(
        description="Id of the run, as the call that began it or list_runs gives it"
    )


async def in_thread(read: Callable[[], Any]) -> Any:
    """The answer of a read that takes its time, made beside the event loop."""
    return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)


def page_reply(page: JsonValue) -> ToolReply:
    """A page as an answer; one that is no object has its rows under `rows`."""
    return ToolReply(content=page if isinstance(page, dict) else {"rows": page})


def _link(uri: str) -> wire.ResourceLink:
    name = uri.removeprefix("run://")
    return wire.ResourceLink(type="resource_link", uri=uri, name=name)
