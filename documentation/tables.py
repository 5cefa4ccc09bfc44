"""Markdown tables, and the fields of a JSON schema as rows of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; what would end a cell is escaped."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


def type_words(schema: Schema) -> str:
    """The type of a value, as a person would say it."""
    match schema:
        case {"$ref": str(ref)}:
            name = ref.rsplit("/", 1)[-1]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": list(options)} | {"oneOf": list(options)}:
            shown = [type_words(one) for one in options if one != {"type": "null"}]
            null = ["null"] if len(shown) < len(options) else []
            return " or ".join([*dict.fromkeys(shown), *null])
        case {"const": value}:
            return code(str(value))
        case {"enum": list(values)}:
            return ", ".join(code(str(value)) for value in values)
        case {"type": "array", "prefixItems": _}:
            return "list"
        case {"type": "array", "items": dict(items)}:
            return f"list of {type_words(items)}"
        case {"type": "object", "additionalProperties": dict(items)}:
            return f"object of {type_words(items)}"
        case {"type": str(name)}:
            return {"string": "text", "integer": "integer", "boolean": "true or false"}.get(
                name, name
            )
        case _:
            return "any"


def field_rows(schema: Schema) -> list[tuple[str, str, str]]:
    """The fields of an object: name, type, and what it is where it is left out."""
    required = set(schema.get("required", ()))
    return [
        (
            code(name),
            type_words(field),
            "required" if name in required else default_words(field.get("default")),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def default_words(value: object) -> str:
    """A default as a reader would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return code(str(value).lower())
        case [] | () | {} | "":
            return "empty"
        case _:
            return code(str(value))
