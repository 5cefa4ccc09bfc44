"""The reference pages, each a pure function of the code: settings, schemas, codes, tools, …

What has no words in the code raises `MissingWords`, so a new setting, tool, format, detector,
control or error code cannot reach a user without a description.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from documentation.command_pages import command_page
from documentation.schemas import SCHEMAS, schema_page
from documentation.tables import code, default_words, table, type_words
from documentation.words import field_words, first_paragraph, member_words, one_line, words_of
from investigator import errors
from investigator.cli.exits import Exit, exit_of
from investigator.compliance.library_tools import control_tools
from investigator.connectors.phoenix.address import (
    ENDPOINT_VARIABLES,
    KEY_VARIABLE,
    PROJECT_VARIABLES,
)
from investigator.controls.library import BUILT_IN_LIBRARIES, load_library
from investigator.controls.model import Control
from investigator.controls.parameters import ControlParameters
from investigator.errors import FilterSyntaxError, InvestigatorError, TraceNotFound
from investigator.formats import FORMATS
from investigator.ground.plugins import SWITCH
from investigator.ground.redaction import Redactor
from investigator.incident.snapshot_tools import snapshot_tools
from investigator.inspection.trace_tools import inspection_tools
from investigator.rca.advice import ADVICE
from investigator.rca.taxonomy import load_taxonomy
from investigator.readings.faults import Fault
from investigator.runs.config import FILE_NAME, Redaction
from investigator.runs.engines import BUILT_IN_ENGINES, engine_named
from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget, Resource, flag_of
from investigator.runtime.llm_settings import ModelSettings
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.tools import Tool
from investigator.signals.detect import BUILT_IN_DETECTORS
from investigator.snapshots.store import SnapshotStore
from investigator.store.memory import MemoryInspectionAPI
from investigator.store.open import CACHE_VARIABLE

MADE = "<!-- Made of the code by `make golden`; edit the words there. -->"


def pages() -> Mapping[str, str]:
    """Every generated file below `docs/`, by its path there."""
    made = {
        "cli.md": command_page(),
        "reference/settings.md": settings_page(),
        "reference/codes.md": codes_page(),
        "reference/tools.md": tools_page(),
        "reference/signals.md": signals_page(),
        "reference/formats.md": formats_page(),
        "reference/control-libraries.md": libraries_page(),
        "reference/schemas.md": schema_page(),
    }
    for name, (_, schema) in SCHEMAS.items():
        made[f"reference/schemas/{name}.json"] = json.dumps(schema(), indent=2) + "\n"
    return made


def page(title: str, *parts: str) -> str:
    """A generated page."""
    return "\n\n".join([f"# {title}", MADE, *parts]) + "\n"


def settings_page() -> str:
    """`investigator.toml` section by section, the limits, and the environment."""
    return page(
        "Settings",
        f"What a team decides once is written in `{FILE_NAME}` in the working directory, or in the "
        "file that `--config` names. Every section and every key may be left out; a command-line "
        "option overrides the file. An unknown key is refused with its line.",
        "## `[planner]`",
        "Which planner decides.",
        settings_table(PlannerChoice, ("planner",)),
        "## `[model]`",
        words_of(ModelSettings, "ModelSettings"),
        settings_table(ModelSettings),
        "## `[[cheaper]]`",
        "Models to ask when the one before can no longer be afforded, from strong to cheap. Each "
        "has the keys of `[model]`.",
        "## `[budget.ENGINE]`",
        f"Limits for one engine: {', '.join(map(code, BUILT_IN_ENGINES))}. The table has each "
        "engine's default and the option that overrides it for one run. `none`, as an option, "
        "lifts a limit; `0` forbids that kind of action.",
        limits_table(),
        "## `[redaction]`",
        words_of(Redaction, "Redaction"),
        settings_table(Redaction),
        "## `[controls]`",
        "What controls are judged by. A control that needs a value nobody configured is "
        "`not_applicable`.",
        settings_table(ControlParameters),
        "## Environment variables",
        table(
            ("variable", "meaning"),
            [
                (
                    code(CACHE_VARIABLE),
                    "Folder for ingested sources, in place of the user's cache.",
                ),
                (code(SWITCH), "`1` leaves out every plug-in, like `--no-plugins`."),
                (" or ".join(map(code, ENDPOINT_VARIABLES)), "Address of Phoenix for `phoenix:`."),
                (" or ".join(map(code, PROJECT_VARIABLES)), "Its project."),
                (code(KEY_VARIABLE), "Its API key."),
            ],
        ),
    )


def settings_table(model: type[BaseModel], only: tuple[str, ...] = ()) -> str:
    """The keys of a section, each with its words.

    Raises:
        MissingWords: a key has none.
    """
    schema = model.model_json_schema()
    rows = [
        (
            code(name),
            _without_null(type_words(field)),
            "required"
            if name in schema.get("required", ())
            else default_words(field["default"])
            if "default" in field
            else "empty",
            field_words(model, name),
        )
        for name, field in schema["properties"].items()
        if not only or name in only
    ]
    return table(("key", "type", "default", "meaning"), rows)


def _without_null(words: str) -> str:
    return words.removesuffix(" or null")  # TOML has no null: the key is left out


_FIELDS = {Resource.COST: "cost_usd", Resource.WALL_TIME: "wall_time_s"}
"""Keys that carry the unit of their resource."""


def limits_table() -> str:
    """Each limit: its key, its option, and its default for each engine."""
    budgets = [engine_named(name).default_budget for name in BUILT_IN_ENGINES]
    rows = []
    for resource in Resource:
        name = _FIELDS.get(resource, resource.value)
        values = [getattr(budget, name) for budget in budgets]
        shown = ["none" if value is None else f"{value:,g}" for value in values]
        rows.append((code(name), code(flag_of(resource)), *shown, field_words(Budget, name)))
    return table(("key", "option", *BUILT_IN_ENGINES, "meaning"), rows)


def codes_page() -> str:
    """How commands, runs and scopes end, and the errors that Python raises."""
    return page(
        "Exit codes and errors",
        "## Exit codes",
        "Where several are due the most serious is returned: 5, then 4, 3, 1, 0.",
        table(("code", "meaning"), [(str(one.value), member_words(one)) for one in Exit]),
        "## Status of a run",
        table(("status", "meaning"), [(code(one), member_words(one)) for one in RunStatus]),
        "## How a scope ends",
        table(("status", "meaning"), [(code(one), member_words(one)) for one in ScopeStatus]),
        "## Error codes",
        "The `error` of a run record or a scope: `{code, message, stage, retryable, limit}`. "
        "`limit` names the resource that ran out; a `retryable` run can be resumed.",
        table(("code", "meaning"), [(code(one), member_words(one)) for one in ErrorCode]),
        "## Exceptions",
        "Every error that the package raises on purpose is an `InvestigatorError`.",
        table(("exception", "is a", "exit code", "meaning"), _exceptions()),
    )


def _exceptions() -> Iterator[tuple[str, str, str, str]]:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, InvestigatorError):
            base = kind.__bases__[0]
            shown = code(base.__name__) if base is not Exception else ""
            told = first_paragraph(kind.__doc__ or "", name)
            yield code(name), shown, str(exit_of(_raised(kind)).value), told


def _raised(kind: type[InvestigatorError]) -> InvestigatorError:
    if issubclass(kind, FilterSyntaxError):
        return kind("", 0, "")
    return kind("", trace_id="") if issubclass(kind, TraceNotFound) else kind()


def tools_page() -> str:
    """The reads that a planner has, with their arguments."""
    api, redactor = MemoryInspectionAPI([]), Redactor()
    return page(
        "Inspection tools",
        "What a planner can read. Every answer is one bounded, redacted page that says how to ask "
        "for the next. A planner whose scope is a single trace has the same tools without "
        "`trace_id`.",
        "## Traces",
        tool_parts(inspection_tools(api, redactor, optional=("run_code",))),
        "## Controls",
        tool_parts(control_tools(load_library(BUILT_IN_LIBRARIES[0]))),
        "## Config snapshots",
        tool_parts(snapshot_tools(SnapshotStore({}), redactor)),
    )


def tool_parts(tools: list[Tool[Any]]) -> str:
    """A section for each tool.

    Raises:
        MissingWords: a tool, or an argument of one, has no description.
    """
    parts: list[str] = []
    for tool in tools:
        schema = tool.args.model_json_schema()
        rows = [
            (code(name), type_words(_inlined(field, schema)), _told(tool, name, field))
            for name, field in schema["properties"].items()
        ]
        parts += [f"### `{tool.name}`", one_line(tool.description, tool.name)]
        parts += [table(("argument", "type", "meaning"), rows)]
    return "\n\n".join(parts)


def _told(tool: Tool[Any], name: str, field: Mapping[str, Any]) -> str:
    told = field.get("description") or next(
        (one["description"] for one in field.get("anyOf", ()) if "description" in one), ""
    )
    return one_line(told, f"{tool.name}: {name}")


def _inlined(field: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field whose references to enums are the enums themselves."""
    match field:
        case {"$ref": str(ref)}:
            return schema["$defs"][ref.rsplit("/", 1)[-1]]  # type: ignore[no-any-return]
        case {"anyOf": list(options)}:
            return {"anyOf": [_inlined(one, schema) for one in options]}
        case _:
            return field


