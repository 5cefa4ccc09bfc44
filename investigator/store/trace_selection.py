"""Which traces are meant: of a project, with a span in a window, with a span that matches.

A selection is a condition over the spans of a trace taken together, the same whoever asks.
"""

from __future__ import annotations

from typing import NamedTuple

from investigator.store.filter_parser import parse_filter
from investigator.store.filter_sql import compile_filter

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class TraceSelection(NamedTuple):
    """Traces that have a span in `[start_ns, end_ns)` and pass the filter; None leaves it open."""

    project_name: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    filter_expr: str | None = None


EVERY_TRACE = TraceSelection()


class Conditions(NamedTuple):
    """A selection as SQL over the spans of one trace, with its parameters."""

    sql: str
    parameters: tuple[object, ...]


def conditions(selection: TraceSelection, *, first: int) -> Conditions:
    """The selection in a `having` clause whose parameters are numbered from `first`.

    Raises:
        FilterSyntaxError: the filter does not parse.
    """
    parameters: list[object] = []
    parts = ["true"]
    if selection.start_ns is not None or selection.end_ns is not None:
        parameters += [_LOWEST if selection.start_ns is None else selection.start_ns]
        parameters += [_HIGHEST if selection.end_ns is None else selection.end_ns]
        parts.append(f"bool_or(start_ns >= ${first} and start_ns < ${first + 1})")
    if selection.filter_expr is not None:
        place = first + len(parameters)
        compiled = compile_filter(parse_filter(selection.filter_expr), first=place)
        parameters += compiled.parameters
        parts.append(f"bool_or({compiled.predicate})")
    if selection.project_name is not None:
        parts.append(f"bool_or(project_name = ${first + len(parameters)})")
        parameters.append(selection.project_name)
    return Conditions(" and ".join(parts), tuple(parameters))
