"""What is wrong with a value by a JSON Schema, as far as schemas of tool arguments go.

Known are `type`, `enum`, `const`, `required`, `properties`, `additionalProperties`, `items`,
`anyOf`, `oneOf`, `allOf` and references within the schema. Other keywords say nothing here, so a
value is never called wrong for a rule that was not understood. The work is bounded: a schema that
leads in circles says no more after so many steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from investigator.canonical import JsonValue

_DEPTH = 60
_STEPS = 20_000
_WHOLE = "the arguments"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}


def schema_problems(value: JsonValue, schema: Mapping[str, JsonValue]) -> Iterator[str]:
    """One phrase for each thing that is wrong, with the path of the field."""
    yield from _Schema(schema).problems(value, dict(schema), ())


class _Schema:
    """One schema while one value is held against it."""

    def __init__(self, root: Mapping[str, JsonValue]) -> None:
        self._root = dict(root)
        self._steps = _STEPS
        self._depth = 0

    def problems(self, value: JsonValue, schema: JsonValue, path: tuple[str, ...]) -> Iterator[str]:
        """What is wrong with the value at a path, by this part of the schema."""
        self._steps -= 1
        if self._steps < 0 or self._depth >= _DEPTH or not isinstance(schema, dict):
            return
        self._depth += 1
        yield from self._problems(value, schema, path)
        self._depth -= 1

    def _problems(
        self, value: JsonValue, schema: dict[str, JsonValue], path: tuple[str, ...]
    ) -> Iterator[str]:
        here = ".".join(path) or _WHOLE
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield from self.problems(value, self._referred(reference), path)
            return
        if value is None and schema.get("nullable") is True:
            return
        wanted = schema.get("type")
        if not _has_type(value, wanted):
            yield f"{here} is {_type_of(value)}, not {_named_type(wanted)}"
            return
        enum = schema.get("enum")
        if isinstance(enum, list) and value not in enum:
            yield f"{here} is none of the {len(enum)} values allowed"
        if "const" in schema and value != schema["const"]:
            yield f"{here} is not the one value allowed"
        yield from self._combined(value, schema, path)
        if isinstance(value, dict):
            yield from self._fields(value, schema, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.problems(item, schema.get("items"), (*path, str(index)))

    def _combined(
        self, value: JsonValue, schema: dict[str, JsonValue], path: tuple[str, ...]
    ) -> Iterator[str]:
        for keyword in ("anyOf", "oneOf"):
            options = schema.get(keyword)
            if isinstance(options, list) and options and not self._fits_one(value, options, path):
                here = ".".join(path) or _WHOLE
                yield f"{here} fits none of the {len(options)} forms allowed"
        every = schema.get("allOf")
        for part in every if isinstance(every, list) else ():
            yield from self.problems(value, part, path)

    def _fits_one(self, value: JsonValue, options: list[JsonValue], path: tuple[str, ...]) -> bool:
        return any(not list(self.problems(value, option, path)) for option in options)

    def _fields(
        self, value: dict[str, JsonValue], schema: dict[str, JsonValue], path: tuple[str, ...]
    ) -> Iterator[str]:
        properties, required = schema.get("properties"), schema.get("required")
        known = properties if isinstance(properties, dict) else {}
        others = schema.get("additionalProperties")
        for name in required if isinstance(required, list) else ():
            if isinstance(name, str) and name not in value:
                yield f"{'.'.join((*path, name))} is required and absent"
        for name, item in value.items():
            below = (*path, name)
            if name in known:
                yield from self.problems(item, known[name], below)
            elif others is False and "patternProperties" not in schema:
                yield f"{'.'.join(below)} is no field of it"
            else:
                yield from self.problems(item, others, below)

    def _referred(self, reference: str) -> JsonValue:
        """What a `#/…` reference names; anything will do where it leads elsewhere."""
        found: JsonValue = self._root
        if not reference.startswith("#"):
            return None
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found


def _has_type(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(wanted, list):
        return any(_has_type(value, one) for one in wanted)
    if not isinstance(wanted, str) or wanted not in _TYPES:
        return True
    if isinstance(value, bool):
        return wanted == "boolean"
    whole = wanted == "integer" and isinstance(value, float) and value.is_integer()
    return whole or isinstance(value, _TYPES[wanted])


def _type_of(value: JsonValue) -> str:
    names = {bool: "a boolean", str: "a string", dict: "an object", list: "an array"}
    return "null" if value is None else names.get(type(value), "a number")


def _named_type(wanted: JsonValue) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