def signals_page() -> str:
    """Detectors, and the faults that they and the engines name."""
    return page(
        "Signals and faults",
        "## Detectors",
        "Deterministic, without a model, over any framework's traces. Each names faults with the "
        "evidence for them; a fault that a later step made good is closed.",
        table(("detector", "what it sees"), detectors()),
        "## Faults",
        "The label is the category in the default taxonomy; `--taxonomy` chooses another "
        "([Taxonomies](../taxonomies.md)).",
        table(("fault", "label", "what to do"), faults()),
    )


def detectors() -> Iterator[tuple[str, str]]:
    """Each detector and what its module says of it."""
    for name in BUILT_IN_DETECTORS:
        module = import_module(f"investigator.signals.{name}")
        yield code(name), first_paragraph(module.__doc__ or "", name)


def faults() -> Iterator[tuple[str, ...]]:
    """Each fault, its label, and the advice that goes with it."""
    taxonomy = load_taxonomy("default")
    for fault in Fault:
        advice = one_line(ADVICE.get(fault, ""), f"the advice on {fault}")
        shown = advice.replace("span {span_id}", "the span").replace("{agent}", "the agent")
        yield code(fault), code(taxonomy.category_of(fault).id), shown


def formats_page() -> str:
    """The formats that are read, in the order in which a record is tried."""
    return page(
        "Formats",
        "Formats are told apart by looking at the content, never at a file's name. OTel `gen_ai.*` "
        "(current and deprecated), OpenLLMetry and MLflow attributes are mapped to OpenInference. "
        "What a format doesn't record is absent, not invented. A file or a line that cannot be "
        "read is named and counted, and the rest is read.",
        format_table(),
    )


