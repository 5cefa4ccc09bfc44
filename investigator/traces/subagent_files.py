"""A subagent that was written as a trace of its own stands below the call that started it.

The call names the subagent's trace, or the subagent names the trace that started it. Where both
are among what is written together, the subagent's spans go into that trace, their ids behind its
name, and what had no parent stands below the call. What is named and not there is told. A trace
that would stand below itself stays as it is.

The scratch table is `spans`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from investigator.traces.databases import Scratch
from investigator.traces.model import Span

SUBAGENT_TRACE = "source.subagent.trace"
"""On a call: the trace of the subagent that it started."""

STARTED_BY = "source.started_by.trace"
"""On a span of a subagent: the trace that started it."""

_NAMED = 20
"""Subagents that are named in messages; the rest are counted."""


class SubagentReference(NamedTuple):
    """A trace, the span of the call in it where that is known, and the subagent's trace."""

    above: str
    call: str | None
    below: str


def reference_in(span: Span) -> SubagentReference | None:
    """What a span says of a subagent in another trace; None where it says nothing."""
    below, above = span.attributes.get(SUBAGENT_TRACE), span.attributes.get(STARTED_BY)
    if isinstance(below, str) and below != span.trace_id:
        return SubagentReference(span.trace_id, span.span_id, below)
    if isinstance(above, str) and above != span.trace_id:
        return SubagentReference(above, None, span.trace_id)
    return None


def join_subagents(con: Scratch, references: Sequence[SubagentReference]) -> tuple[str, ...]:
    """Move the spans of subagents below their calls; returns what is missing, for people."""
    if not references:
        return ()
    there = _there(con, {name for one in references for name in (one.above, one.below)})
    above: dict[str, SubagentReference] = {}
    for one in sorted(references, key=lambda one: one.call is None):
        if one.above in there and one.below in there:
            above.setdefault(one.below, one)
    moved = {below: root for below in above if (root := _root(below, above)) is not None}
    if moved:
        rows = [(below, root, _place(above[below], moved)) for below, root in moved.items()]
        _move(con, rows)
    return _missing(con, references, there)


def _there(con: Scratch, names: Iterable[str]) -> set[str]:
    found = con.execute(
        "select distinct trace_id from spans where trace_id in (select unnest($1::varchar[]))",
        [list(names)],
    )
    return {str(row[0]) for row in found.fetchall()}


def _root(below: str, above: Mapping[str, SubagentReference]) -> str | None:
    """The trace that a subagent stands in at last; None where it stands below itself."""
    seen, at = {below}, above[below].above
    while at in above:
        if at in seen:
            return None
        seen.add(at)
        at = above[at].above
    return at


def _prefix(below: str) -> str:
    return f"agent-{below}/"


def _place(one: SubagentReference, moved: Mapping[str, str]) -> str | None:
    """The id of the call, which stands behind a name too where its own trace is moved."""
    if one.call is None:
        return None
    return f"{_prefix(one.above)}{one.call}" if one.above in moved else one.call


def _move(con: Scratch, rows: Sequence[tuple[str, str, str | None]]) -> None:
    con.execute(
        "create or replace temp table moved as select unnest($1::varchar[]) as below,"
        " unnest($2::varchar[]) as root, unnest($3::varchar[]) as call",
        [list(column) for column in zip(*rows, strict=True)],
    )
    # A verdict on a subagent's whole trace is one on its call, not on the run that started it.
    con.execute(
        "update spans set trace_id = moved.root,"
        " span_id = case when span_id is null then moved.call"
        " else concat('agent-', moved.below, '/', span_id) end,"
        " parent_id = case when kind = 'EVALUATION' then null"
        " when parent_id is null then moved.call"
        " else concat('agent-', moved.below, '/', parent_id) end"
        " from moved where spans.trace_id = moved.below"
    )


def _missing(
    con: Scratch, references: Sequence[SubagentReference], there: set[str]
) -> tuple[str, ...]:
    """The subagents, and the runs that started one, whose spans are in nothing that was read."""
    lost = dict.fromkeys(
        f"subagent '{one.below}' of trace '{one.above}' is in no file that was read"
        if one.below not in there
        else f"trace '{one.above}', which started '{one.below}', is in no file that was read"
        for one in references
        if not (one.below in there and one.above in there) and not _moved_before(con, one)
    )
    named = list(lost)[:_NAMED]
    more = len(lost) - len(named)
    return (*named, f"and {more:,} more subagents") if more else tuple(named)


def _moved_before(con: Scratch, one: SubagentReference) -> bool:
    """Whether a canonical file already has the subagent below its call."""
    found = con.execute(
        "select 1 from spans where starts_with(span_id, $1) limit 1", [_prefix(one.below)]
    )
    return bool(found.fetchall())
