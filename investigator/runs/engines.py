"""The engines that there are: the three built in, and those of plug-ins.

A built-in engine is imported when it is first asked for, so that a command pays for its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from investigator.errors import UsageError
from investigator.ground.near_names import did_you_mean
from investigator.ground.plugins import Loaded, installed, plugins

if TYPE_CHECKING:
    from investigator.inspection.engine import Engine

_GROUP = "investigator.engines"

BUILT_IN_ENGINES = {
    "rca": "Find the root cause of a failed trace.",
    "compliance": "Check a trace against a library of controls.",
    "incident": "Say what happened in a window of traces, and what changed.",
}
"""The engines of this package, each the `ENGINE` of a room of its name, with what they do.

So the help of the command line can name them without importing them.
"""

COMMANDS = (
    *("agreement", "annotate", "baseline", "completion", "controls", "demo", "ingest"),
    *("issues", "mcp", "report", "runs", "scan", "show", "steps", "traces"),
)
"""Commands that ask no engine: an engine of such a name could not be called."""
RUN_TYPES = ("incident_dossier", "policy_compliance")
"""The run types of built-in engines that are not their names."""

AnyEngine: TypeAlias = "Engine[Any]"


def engine_names() -> tuple[str, ...]:
    """The names of all engines, those built in first."""
    return (*BUILT_IN_ENGINES, *_from_plugins())


def engine_named(name: str) -> AnyEngine:
    """An engine by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name in BUILT_IN_ENGINES:
        return _built_in(name)
    found = _from_plugins().get(name)
    if found is None:
        meant = did_you_mean(name, engine_names())
        raise UsageError(
            f"no engine '{name}'{meant}; there are: {', '.join(engine_names())} (a plug-in that "
            "brought it may be missing or left out)"
        )
    return found


def engine_of_run(run_type: str) -> AnyEngine:
    """The engine whose runs are of that type.

    Raises:
        UsageError: there is none.
    """
    found = next((engine for engine in _engines() if engine.run_type == run_type), None)
    if found is None:
        raise UsageError(f"no engine here makes runs of type '{run_type}'; install its plug-in")
    return found


def _engines() -> Iterator[AnyEngine]:
    yield from map(_built_in, BUILT_IN_ENGINES)
    yield from _from_plugins().values()


@cache
def _built_in(name: str) -> AnyEngine:
    engine: AnyEngine = import_module(f"investigator.{name}").ENGINE
    return engine


def plugin_engines() -> Loaded[AnyEngine]:
    """The engines of plug-ins, and what is wrong with those that cannot be used."""
    if not any(plugin.group == _GROUP for plugin in installed()):
        return Loaded()  # what an engine is need not be known then
    from investigator.inspection.engine import Engine

    taken = (*BUILT_IN_ENGINES, *RUN_TYPES, *COMMANDS)
    return plugins(_GROUP, Engine, taken, _problem)


def _problem(engine: AnyEngine) -> str | None:
    """Why an engine's runs could not be told from those of others; None where they can."""
    for what, found in (("run_type", engine.run_type), ("question", engine.question.engine)):
        if found != engine.name:
            return f"its {what} is of '{found}', and its name is '{engine.name}'"
    return None


def _from_plugins() -> dict[str, AnyEngine]:
    return {engine.name: engine for _, engine in plugin_engines().values}