def format_table() -> str:
    """A row for each format, in the words of its value."""
    rows = [("canonical file written by `investigator ingest`", "Parquet")]
    rows += [(one_line(one.reads, one.name), ", ".join(one.files)) for one in FORMATS]
    return table(("format", "files"), rows)


def libraries_page() -> str:
    """The control libraries that come with the package."""
    parts = [
        "`investigator controls show CONTROL_ID` prints a control in full, "
        "`investigator controls export LIBRARY` a library. To write your own: "
        "[Writing controls](../controls.md)."
    ]
    for name in BUILT_IN_LIBRARIES:
        library = load_library(name)
        rows = [_control_row(control) for control in library.ordered]
        parts += [f"## `{name}`", one_line(library.description or "", name)]
        parts += [table(("control", "severity", "judged by", "what it asks", "standards"), rows)]
    return page("Control libraries", *parts)


def _control_row(control: Control) -> tuple[str, ...]:
    check = control.check
    judged = [by for by, given in (("code", check.code), ("model", check.model)) if given]
    standards = {f"{one.standard}, {one.section}": None for one in control.references}
    return (
        f"`{control.control_id}`",
        control.severity.value,
        " and ".join(judged),
        f"**{one_line(control.title, control.control_id)}.** "
        f"{one_line(control.description, control.control_id)}",
        "; ".join(standards) or "–",
    )
