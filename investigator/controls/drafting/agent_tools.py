"""The tools of an agent as its traces show them: those it was offered and those it called.

A policy seldom names a tool. Whoever turns its sentences into checks on calls needs the names, the
arguments, and how often each was called; nothing else of a trace is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from investigator.controls.checks.chosen_calls import is_named
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.ground.redaction import Redactor
from investigator.ground.visible import one_visible_line
from investigator.ground.wording import counted, times
from investigator.readings.json_schema import argument_names
from investigator.readings.reading import Readings
from investigator.traces.model import Trace
from investigator.traces.openinference import tool_definitions_of

MOST_SHOWN_TRACES = 200
"""So many traces show the tools of an agent; more would show the same."""

_MOST_TOOLS = 60
_ARGUMENTS = 12
_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class AgentTool:
    """One tool: its arguments, as far as they are known, and how often it was called."""

    name: str
    arguments: tuple[str, ...]
    calls: int

    @property
    def line(self) -> str:
        """It as a model is told of it."""
        more = ", …" if len(self.arguments) > _ARGUMENTS else ""
        called = f"called {times(self.calls)}" if self.calls else "offered, never called"
        return f"{self.name}({', '.join(self.arguments[:_ARGUMENTS])}{more}): {called}"


def agent_tools(traces: Iterable[Trace], redactor: Redactor) -> tuple[AgentTool, ...]:
    """The tools in these traces, the most called first."""
    arguments: dict[str, dict[str, None]] = {}
    calls: Counter[str] = Counter()
    for trace in traces:
        for span in trace.spans:
            for offered in tool_definitions_of(span):
                if offered.name:
                    named = arguments.setdefault(offered.name, {})
                    named.update(dict.fromkeys(argument_names(offered.json_schema)))
        for attempt in Readings(trace, redactor).view.attempts:
            if attempt.tool:
                calls[attempt.tool] += 1
                given = embedded_json(attempt.arguments)
                arguments.setdefault(attempt.tool, {}).update(_keys(given))

    def shown(text: str) -> str:
        return one_visible_line(redactor.redact(text).text, _NAME_CHARS)

    found = sorted(arguments, key=lambda name: (-calls[name], name))
    return tuple(
        AgentTool(shown(name), tuple(map(shown, arguments[name])), calls[name])
        for name in found[:_MOST_TOOLS]
    )


def unknown_pattern(patterns: Iterable[str], tools: Iterable[AgentTool]) -> str | None:
    """What names no tool that there is, and which there are; None where each names one."""
    names = [tool.name for tool in tools]
    for pattern in patterns:
        if not any(is_named(name, (pattern,)) for name in names):
            told = ", ".join(names)
            return f"no tool of the agent is called '{pattern}'; there are: {told}"
    return None


def told_tools(tools: Iterable[AgentTool]) -> str:
    """The tools, a line each, under a heading; empty for none."""
    lines = [tool.line for tool in tools]
    if not lines:
        return ""
    return "\n".join((f"Tools of the agent ({counted(len(lines), 'tool')} in its traces):", *lines))


def _keys(given: JsonValue) -> dict[str, None]:
    return dict.fromkeys(given) if isinstance(given, dict) else {}
