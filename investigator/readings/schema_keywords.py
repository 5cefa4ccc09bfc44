"""How each keyword of JSON Schema is held against a value, within bounds.

`jsonschema` knows the keywords. Replaced are those by which a schema that nobody vouches for could
reach out, or stall: references are followed within the schema only, patterns run on RE2, and the
steps are counted. Multiples are exact: 19.99 is one of 0.01.

Importing this module imports `jsonschema` (0.1 s of CPU), so only `json_schema` does, when asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import re2
from jsonschema import (
    Draft4Validator,
    Draft7Validator,
    Draft202012Validator,
    FormatChecker,
    ValidationError,
)
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend, validator_for
from referencing import Registry

from investigator.ground.canonical_json import JsonValue, count_of
from investigator.ground.patterns import well_formed
from investigator.readings.value_formats import has_format

_STEPS = 100_000
"""Keywords that are asked before a value is given up: about a second."""

_DEPTH = 80
"""Keywords that may stand in one another; each takes three frames of Python's thousand."""

_PATTERN_MEMORY = 1 << 20
_SORTED = 64
"""Items of a list are sorted to be compared; lists of objects are compared each with each."""

_JOINED = frozenset(
    {"properties", "patternProperties", "additionalProperties", "items", "prefixItems",
     "additionalItems", "allOf", "$ref", "dependentSchemas"}
)  # fmt: skip
"""Keywords that ask all their parts to fit: where one part cannot be told, the others still can."""

_ELSEWHERE = ("$ref", "$dynamicRef", "$recursiveRef", "patternProperties")
"""What `unevaluatedProperties` would follow by itself, so that it is not asked beside these."""

_OF_ANY_DRAFT = frozenset({"const", "dependencies", "$dynamicRef", "$recursiveRef"})
"""Keywords that tool definitions use whatever draft they are in."""

_ANY_FORMAT = FormatChecker(formats=())

Keyword = Callable[[Any, Any, Any, Any], Iterable[Any] | None]
"""The check of a keyword as `jsonschema` calls it: with a validator, what the keyword says, the
value, and the schema that the keyword stands in; it gives errors."""


class Untold(Exception):
    """Part of a schema cannot be held against a value; the text says why."""


class GivenUp(Exception):
    """Too much work for one value; the text says of what."""


@dataclass(slots=True)
class _Run:
    """One value while it is held against a schema."""

    steps: int = 0
    depth: int = 0
    choices: int = 0
    """How many of the keywords around this one do not ask all their parts to fit."""

    untold: list[str] = field(default_factory=list)

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > _STEPS:
            raise GivenUp("it takes too many steps to hold the value against its schema")


