"""A plug-in is one value of a known type, found by entry point; a broken one is named and skipped.

Engines, formats, signals, checks and model providers are extended alike: a package that is
installed beside the Investigator names its value under the entry point group of its kind. A value
has a name that no other of its kind has; where two plug-ins claim one name, the first by entry
point name keeps it. `INVESTIGATOR_NO_PLUGINS=1` (what `--no-plugins` sets) leaves all of them
out, in the worker processes of a batch too.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

SWITCH = "INVESTIGATOR_NO_PLUGINS"
PREFIX = "investigator."
GROUPS = tuple(PREFIX + kind for kind in ("engines", "formats", "signals", "checks", "models"))


class Named(Protocol):
    """What every kind of plug-in is: something with a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T")
NamedT = TypeVar("NamedT", bound=Named)


class PlugInWarning(UserWarning):
    """A plug-in cannot be used and is left out. Raised once a process."""


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
    """The usable values of a group with their plug-ins, in order, and what is broken."""

    values: tuple[tuple[PlugIn, T], ...] = ()
    broken: tuple[Broken, ...] = ()


def plugins(
    group: str,
    kind: type[NamedT],
    taken: Iterable[str] = (),
    problem: Callable[[NamedT], str | None] | None = None,
) -> Loaded[NamedT]:
    """The plug-ins of a group that are a `kind`; none where plug-ins are left out.

    `taken` are names that no plug-in can have. `problem` is a function of a module that says
    what keeps a value from being used.
    """
    if os.environ.get(SWITCH):
        return Loaded()
    found: Loaded[NamedT] = _loaded(group, kind, tuple(taken), problem)
    return found


_failed: dict[PlugIn, Broken] = {}
"""What failed in this process when it was used; of several failures of a plug-in the first."""


def report_failure(broken: Broken) -> None:
    """Note that a plug-in failed when it was used, and was passed over."""
    _failed.setdefault(broken.plugin, broken)


def failed_plugins() -> tuple[Broken, ...]:
    """What was passed over in this process so far, in order of name."""
    return tuple(broken for _, broken in sorted(_failed.items()))


@dataclass(frozen=True, slots=True)
class Registry(Generic[NamedT]):
    """All values of one kind: those built in, made when they are first asked for, and plug-ins."""

    group: str
    kind: type[NamedT]
    built_in: Callable[[], Sequence[NamedT]]

    def loaded(self) -> Loaded[NamedT]:
        """The plug-ins; none has the name of a built-in value."""
        return plugins(self.group, self.kind, [value.name for value in self.built_in()])

    def by_name(self) -> Mapping[str, NamedT]:
        """Every value by name, those built in first."""
        added = (value for _, value in self.loaded().values)
        return {value.name: value for value in (*self.built_in(), *added)}


def installed() -> tuple[PlugIn, ...]:
    """Every plug-in that is installed, whether or not it can be used, without loading any."""
    if os.environ.get(SWITCH):
        return ()
    return tuple(sorted(map(_origin, _points())))


@cache
def _points() -> tuple[EntryPoint, ...]:
    """The entry points of all groups, by group and name."""
    every = entry_points()
    found = [point for group in GROUPS for point in every.select(group=group)]
    return tuple(sorted(found, key=lambda point: (point.group, point.name, point.value)))


@cache
def _loaded(
    group: str,
    kind: type[Any],
    taken: tuple[str, ...],
    problem: Callable[[Any], str | None] | None,
) -> Loaded[Any]:
    values: list[tuple[PlugIn, Any]] = []
    broken: list[Broken] = []
    names = set(taken)
    for point in _points():
        if point.group != group:
            continue
        origin = _origin(point)
        try:
            value = point.load()
            reason = _unusable(value, point, kind, names) or (problem(value) if problem else None)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a boundary: one plug-in)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
        if reason is None:
            names.add(value.name)
            values.append((origin, value))
        else:
            broken.append(Broken(origin, reason))
            warnings.warn(str(broken[-1]), PlugInWarning, stacklevel=2)
    return Loaded(tuple(values), tuple(broken))


def _unusable(value: object, point: EntryPoint, kind: type[Any], taken: set[str]) -> str | None:
    """Why a value cannot be used; None where it can."""
    if not isinstance(value, kind):
        return f"{point.value} is of type {type(value).__name__}, not {kind.__name__}"
    name = value.name
    return f"the name '{name}' is taken" if name in taken else None


def _origin(point: EntryPoint) -> PlugIn:
    package = point.dist
    if package is None:
        return PlugIn(point.group, point.name, "unknown", "0")
    return PlugIn(point.group, point.name, package.name, package.version)
