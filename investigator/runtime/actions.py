"""What a planner may say: one closed union that is the schema, the validation and the dispatch.

A turn is the object `{"action": …}`, where the action is a `tool_call` (one variant for each
tool, with that tool's argument model), `synthesize`, `delegate_subcall`, `finalize`, or a list
of 2 to 8 `delegate_subcall`. No object in it is open and every property is required, so its
schema can be brought into what any provider enforces (`turn_schema.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import Annotated, Any, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from investigator.runtime.reply_reading import ClosedSets, closed_sets, forgiven, problems_of
from investigator.runtime.tools import Tool, ToolArgs
from investigator.runtime.turn_schema import NARROWED, Schema

MAX_SIBLINGS = 8


class ActionKind(StrEnum):
    """The four things that a planner can do."""

    TOOL_CALL = "tool_call"
    SYNTHESIZE = "synthesize"
    DELEGATE = "delegate_subcall"
    FINALIZE = "finalize"


class _Closed(BaseModel):
    # Built when one is made: most runs make a few of these.
    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, defer_build=True
    )


class DraftFinding(_Closed):
    """Base of an engine's findings; a later finding of the same id replaces the earlier."""

    id: str = Field(json_schema_extra={NARROWED: {"type": "string", "maxLength": 16}})

    @property
    def claim(self) -> dict[str, Any]:
        """What is claimed, without how sure it is and why."""
        return self.model_dump(exclude={"id", "description", "confidence", "evidence"})

    def with_words_of(self, other: Self) -> Self:  # noqa: ARG002
        """This finding, and what `other` says of the same claim."""
        return self


FindingT = TypeVar("FindingT", bound=DraftFinding)


class Draft(_Closed, Generic[FindingT]):
    """What a scope has worked out so far."""

    findings: tuple[FindingT, ...]
    gaps: tuple[str, ...]
    summary: str

    def updated(self, update: Draft[FindingT]) -> Draft[FindingT]:
        """This draft with `update` on top: findings by id, gaps added, the summary replaced."""
        findings = {f.id: f for f in self.findings} | {f.id: f for f in update.findings}
        gaps = dict.fromkeys((*self.gaps, *update.gaps))
        return self.model_copy(
            update={
                "findings": tuple(findings.values()),
                "gaps": tuple(gaps),
                "summary": update.summary or self.summary,
            }
        )

    def beside(self, other: Draft[FindingT]) -> Draft[FindingT]:
        """This draft, then those findings of `other` that claim something else.

        Of those that claim the same, only the words are added: how sure it is stays as it is here.
        """
        findings = list(self.findings)
        for finding in other.findings:
            claims = [known.claim for known in findings]
            if finding.claim in claims:
                place = claims.index(finding.claim)
                findings[place] = findings[place].with_words_of(finding)
            else:
                findings.append(finding)
        return self.model_copy(update={"findings": tuple(findings)})


DraftT = TypeVar("DraftT", bound=Draft[Any])
AnswerT = TypeVar("AnswerT", bound=BaseModel)


class CallTool(_Closed):
    """Call one inspection tool. The concrete variants pin `tool_name` and type `args`."""

    type: Literal[ActionKind.TOOL_CALL]
    tool_name: str
    args: ToolArgs


class Synthesize(_Closed, Generic[DraftT]):
    """Update the scope's draft: findings replaced by id, others appended."""

    type: Literal[ActionKind.SYNTHESIZE]
    output: DraftT


class Finalize(_Closed, Generic[AnswerT]):
    """End the scope with its answer."""

    type: Literal[ActionKind.FINALIZE]
    output: AnswerT


FixedT = TypeVar("FixedT")


class DelegateSubcall(_Closed, Generic[FixedT]):
    """Open a child scope: with a planner of its own, or with a fixed list of actions."""

    type: Literal[ActionKind.DELEGATE]
    objective: str
    context: str
    use_planner: bool = Field(json_schema_extra={NARROWED: {"type": "boolean", "enum": [True]}})
    actions: list[FixedT] | None = Field(json_schema_extra={NARROWED: {"type": "null"}})

    @field_validator("objective")
    @classmethod
    def _says_something(cls, objective: str) -> str:
        if not objective.strip():
            raise ValueError("say what the child is to find out")
        return objective

    @model_validator(mode="after")
    def _one_way(self) -> DelegateSubcall[FixedT]:
        if self.use_planner == bool(self.actions):
            raise ValueError("give either use_planner: true or a non-empty list of actions")
        return self


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The turn was understood and is not allowed; the planner sees why and goes on.

    `sort` is what is the same about refusals that follow each other.
    """

    reason: str
    sort: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The reply is not a turn; it can be repaired."""

    reason: str


Delegations: TypeAlias = tuple[DelegateSubcall[Any], ...]


Variants: TypeAlias = Mapping[ActionKind, tuple[Any, ...]]


