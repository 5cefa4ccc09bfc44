"""An engine as a tool: the fields of its question, a budget, and how long to wait for the answer.

What a client may ask for is less than what the command line may: sources are named, a path is
none of its business (a taxonomy, a control library or a folder of snapshots has to be built in or
among the materials that the server was started with), and a budget can only be narrower than the
server's own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from investigator.errors import UsageError
from investigator.ground.given import Given
from investigator.inspection.engine import FromConfig, Question
from investigator.runs.engines import AnyEngine
from investigator.runtime.budget import Budget

DEFAULT_WAIT_S = 45
"""Less than the minute after which the common clients give up a call."""
MOST_WAIT_S = 3600
_NOT_ASKED = {"session_traces"}
"""Fields of a question that a run finds out."""
_PATH_MARKS = frozenset("/\\*?#[")

WAIT = (
    "Seconds to wait for the report; 0 answers at once with the run id. The run goes on either way "
    "and run_status finds it."
)


class EngineCall(Given):
    """What every engine's tool takes besides the fields of its question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    budget: Budget | None = Field(
        default=None, description="Limits narrower than the server's; null or left out: its own."
    )
    run_id: str | None = Field(
        default=None, description="An id for the run, to find it by; null: a new one."
    )
    wait_s: float = Field(default=DEFAULT_WAIT_S, ge=0, le=MOST_WAIT_S, description=WAIT)
    cancel_if_disconnected: bool = Field(
        default=False,
        description="Over HTTP: cancel the run when this call's connection closes before its "
        "answer. Else the run goes on, and cancel_run cancels it.",
    )


def call_model(
    engine: AnyEngine, sources: Sequence[str], materials: Sequence[str]
) -> type[EngineCall]:
    """The arguments of an engine's tool."""
    fields: dict[str, Any] = {"source": source_field(sources)}
    for name, field in engine.question.model_fields.items():
        if name in _NOT_ASKED or any(isinstance(mark, FromConfig) for mark in field.metadata):
            continue
        fields[name] = _path_field(field, materials) if _takes_path(field) else _as_it_is(field)
    return create_model(engine.name, __base__=EngineCall, **fields)


def source_field(sources: Sequence[str]) -> Any:
    """The field that names a source; it may be left out where there is one."""
    description = f"Which traces: {', '.join(sources)}"
    schema: dict[str, Any] = {"enum": list(sources)}
    default = sources[0] if len(sources) == 1 else ...
    return (str, Field(default=default, description=description, json_schema_extra=schema))


def question_of(engine: AnyEngine, call: EngineCall, materials: Collection[str]) -> Question[Any]:
    """The question that a call asks.

    Raises:
        UsageError: it makes no sense, or names a path that this server was not started with.
    """
    given = call.model_dump(exclude=set(EngineCall.model_fields), exclude_unset=True)
    for name, field in engine.question.model_fields.items():
        value = given.get(name)
        if _takes_path(field) and isinstance(value, str):
            _require_allowed(name, value, materials)
    question: Question[Any] = engine.question.model_validate(given)
    return question


def narrowed_budget(engine: AnyEngine, allowed: Budget, asked: Budget | None) -> Budget:
    """The server's budget with the limits that a call names.

    Raises:
        UsageError: one of them is more than the server's.
    """
    if asked is None:
        return allowed
    most, told = allowed.model_dump(), asked.model_dump(exclude_unset=True)
    for name, value in told.items():
        if most[name] is not None and (value is None or value > most[name]):
            what = "no limit" if value is None else f"{value:g}"
            raise UsageError(
                f"budget.{name}: {what} is more than this server allows ({most[name]:g}): ask for "
                f"at most that; who starts the server may allow more, under [budget.{engine.name}] "
                "in investigator.toml"
            )
    return Budget.model_validate({**most, **told})


def _as_it_is(field: FieldInfo) -> Any:
    return (
        Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
        field,
    )


def _path_field(field: FieldInfo, materials: Sequence[str]) -> Any:
    """A field that names something built in, or one of the server's materials."""
    others = f" Here a name, or one of: {', '.join(materials)}." if materials else ""
    kind = str if isinstance(field.default, str) else str | None
    description = (field.description or "") + (others or " Here a name only, no path.")
    return (kind, Field(default=field.default, description=description))


def _takes_path(field: FieldInfo) -> bool:
    return _mentions_path(field.annotation)


def _mentions_path(annotation: Any) -> bool:
    return annotation is Path or any(map(_mentions_path, get_args(annotation)))


def _require_allowed(name: str, value: str, materials: Collection[str]) -> None:
    """Raise `UsageError` for a path that the server was not started with."""
    if value in materials or not (_PATH_MARKS & set(value) or os.path.lexists(value)):
        return
    allowed = f"; it has: {', '.join(materials)}" if materials else ""
    raise UsageError(
        f"{name}: '{value}' is a path, and this server reads only what it was started with"
        f"{allowed}; start it with --material PATH to allow another"
    )
