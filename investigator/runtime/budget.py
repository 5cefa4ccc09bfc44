"""Limits and amounts as values: integers by resource, `None` is unlimited and `0` is none.

`Amounts` is what is held, spent or left over; `Limits` is what may be. Cost is counted in
integer micro-USD, so that sums are exact. Depth and wall time are not consumed: they are
attributes of a scope that a child can only narrow.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema


class Resource(StrEnum):
    """What a run can run out of. The first five are consumable, in the order of `Amounts`."""

    ITERATIONS = "iterations"
    TOOL_CALLS = "tool_calls"
    SUBCALLS = "subcalls"
    TOKENS = "tokens"
    COST = "cost"
    DEPTH = "depth"
    WALL_TIME = "wall_time"


def flag_of(resource: Resource) -> str:
    """The option of the command line that raises the limit."""
    if resource is Resource.COST:
        return "--max-cost-usd"
    return f"--max-{resource.replace('_', '-')}"


def _in_json(cls: type[tuple[object, ...]]) -> core_schema.CoreSchema:
    """A named tuple that is an array in JSON, and in Python is taken as it is."""
    items = core_schema.list_schema(
        core_schema.nullable_schema(core_schema.int_schema()), min_length=5, max_length=5
    )
    return core_schema.json_or_python_schema(
        json_schema=core_schema.no_info_after_validator_function(lambda v: cls(*v), items),
        python_schema=core_schema.is_instance_schema(cls),
        serialization=core_schema.plain_serializer_function_ser_schema(
            list, return_schema=core_schema.list_schema(core_schema.any_schema())
        ),
    )


class Amounts(NamedTuple):
    """A quantity of each consumable resource; `tokens` are in + out, `cost` micro-USD."""

    iterations: int = 0
    tool_calls: int = 0
    subcalls: int = 0
    tokens: int = 0
    cost: int = 0

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> core_schema.CoreSchema:
        return _in_json(cls)

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(
            self[0] + other[0],
            self[1] + other[1],
            self[2] + other[2],
            self[3] + other[3],
            self[4] + other[4],
        )

    def minus(self, other: Amounts) -> Amounts:
        return Amounts(
            self[0] - other[0],
            self[1] - other[1],
            self[2] - other[2],
            self[3] - other[3],
            self[4] - other[4],
        )

    def largest(self, other: Amounts) -> Amounts:
        """The larger of the two, resource by resource."""
        return Amounts(*map(max, self, other))

    def covers(self, other: Amounts) -> bool:
        """Whether `other` fits in this, resource by resource."""
        return (
            self[0] >= other[0]
            and self[1] >= other[1]
            and self[2] >= other[2]
            and self[3] >= other[3]
            and self[4] >= other[4]
        )


NOTHING = Amounts()


class Limits(NamedTuple):
    """An upper bound for each consumable resource; None is unlimited."""

    iterations: int | None = None
    tool_calls: int | None = None
    subcalls: int | None = None
    tokens: int | None = None
    cost: int | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> core_schema.CoreSchema:
        return _in_json(cls)


UNLIMITED = Limits()
CONSUMABLE = (
    Resource.ITERATIONS,
    Resource.TOOL_CALLS,
    Resource.SUBCALLS,
    Resource.TOKENS,
    Resource.COST,
)
"""The resources in the order of `Amounts` and `Limits`."""


class Budget(BaseModel):
    """What one run may use. `None` is unlimited, `0` forbids that kind of action.

    `cost_usd` in US dollars, `wall_time_s` in seconds, `depth` in levels below the root scope.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    iterations: int | None = Field(default=None, ge=0)
    """Planner turns, all scopes together."""
    tool_calls: int | None = Field(default=None, ge=0)
    """Reads of the traces by a planner."""
    subcalls: int | None = Field(default=None, ge=0)
    """Child scopes that may be opened."""
    tokens: int | None = Field(default=None, ge=0)
    """Model tokens, in and out."""
    cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Model cost in US dollars."""
    wall_time_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Seconds from start to report."""
    depth: int = Field(default=2, ge=0, le=3)
    """Levels of child scopes, 0 to 3."""

    @property
    def limits(self) -> Limits:
        """The consumable part; a cost is rounded down to whole micro-USD."""
        cost = None if self.cost_usd is None else int(round(self.cost_usd * 1e6, 3))
        return Limits(self.iterations, self.tool_calls, self.subcalls, self.tokens, cost)