class Checker:
    """A schema ready to be asked. It says of a value the same whatever it was asked before.

    Raises:
        Untold: this is no schema by any known draft.
    """

    def __init__(self, schema: dict[str, JsonValue], *, stated: JsonValue) -> None:
        self._schema = schema
        self._run = _Run()
        self._patterns: dict[str, Any] = {}
        self._referred: dict[str, Any] = {}
        self._meta = _draft_of(schema, stated)
        self._draft = extend(
            self._meta,
            validators={
                name: self._bounded(name, check)
                for name, check in {**self._meta.VALIDATORS, **self._own_keywords()}.items()
                if name in self._meta.VALIDATORS or name in _OF_ANY_DRAFT
            },
            type_checker=Draft202012Validator.TYPE_CHECKER,
        )
        self._elsewhere = _names(schema) & set(_ELSEWHERE)

    def ask(self, value: JsonValue) -> tuple[list[ValidationError], list[str]]:
        """What is wrong with a value, and what cannot be told of it."""
        self._run = run = _Run()
        errors: list[ValidationError] = []
        try:
            # An empty registry has no way to fetch anything.
            errors.extend(self._draft(self._schema, registry=Registry()).iter_errors(value))
        except (GivenUp, Untold) as reason:
            run.untold.append(str(reason))
        return errors, list(dict.fromkeys(run.untold))

    def _bounded(self, name: str, check: Keyword) -> Keyword:
        """The keyword, with its steps counted and what it cannot tell written down."""
        chooses = name not in _JOINED

        def asked(validator: Any, said: Any, value: Any, schema: Any) -> Iterable[Any]:
            run = self._run
            run.spend(1)
            run.depth += 1
            run.choices += chooses
            try:
                if run.depth > _DEPTH:
                    raise GivenUp("the schema refers to itself too many times")
                return list(check(validator, said, value, schema) or ())
            except Untold as reason:
                if run.choices > chooses:
                    raise
                run.untold.append(str(reason))
                return []
            finally:
                run.depth -= 1
                run.choices -= chooses

        return asked

    def _own_keywords(self) -> dict[str, Keyword]:
        here = Draft202012Validator.VALIDATORS
        return {
            "const": here["const"],
            "dependencies": Draft7Validator.VALIDATORS["dependencies"],
            "$ref": self._ref,
            "$dynamicRef": self._elsewhere_only,
            "$recursiveRef": self._elsewhere_only,
            "additionalProperties": self._additional,
            "enum": self._enum,
            "format": _format,
            "multipleOf": _multiple_of,
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "required": _required,
            "unevaluatedItems": self._unevaluated(here["unevaluatedItems"]),
            "unevaluatedProperties": self._unevaluated(here["unevaluatedProperties"]),
            "uniqueItems": self._unique(here["uniqueItems"]),
        }

    def _ref(self, validator: Any, said: Any, value: Any, _schema: Any) -> Iterator[Any]:
        if not isinstance(said, str) or not (said == "#" or said.startswith("#/")):
            raise Untold(f"its schema refers to {_quoted(said)}, which is outside of it")
        if said not in self._referred:
            self._referred[said] = self._find(said)
        yield from validator.descend(value, self._referred[said])

    def _find(self, said: str) -> JsonValue:
        """The part of the schema that a `#/…` reference names."""
        found: Any = self._schema
        for part in said.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            index = count_of(name)
            if isinstance(found, list) and index is not None and index < len(found):
                found = found[index]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise Untold(f"its schema refers to {_quoted(said)}, which is not in it")
        if said != "#" and not _is_schema(self._meta, found):
            raise Untold(f"its schema refers to {_quoted(said)}, which is no schema")
        return found  # type: ignore[no-any-return]

    def _elsewhere_only(self, _validator: Any, said: Any, _value: Any, _schema: Any) -> None:
        raise Untold(f"its schema refers to {_quoted(said)} by a dynamic reference")

    def _matches(self, pattern: str, text: str) -> bool:
        if pattern not in self._patterns:
            options = re2.Options()
            options.log_errors = False
            options.max_mem = _PATTERN_MEMORY
            try:
                self._patterns[pattern] = re2.compile(well_formed(pattern), options)
            except re2.error:
                self._patterns[pattern] = None
        compiled = self._patterns[pattern]
        if compiled is None:
            raise Untold(f"its schema has the pattern {_quoted(pattern)}, which RE2 cannot run")
        return compiled.search(well_formed(text)) is not None

    def _pattern(self, validator: Any, said: Any, value: Any, _schema: Any) -> Iterator[Any]:
        if validator.is_type(value, "string") and not self._matches(said, value):
            yield ValidationError("does not match its pattern")

    def _pattern_properties(
        self, validator: Any, said: Any, value: Any, _schema: Any
    ) -> Iterator[Any]:
        if validator.is_type(value, "object"):
            for pattern, below in said.items():
                for name in [name for name in value if self._matches(pattern, name)]:
                    yield from validator.descend(value[name], below, path=name)

    def _additional(self, validator: Any, said: Any, value: Any, schema: Any) -> Iterator[Any]:
        if not validator.is_type(value, "object"):
            return
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        self._run.spend(len(value) * len(patterns))
        for name in value:
            if name in known or any(self._matches(pattern, name) for pattern in patterns):
                continue
            if said is False:
                yield ValidationError("is no field of it", path=[name])
            else:
                yield from validator.descend(value[name], said, path=name)

    def _enum(self, validator: Any, said: Any, value: Any, schema: Any) -> Iterable[Any] | None:
        self._run.spend(len(said) // _SORTED)
        found: Iterable[Any] | None = Draft202012Validator.VALIDATORS["enum"](
            validator, said, value, schema
        )
        return found

    def _unique(self, check: Keyword) -> Keyword:
        def unique(validator: Any, said: Any, value: Any, schema: Any) -> Iterable[Any] | None:
            if validator.is_type(value, "array"):
                plain = all(isinstance(item, str) for item in value)
                self._run.spend(len(value) if plain else len(value) ** 2 // _SORTED)
            return check(validator, said, value, schema)

        return unique

    def _unevaluated(self, check: Keyword) -> Keyword:
        def left(validator: Any, said: Any, value: Any, schema: Any) -> Iterable[Any] | None:
            if self._elsewhere:
                beside = " and ".join(sorted(self._elsewhere))
                raise Untold(f"its schema forbids what is unevaluated beside {beside}")
            return check(validator, said, value, schema)

        return left


def _required(validator: Any, said: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "object"):
        for name in said:
            if name not in value:
                yield ValidationError("is required and absent", path=[name])


def _format(validator: Any, said: Any, value: Any, _schema: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not has_format(value, said):
        yield ValidationError(f"is no {said}")


def _multiple_of(validator: Any, said: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Numbers are taken as they are written, since 19.99 / 0.01 is not whole in binary."""
    if not validator.is_type(value, "number"):
        return
    whole = value - value == 0 and Fraction(str(value)) % Fraction(str(said)) == 0
    if not whole:
        yield ValidationError("is no multiple")


def _draft_of(schema: dict[str, JsonValue], stated: JsonValue) -> Any:
    """The draft that a schema states, else the newest one by whose rules it is a schema."""
    named = {"$schema": stated} if isinstance(stated, str) else {}
    first = validator_for(named, default=Draft202012Validator)
    for draft in (first, Draft202012Validator, Draft7Validator, Draft4Validator):
        if _is_schema(draft, schema):
            return draft
    raise Untold("its schema is not valid JSON Schema")


def _is_schema(draft: Any, schema: JsonValue) -> bool:
    try:
        draft.check_schema(schema, format_checker=_ANY_FORMAT)
    except SchemaError:
        return False
    return True


def _names(schema: JsonValue) -> set[str]:
    """Every field name anywhere in a schema."""
    found, pending = set[str](), [schema]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            found.update(one)
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return found


def _quoted(said: object) -> str:
    return repr(str(said)[:60])
