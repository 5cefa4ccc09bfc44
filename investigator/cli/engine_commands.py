"""One command an engine, made of the engine's value: plug-ins get theirs as built-in ones do.

The fields of the engine's question are options of its command, spelled as the field's `Flag`
says and explained by the field's description. A question of one trace can also be asked of
every trace of a source, as a batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic.fields import FieldInfo

from investigator.cli.bundles import bundled
from investigator.cli.known_options import KnownOfMany, KnownOfOne
from investigator.cli.limit_options import LimitOptions
from investigator.cli.options import (
    BatchOptions,
    Json,
    ReportOptions,
    RunOptions,
    SourceArgument,
    TraceChoice,
)
from investigator.cli.outcomes import OutcomeOptions
from investigator.cli.planner_options import PlannerOptions
from investigator.cli.reporting import Reporting
from investigator.cli.telling import ToldInFile, told_of_all

if TYPE_CHECKING:
    from investigator.inspection.engine import TraceQuestion
    from investigator.runs.engines import AnyEngine


def command_of(engine: AnyEngine) -> Callable[..., None]:
    """The command that asks an engine's question."""
    from investigator.cli.investigating import investigate_traces, investigate_window

    def command(**given: Any) -> None:
        reporting: ReportOptions = given["reporting"]
        asked = OutcomeOptions(
            reporting.output,
            _threshold(engine, given["fail_on"], against_baseline=reporting.baseline is not None),
            given["as_json"],
            Reporting.of(reporting, given["run"].runs_dir),
        )
        told = {
            name: _value(given[name]) for name in _own_fields(engine) if given[name] is not None
        }
        source, limits, run, planner = (given[n] for n in ("source", "limits", "run", "planner"))
        known: KnownOfOne | KnownOfMany = given["known"]
        in_file = ToldInFile.of(known.outcomes)
        if not isinstance(known, KnownOfOne):
            told["ignore_evaluations"] = known.ignore_evaluations
            question = engine.question.model_validate(told)
            raise typer.Exit(
                investigate_window(source, question, in_file, asked, limits, run, planner)
            )
        traces: TraceChoice = given["traces"]
        one: TraceQuestion[Any] = engine.question.model_validate(  # type: ignore[assignment]
            {
                **told,
                "trace_id": traces.trace_id or "",
                "session_id": traces.session,
                **told_of_all(known),
            }
        )
        raise typer.Exit(
            investigate_traces(
                source, one, in_file, asked, traces, limits, run, planner, given["batch"]
            )
        )

    command.__name__ = engine.name
    command.__doc__ = _help(engine)
    command.__signature__ = _signature(engine)  # type: ignore[attr-defined]
    return bundled(command)


def _signature(engine: AnyEngine) -> inspect.Signature:
    """The parameters of the command, in the order in which the help shows them."""
    of_one, own = engine.is_of_one_trace, _own_fields(engine)
    kinds: list[tuple[str, Any, Any]] = [
        ("source", SourceArgument, inspect.Parameter.empty),
        *([("traces", TraceChoice, inspect.Parameter.empty)] if of_one else []),
        *([] if of_one else [(name, _option(name, field), None) for name, field in own.items()]),
        ("known", KnownOfOne if of_one else KnownOfMany, inspect.Parameter.empty),
        ("limits", LimitOptions, inspect.Parameter.empty),
        ("run", RunOptions, inspect.Parameter.empty),
        ("planner", PlannerOptions, inspect.Parameter.empty),
        *([("batch", BatchOptions, inspect.Parameter.empty)] if of_one else []),
        *([(name, _option(name, f), _default(f)) for name, f in own.items()] if of_one else []),
        ("reporting", ReportOptions, inspect.Parameter.empty),
        ("fail_on", _fail_on(engine), None),
        ("as_json", Json, False),
    ]
    return inspect.Signature(
        [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for n, kind, default in kinds
        ]
    )


def _own_fields(engine: AnyEngine) -> dict[str, FieldInfo]:
    """The fields of the question that are options of this command alone."""
    from investigator.inspection.engine import FromConfig, Question, TraceQuestion

    base = TraceQuestion if engine.is_of_one_trace else Question
    shared = {*base.model_fields, "outcomes"}
    return {
        name: field
        for name, field in engine.question.model_fields.items()
        if name not in shared and not any(isinstance(m, FromConfig) for m in field.metadata)
    }


def _option(name: str, field: FieldInfo) -> Any:
    from investigator.inspection.engine import Flag

    flag = next((mark for mark in field.metadata if isinstance(mark, Flag)), None)
    spelled, metavar = flag or Flag("--" + name.replace("_", "-"), "VALUE")
    default = _default(field)
    option = typer.Option(
        spelled, metavar=metavar, help=field.description, show_default=default is not None
    )
    return Annotated[list[str] | None if _is_many(field) else str | None, option]


def _default(field: FieldInfo) -> str | None:
    return field.default if isinstance(field.default, str) else None


def _is_many(field: FieldInfo) -> bool:
    return isinstance(field.default, tuple)


def _value(given: Any) -> Any:
    return tuple(dict.fromkeys(given)) if isinstance(given, list) else given


def _fail_on(engine: AnyEngine) -> Any:
    """`--fail-on`, with the engine's verdicts as its choices."""
    first, *others = engine.verdicts
    includes = f"`{others[-1]}` includes `{first}`" if others else f"`{first}`"
    choice = Enum("FailOn", [(v.upper(), v) for v in engine.verdicts], type=str)  # type: ignore[misc]
    option = typer.Option(
        "--fail-on", help=f"Exit with 1 if a report says so; {includes}.", show_default=False
    )
    return Annotated[choice | None, option]


def _threshold(engine: AnyEngine, named: Enum | None, *, against_baseline: bool) -> tuple[str, ...]:
    """The verdicts at which the command exits with 1: the one named and the more severe.

    Whoever compares with a baseline wants new failures to fail the build, and need not say so.
    """
    if named is None:
        return engine.verdicts[:1] if against_baseline else ()
    return engine.verdicts[: engine.verdicts.index(named.value) + 1]


def _help(engine: AnyEngine) -> str:
    manual = engine.manual
    examples = "\n".join(f"  investigator {engine.name} {example}" for example in manual.examples)
    return f"{manual.summary}\n\n{manual.text}\n\n[bold]Examples[/]\n{examples}"
