"""A plug-in is one value of a known type, found by entry point; a broken one is named and skipped.

Engines, formats, signals, checks and model providers are extended alike: a package that is
installed beside the Investigator names its value under the entry point group of its kind.
`INVESTIGATOR_NO_PLUGINS=1` (what `--no-plugins` sets) leaves all of them out, in the worker
processes of a batch too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

SWITCH = "INVESTIGATOR_NO_PLUGINS"
PREFIX = "investigator."
GROUPS = tuple(PREFIX + kind for kind in ("engines", "formats", "signals", "checks", "models"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class PlugIn:
    """Where a value came from: the distribution that brings it, and its version."""

    group: str
    name: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.group.removeprefix(PREFIX)}/{self.name} ({self.package} {self.version})"


@dataclass(frozen=True, slots=True)
class Broken:
    """A plug-in that could not be used, and why."""

    plugin: PlugIn
    reason: str

    def __str__(self) -> str:
        return f"plug-in {self.plugin} is left out: {self.reason}"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """The usable values of a group by name, in order of the names, and what is broken."""

    values: tuple[tuple[PlugIn, T], ...]
    broken: tuple[Broken, ...]


def plugins(group: str, kind: type[T]) -> Loaded[T]:
    """The plug-ins of a group that are a `kind`; none where plug-ins are left out."""
    if os.environ.get(SWITCH):
        return Loaded((), ())
    found: Loaded[T] = _loaded(group, kind)  # type: ignore[arg-type]  # a type is hashable
    return found


def installed() -> tuple[PlugIn, ...]:
    """Every plug-in that is installed, whether or not it can be used, without loading any."""
    if os.environ.get(SWITCH):
        return ()
    return tuple(sorted(_origin(point) for group in GROUPS for point in entry_points(group=group)))


@lru_cache(maxsize=len(GROUPS) * 2)
def _loaded(group: str, kind: type[Any]) -> Loaded[Any]:
    values: list[tuple[PlugIn, Any]] = []
    broken: list[Broken] = []
    for point in sorted(entry_points(group=group), key=lambda one: (one.name, one.value)):
        origin = _origin(point)
        try:
            value = point.load()
        except Exception as error:  # noqa: BLE001 (a boundary: one plug-in)
            broken.append(Broken(origin, f"{type(error).__name__}: {error}"))
            continue
        if isinstance(value, kind):
            values.append((origin, value))
        else:
            found = type(value).__name__
            broken.append(Broken(origin, f"{point.value} is a {found}, not a {kind.__name__}"))
    return Loaded(tuple(values), tuple(broken))


def _origin(point: EntryPoint) -> PlugIn:
    package = point.dist
    if package is None:
        return PlugIn(point.group, point.name, "unknown", "0")
    return PlugIn(point.group, point.name, package.name, package.version)
