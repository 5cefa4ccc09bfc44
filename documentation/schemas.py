"""The JSON schemas of what a run leaves, and the page that tells of their fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from documentation.tables import Schema, field_rows, table, type_words
from documentation.words import one_line
from investigator.compliance.report import ComplianceReport
from investigator.incident.report import IncidentDossier
from investigator.rca.report import RCAReport
from investigator.runtime.events import AnyEvent
from investigator.runtime.record import RunRecord

_HEAD = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def model_schema(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a pydantic model as it is read."""
    return _HEAD | model.model_json_schema()


def event_schema() -> Schema:
    """The JSON Schema of the `event` of a line of the journal."""
    within: dict[str, Any] = {}

    def of_model(kind: type) -> dict[str, Any]:
        schema = kind.model_json_schema()  # type: ignore[attr-defined]
        within.update(schema.pop("$defs", {}))
        return schema  # type: ignore[no-any-return]

    made = msgspec.json.schema(AnyEvent, schema_hook=of_model)
    made["$defs"] = {name: _cleaned(one) for name, one in {**within, **made["$defs"]}.items()}
    return _HEAD | {"title": "JournalEvent"} | made


def _cleaned(schema: dict[str, Any]) -> dict[str, Any]:
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    return schema


def _of(model: type[BaseModel]) -> Callable[[], Schema]:
    return lambda: model_schema(model)


SCHEMAS: Mapping[str, tuple[str, Callable[[], Schema]]] = {
    "rca_report": ("Report of `rca`", _of(RCAReport)),
    "compliance_report": ("Report of `compliance`", _of(ComplianceReport)),
    "incident_dossier": ("Report of `incident`", _of(IncidentDossier)),
    "run_record": ("Run record", _of(RunRecord)),
    "journal_event": ("Events of the journal", event_schema),
}
"""By the file's name: the title, and what makes the schema."""


def schema_page() -> str:
    """Each schema as tables, with a link to the file."""
    parts = [
        "# JSON schemas",
        "<!-- Made of the code by `make golden`; edit the words there. -->",
        "`output.json` is a report, `run_record.json` the record, and each line of `events.jsonl` "
        "is `{seq, ts, event, chain}`, where `event` is one of the "
        "[events](#events-of-the-journal). All objects are closed. "
        "Readers accept every version that was released.",
    ]
    told: set[str] = set()
    for name, (title, make) in SCHEMAS.items():
        schema = make()
        parts += [f"## {title}", f"[{name}.json](schemas/{name}.json)"]
        if "properties" in schema:
            parts += list(_section(schema, heading=None))
        for definition, one in schema.get("$defs", {}).items():
            if definition not in told:
                told.add(definition)
                parts += list(_section(one, heading=definition))
    return "\n\n".join(parts) + "\n"


def _section(schema: Schema, heading: str | None) -> Iterator[str]:
    """What a definition is, and its fields or its values.

    Raises:
        MissingWords: it has no description.
    """
    if heading is not None:
        yield f"### {heading}"
    yield one_line(schema.get("description", ""), heading or schema["title"])
    if schema.get("properties"):
        yield table(("field", "type", "default"), field_rows(schema))
    elif "enum" in schema:
        yield type_words(schema) + "."
