"""A taxonomy is data: categories that map onto the five labels, and faults onto categories.

The built-in ones are `default` (the five labels themselves), `trail`, `mast` and `agentrx`; a
user's own is a YAML or JSON file of the same shape, given by path. A file that does not hold
together is refused with the place and the reason.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from investigator.errors import UsageError
from investigator.ground.canonical_json import sha256_text
from investigator.ground.near_names import did_you_mean
from investigator.ground.placeholders import require_placeholders
from investigator.rca.report import Label
from investigator.readings.faults import Fault

PLACEHOLDERS = ("agent", "span_id")
"""What a remediation may name."""

BUILT_IN_TAXONOMIES = ("default", "trail", "mast", "agentrx")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader; in C where PyYAML was built with it, which takes a tenth of the time."""


class Category(BaseModel):
    """One category.

    `remediation`, where it is given, stands in place of the advice that goes with the fault; it
    may name `{agent}` and `{span_id}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    label: Label
    title: str = Field(min_length=1)
    description: str
    remediation: str | None = Field(default=None, min_length=1)
    aliases: tuple[str, ...] = ()

    @field_validator("remediation")
    @classmethod
    def _known_placeholders(cls, template: str | None) -> str | None:
        return template and require_placeholders(template, PLACEHOLDERS)


class Taxonomy(BaseModel):
    """Categories in the order of the file, and the category of every fault.

    `default` is that of faults that the file does not name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: str
    description: str = ""
    categories: tuple[Category, ...] = Field(min_length=1)
    faults: dict[Fault, str]
    default: str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Taxonomy:
        names = [name for c in self.categories for name in (c.id, *c.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"category {twice[0]!r} is defined twice")
        known = {category.id for category in self.categories}
        stray = sorted(f"{f.value}: {c}" for f, c in self.faults.items() if c not in known)
        if stray:
            raise ValueError(f"faults: {stray[0]!r} names no category of this taxonomy")
        if self.default is not None and self.default not in known:
            raise ValueError(f"default: {self.default!r} names no category of this taxonomy")
        missing = sorted(fault.value for fault in Fault if fault not in self.faults)
        if missing and self.default is None:
            raise ValueError(
                f"faults: no category for {', '.join(missing)}; name it, or give a default"
            )
        return self

    @cached_property
    def _by_name(self) -> dict[str, Category]:
        return {name: c for c in self.categories for name in (c.id, *c.aliases)}

    def category(self, name: str) -> Category | None:
        """The category of that id or alias; None where there is none."""
        return self._by_name.get(name)

    @cached_property
    def content_hash(self) -> str:
        """sha256 of all that it says; a run is not continued under another."""
        return sha256_text(self.model_dump_json())

    def category_of(self, fault: Fault) -> Category:
        """The category of a fault."""
        return self._by_name[self.faults.get(fault, self.default or "")]


def load_taxonomy(name_or_path: str | Path) -> Taxonomy:
    """A built-in taxonomy by name, or a user's own by path (YAML or JSON).

    Raises:
        UsageError: no such taxonomy, not readable, not YAML (with its line), or not a taxonomy
            (with the field and what to do).
    """
    if str(name_or_path) in BUILT_IN_TAXONOMIES:
        return _built_in(str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        meant = did_you_mean(str(name_or_path), BUILT_IN_TAXONOMIES)
        raise UsageError(
            f"no taxonomy {str(name_or_path)!r}{meant}: it is neither a built-in one "
            f"({', '.join(BUILT_IN_TAXONOMIES)}) nor a file"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"taxonomy {path} cannot be read: {error}") from error
    return _parse(text, where=str(path))


@lru_cache(maxsize=len(BUILT_IN_TAXONOMIES))
def _built_in(name: str) -> Taxonomy:
    file = resources.files("investigator.rca") / "taxonomies" / f"{name}.yaml"
    return _parse(file.read_text(encoding="utf-8"), where=name)


def _parse(text: str, *, where: str) -> Taxonomy:
    try:
        content = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise UsageError(f"taxonomy {where} is not YAML or JSON: {_place(error)}") from error
    if not isinstance(content, dict):
        raise UsageError(
            f"taxonomy {where} isn't a mapping; it needs name, version, categories and faults "
            "(see the built-in ones for an example)"
        )
    try:
        return Taxonomy.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors()[:5])
        raise UsageError(f"taxonomy {where} is invalid: {problems}") from error


def _problem(place: tuple[int | str, ...], message: str) -> str:
    reason = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {reason}" if place else reason


def _place(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return str(error)