class ActionSpace(Generic[DraftT, AnswerT]):
    """The actions of one engine: its tools, its draft type, its answer type.

    `known` are vocabularies of the whole run, such as its categories, by their names in schemas.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool[Any]],
        draft: type[DraftT],
        answer: type[AnswerT],
        *,
        known: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.known = known or {}
        signatures = tuple((tool.name, tool.description, tool.args) for tool in tools.values())
        self._models = (signatures, draft, answer)
        self._turn = _turn_model(*self._models)

    def schema(self, offered: Sequence[ActionKind]) -> Schema:
        """The JSON schema of a turn when only `offered` may be said; all who ask share it.

        It is pydantic's; `turn_schema.py` brings it into what an endpoint takes.
        """
        return _turn_schema(*self._models, tuple(offered))

    def parse(
        self, reply: str, offered: Sequence[ActionKind]
    ) -> CallTool | Synthesize[DraftT] | Finalize[AnswerT] | Delegations | NotAllowed | Invalid:
        """Parse a reply as a turn, or say why it isn't one."""
        try:
            action = self._read(reply)
        except ValidationError as error:
            reason = problems_of(error, reply)
            return NotAllowed(reason, "arguments") if _is_tool_call(reply) else Invalid(reason)
        delegations = tuple(action) if isinstance(action, list) else (action,)
        kind = delegations[0].type
        if kind not in offered:
            reason = f"{kind} is not offered now; offered: {', '.join(offered)}"
            return NotAllowed(reason, "not offered")
        if kind is ActionKind.DELEGATE:
            return delegations
        return action  # type: ignore[no-any-return]

    def _read(self, reply: str) -> Any:
        """The action; one that is only spelled otherwise is read as it is meant."""
        try:
            return self._turn.model_validate_json(reply).action  # type: ignore[attr-defined]
        except ValidationError:
            spelled = forgiven(reply, self._closed_sets)
            return self._turn.model_validate_json(spelled).action  # type: ignore[attr-defined]

    @cached_property
    def _closed_sets(self) -> ClosedSets:
        return closed_sets(self.schema(tuple(ActionKind)), self.known)


ToolSignature: TypeAlias = tuple[str, str, type[ToolArgs]]


@lru_cache(maxsize=32)
def _variants(
    tools: tuple[ToolSignature, ...], draft: type[BaseModel], answer: type[BaseModel]
) -> Variants:
    """The members of the union, by kind. Made once for each engine: models are dear to make."""
    calls = _by_tool([_call_variant(*tool) for tool in tools])
    synthesize: Any = Synthesize[draft]  # type: ignore[valid-type]
    finalize: Any = Finalize[answer]  # type: ignore[valid-type]
    fixed: Any = _union([*calls, synthesize, finalize])
    return {
        ActionKind.TOOL_CALL: calls,
        ActionKind.SYNTHESIZE: (synthesize,),
        ActionKind.DELEGATE: (DelegateSubcall[fixed],),
        ActionKind.FINALIZE: (finalize,),
    }


@lru_cache(maxsize=32)
def _turn_model(
    tools: tuple[ToolSignature, ...], draft: type[BaseModel], answer: type[BaseModel]
) -> type[BaseModel]:
    return _turn(_variants(tools, draft, answer), tuple(ActionKind))


@lru_cache(maxsize=128)
def _turn_schema(
    tools: tuple[ToolSignature, ...],
    draft: type[BaseModel],
    answer: type[BaseModel],
    offered: tuple[ActionKind, ...],
) -> Schema:
    return _turn(_variants(tools, draft, answer), offered).model_json_schema()


def _turn(variants: Variants, kinds: tuple[ActionKind, ...]) -> type[BaseModel]:
    """The model of a turn that says one of `kinds`."""
    one: Any = _union([variant for kind in kinds for variant in variants[kind]])
    if ActionKind.DELEGATE not in kinds:
        return create_model("Turn", __base__=_Closed, action=(one, ...))
    delegate: Any = variants[ActionKind.DELEGATE][0]
    several = Annotated[list[delegate], Field(min_length=2, max_length=MAX_SIBLINGS)]
    either = Annotated[
        Annotated[one, Tag("one")] | Annotated[several, Tag("several")],
        Discriminator(_one_or_several),
    ]
    return create_model("Turn", __base__=_Closed, action=(either, ...))


def turn_text(action: BaseModel | Sequence[BaseModel]) -> str:
    """The reply that says `action` (or a list of delegations)."""
    if isinstance(action, BaseModel):
        return f'{{"action":{action.model_dump_json()}}}'
    return f'{{"action":[{",".join(a.model_dump_json() for a in action)}]}}'


def fixed_turns(delegation: DelegateSubcall[Any]) -> tuple[str, ...] | None:
    """The turns of a child with a fixed list of actions; None where it has a planner."""
    if delegation.actions is None:
        return None
    return tuple(turn_text(action) for action in delegation.actions)


def _one_or_several(value: object) -> str:
    return "several" if isinstance(value, list) else "one"


def _call_variant(tool_name: str, description: str, args: type[ToolArgs]) -> type[BaseModel]:
    name = "".join(part.capitalize() for part in tool_name.split("_")) + "Call"
    return create_model(
        name,
        __base__=CallTool,
        __doc__=description,
        tool_name=(Literal[tool_name], ...),  # type: ignore[arg-type]
        args=(args, ...),
    )


def _by_tool(calls: list[type[BaseModel]]) -> tuple[Any, ...]:
    """The tool calls as one member of the union by `type`, told apart by `tool_name`."""
    if len(calls) < 2:
        return tuple(calls)
    return (Annotated[reduce(or_, calls), Field(discriminator="tool_name")],)


def _union(variants: list[Any]) -> Any:
    """A union told apart by `type`."""
    if len(variants) == 1:
        return variants[0]
    return Annotated[reduce(or_, variants), Field(discriminator="type")]


def _is_tool_call(reply: str) -> bool:
    try:
        turn = json.loads(reply)
    except (ValueError, RecursionError):
        return False
    action = turn.get("action") if isinstance(turn, dict) else None
    return isinstance(action, dict) and action.get("type") == ActionKind.TOOL_CALL
