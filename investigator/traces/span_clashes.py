"""Spans of several files that share their ids are told apart before they are written.

A trace may be spread over files, so a trace id that two files have says nothing. Where half or more
of what a file says of a trace contradicts what the first file says of the same span ids, it is
another trace: exporters that count from one give every run the same ids. It is then called after
its file. A span that stands twice, word for word, is kept once. What still shares an id differs
within one trace: all of it is kept, and `Trace` reads the first. All three are said.

The scratch table is `spans` with a column `part`, the number of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from investigator.ground.wording import counted
from investigator.traces.databases import Scratch

_CONTENT = "parent_id, name, kind, start_ns, end_ns, status, status_message, attributes, events"
_IS_SPAN = "kind <> 'EVALUATION'"
"""Verdicts stand in the table too, and go with the spans of their file."""
_NAMED = 20
"""Traces of each sort that are named; the rest are counted."""


def settle_clashes(con: Scratch, files: Sequence[str]) -> tuple[str, ...]:
    """Tell apart, keep once or leave what shares an id; returns what was done, for people."""
    if not _find_shared(con):
        return ()
    renamed = _rename(con, files)
    if renamed and not _find_shared(con):
        return tuple(renamed)
    return (*renamed, *_keep_once(con), *_left(con))


def _find_shared(con: Scratch) -> bool:
    """Collect the versions of each span whose id another span of its trace has."""
    con.execute(
        "create or replace temp table shared as select trace_id, span_id from spans"
        f" where {_IS_SPAN} group by all having count(*) > 1"
    )
    if not con.execute("select 1 from shared limit 1").fetchall():
        return False
    con.execute(
        "create or replace temp table versions as"
        f" select rowid as place, part, trace_id, span_id, hash({_CONTENT}) as content"
        f" from spans semi join shared using (trace_id, span_id) where {_IS_SPAN}"
    )
    return True


def _rename(con: Scratch, files: Sequence[str]) -> list[str]:
    """Give the traces of later files that contradict the first one an id of their own."""
    rows = con.execute(
        f"""
        with sizes as (
            select trace_id, part, count(*) as size, min(part) over (partition by trace_id) as first
            from spans semi join shared using (trace_id) where {_IS_SPAN}
            group by trace_id, part),
        versions_of_parts as (
            select trace_id, span_id, part, arg_min(content, place) as content
            from versions group by all)
        select sizes.trace_id, sizes.part, any_value(sizes.first), count(*)
        from sizes
        join versions_of_parts as own using (trace_id, part)
        join versions_of_parts as known on known.trace_id = own.trace_id
            and known.span_id = own.span_id and known.part = sizes.first
        where sizes.part > sizes.first and own.content <> known.content
        group by sizes.trace_id, sizes.part
        having 2 * count(*) >= any_value(sizes.size)
        order by sizes.part, sizes.trace_id
        """
    ).fetchall()
    if not rows:
        return []
    con.execute("create or replace temp table renamed(trace_id varchar, part int, own varchar)")
    wanted = [f"{Path(files[part]).stem}/{trace_id}" for trace_id, part, *_ in rows]
    names = _own_names(con, wanted)
    con.execute(
        "insert into renamed"
        " select unnest($1::varchar[]), unnest($2::int[]), unnest($3::varchar[])",
        [[row[0] for row in rows], [row[1] for row in rows], names],
    )
    con.execute(
        "update spans set trace_id = renamed.own from renamed"
        " where spans.trace_id = renamed.trace_id and spans.part = renamed.part"
    )
    said = [
        f"{files[part]}: {counted(spans, 'span')} of trace '{trace_id}' contradict"
        f"{'s' if spans == 1 else ''} those of {files[first]}; the trace is '{name}' here"
        for (trace_id, part, first, spans), name in zip(rows[:_NAMED], names, strict=False)
    ]
    return (
        [*said, f"and {counted(len(rows) - _NAMED, 'more trace')}"] if len(rows) > _NAMED else said
    )


def _own_names(con: Scratch, wanted: Sequence[str]) -> list[str]:
    """The names, numbered where a trace of the source, or an earlier one of them, has the same."""
    names: list[str] = []
    taken = _taken(con, wanted)
    for name in wanted:
        free = name
        for number in count(2):
            if free not in taken:
                break
            free = f"{name}-{number}"
            taken |= _taken(con, [free])
        names.append(free)
        taken.add(free)
    return names


def _taken(con: Scratch, names: Sequence[str]) -> set[str]:
    found = con.execute(
        "select distinct trace_id from spans where trace_id in (select unnest($1::varchar[]))",
        [list(names)],
    )
    return {str(row[0]) for row in found.fetchall()}


def _keep_once(con: Scratch) -> list[str]:
    """Keep the first of several spans that say the same."""
    con.execute(
        "create or replace temp table repeated as select place from (select place, row_number()"
        " over (partition by trace_id, span_id, content order by place) as number from versions)"
        " where number > 1"
    )
    ((repeated,),) = con.execute("select count(*) from repeated").fetchall()
    if not repeated:
        return []
    con.execute("delete from spans where rowid in (select place from repeated)")
    con.execute("delete from versions where place in (select place from repeated)")
    return [
        f"{counted(repeated, 'span stands', 'spans stand')} twice, word for word; each is read once"
    ]


def _left(con: Scratch) -> list[str]:
    """Name the traces in which several spans still share an id."""
    rows = con.execute(
        "select trace_id, count(*), min(span_id) from (select trace_id, span_id from versions"
        " group by all having count(*) > 1) group by trace_id order by trace_id"
    ).fetchall()
    said = [
        f"{counted(spans, 'span id')} of trace '{trace_id}' stand{'s' if spans == 1 else ''} for "
        f"several spans ('{example}'); "
        "the first of each is read"
        for trace_id, spans, example in rows[:_NAMED]
    ]
    return (
        [*said, f"and {counted(len(rows) - _NAMED, 'more trace')}"] if len(rows) > _NAMED else said
    )
