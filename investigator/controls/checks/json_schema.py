"""What is wrong with a value by a JSON Schema, as far as schemas of tool arguments go.

Known are `type`, `enum`, `const`, `required`, `properties`, `additionalProperties`, `items`,
`anyOf`, `oneOf`, `allOf` and references within the schema; other keywords say nothing here, so a
value is never called wrong for a rule that was not understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from investigator.canonical import JsonValue

_DEPTH = 40
_ITEMS = 1_000
_NUMBERS = (int, float)


def schema_problems(value: JsonValue, schema: Mapping[str, JsonValue]) -> Iterator[str]:
    """One phrase for each thing that is wrong, with the path of the field."""
    yield from _problems(value, dict(schema), "", dict(schema), 0)


def _problems(
    value: JsonValue, schema: JsonValue, path: str, root: dict[str, JsonValue], depth: int
) -> Iterator[str]:
    if depth > _DEPTH or not isinstance(schema, dict):
        return
    here = path or "the arguments"
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield from _problems(value, _referred(reference, root), path, root, depth + 1)
        return
    if schema.get("nullable") is True and value is None:
        return
    if not _has_type(value, schema.get("type")):
        yield f"{here} is {_type_of(value)}, not {_named_type(schema.get('type'))}"
        return
    enum = schema.get("enum")
    if isinstance(enum, list) and value not in enum:
        yield f"{here} is none of the {len(enum)} values allowed"
    if "const" in schema and value != schema["const"]:
        yield f"{here} is not the one value allowed"
    yield from _combined(value, schema, path, root, depth)
    if isinstance(value, dict):
        yield from _fields(value, schema, path, root, depth)
    elif isinstance(value, list):
        for index, item in enumerate(islice(value, _ITEMS)):
            where = f"{path}.{index}" if path else str(index)
            yield from _problems(item, schema.get("items"), where, root, depth + 1)


def _combined(
    value: JsonValue,
    schema: dict[str, JsonValue],
    path: str,
    root: dict[str, JsonValue],
    depth: int,
) -> Iterator[str]:
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and options:
            fits = any(
                next(_problems(value, option, path, root, depth + 1), None) is None
                for option in options
            )
            if not fits:
                yield f"{path or 'the arguments'} fits none of the {len(options)} forms allowed"
    every = schema.get("allOf")
    for part in every if isinstance(every, list) else ():
        yield from _problems(value, part, path, root, depth + 1)


def _fields(
    value: dict[str, JsonValue],
    schema: dict[str, JsonValue],
    path: str,
    root: dict[str, JsonValue],
    depth: int,
) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            yield f"{_below(path, name)} is required and absent"
    for name, item in value.items():
        if name in known:
            yield from _problems(item, known[name], _below(path, name), root, depth + 1)
        elif schema.get("additionalProperties") is False and "patternProperties" not in schema:
            yield f"{_below(path, name)} is no field of it"
        else:
            extra = schema.get("additionalProperties")
            yield from _problems(item, extra, _below(path, name), root, depth + 1)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _referred(reference: str, root: dict[str, JsonValue]) -> JsonValue:
    """What a `#/…` reference names; anything where it leads elsewhere."""
    found: JsonValue = root
    if not reference.startswith("#"):
        return {}
    for part in reference[1:].split("/")[1:]:
        found = (
            found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else {}
        )
    return found


def _has_type(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(wanted, list):
        return any(_has_type(value, one) for one in wanted)
    match wanted:
        case "string":
            return isinstance(value, str)
        case "integer":
            whole = isinstance(value, float) and value.is_integer()
            return (isinstance(value, int) and not isinstance(value, bool)) or whole
        case "number":
            return isinstance(value, _NUMBERS) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "null":
            return value is None
        case _:
            return True


def _type_of(value: JsonValue) -> str:
    names = {bool: "a boolean", str: "a string", dict: "an object", list: "an array"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


def _named_type(wanted: JsonValue) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
