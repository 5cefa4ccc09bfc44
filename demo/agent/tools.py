"""A tool is a function with a JSON schema; what a model hands it is checked before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.agent.clock import VirtualClock
from demo.agent.transport import HttpClient
from investigator.ground.canonical_json import JsonValue

Arguments = Mapping[str, JsonValue]
Schema = Mapping[str, JsonValue]

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class InvalidArgumentsError(ValueError):
    """Arguments are not what the tool's schema says."""


class ToolTimeoutError(RuntimeError):
    """A tool ran longer than it may."""


class UnknownToolError(LookupError):
    """No tool has that name."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a tool may use: a client of the services, and time."""

    http: HttpClient
    clock: VirtualClock


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool."""

    name: str
    type: str
    description: str
    pattern: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, JsonValue]:
        """Its JSON schema."""
        said: dict[str, JsonValue] = {"type": self.type, "description": self.description}
        if self.pattern is not None:
            said["pattern"] = self.pattern
        if self.choices:
            said["enum"] = list(self.choices)
        return said

    def problem(self, value: JsonValue) -> str | None:
        """Why `value` is not one of these."""
        flag = isinstance(value, bool) and self.type != "boolean"
        if flag or not isinstance(value, _TYPES[self.type]):
            return f"'{self.name}' must be of type {self.type}, not {value!r}"
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            return f"'{self.name}' is {value!r}, which does not match {self.pattern}"
        if self.choices and value not in self.choices:
            return f"'{self.name}' is {value!r}, not one of {', '.join(self.choices)}"
        return None


Run = Callable[[Bench, Arguments], JsonValue]


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model is offered, and what runs. `run` returns text or JSON."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    run: Run
    limit_s: float = 20.0

    @property
    def definition(self) -> dict[str, JsonValue]:
        """As model APIs are told of it."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": {p.name: p.schema for p in self.parameters},
                    "required": [p.name for p in self.parameters],
                },
            },
        }

    def call(self, bench: Bench, arguments: Arguments) -> JsonValue:
        """Check the arguments, run, and keep to the time limit.

        Raises:
            InvalidArgumentsError: with every problem of the arguments.
            ToolTimeoutError: it took longer than `limit_s`.
        """
        if problems := self._problems(arguments):
            raise InvalidArgumentsError(f"{self.name}: {'; '.join(problems)}")
        started = bench.clock.now_ns
        result = self.run(bench, arguments)
        if bench.clock.now_ns - started > self.limit_s * 1e9:
            raise ToolTimeoutError(f"{self.name} did not finish within {self.limit_s:.0f} s")
        return result

    def _problems(self, arguments: Arguments) -> list[str]:
        known = {p.name for p in self.parameters}
        missing = [f"missing argument '{n}'" for n in sorted(known - set(arguments))]
        extra = [f"unexpected argument '{n}'" for n in sorted(set(arguments) - known)]
        wrong = [
            problem
            for p in self.parameters
            if p.name in arguments and (problem := p.problem(arguments[p.name]))
        ]
        return [*missing, *extra, *wrong]


def fetched(path: str) -> Run:
    """A tool that gets `path` (with arguments in braces) from the service, as the text it is."""

    def run(bench: Bench, arguments: Arguments) -> JsonValue:
        return bench.http.get(path.format(**arguments))

    return run
