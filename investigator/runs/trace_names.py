"""A trace is named by its id, or by the beginning of its id where no other begins so."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from investigator.errors import SourceUnavailable, TraceNotFound, UsageError
from investigator.ground.wording import counted
from investigator.store.open import OpenedSource

_SHOWN = 5
_COMPARED = 2_000
"""How many ids are compared with one that is not there: some milliseconds."""


def trace_named_or_only(opened: OpenedSource, name: str | None) -> str:
    """The id of the trace that a text names; without one, of the only trace there is.

    Raises:
        UsageError: none is named and there is not exactly one, or several ids begin so.
        TraceNotFound: none is of that name.
    """
    if name is not None:
        return trace_named(opened, name)
    found = opened.api.list_traces(limit=2)
    if len(found) == 1:
        return found[0].trace_id
    raise UsageError(
        f"{', '.join(opened.paths)} holds {opened.api.count_traces()} traces: name one "
        "(trace_id, --trace-id); `investigator traces` lists them"
    )


def trace_named(opened: OpenedSource, name: str) -> str:
    """The id of the trace that a text names.

    Raises:
        UsageError: several ids begin so; the message has the first of them.
        TraceNotFound: none does; the message has those that are like it.
        SourceError: the source cannot be read.
    """
    try:
        opened.api.get_trace(name)
    except TraceNotFound:
        pass
    except SourceUnavailable:
        return name  # It is there, and its run says why it cannot be read.
    else:
        return name
    found = opened.api.trace_ids_from(name, limit=_SHOWN + 1)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"'{name}' begins the ids of several traces: {_listed(found)}; write more of the id"
        )
    raise TraceNotFound(_not_found(opened, name), trace_id=name)


def _not_found(opened: OpenedSource, name: str) -> str:
    count = opened.api.count_traces()
    held = counted(count, "trace")
    ids = opened.api.trace_ids_from("", limit=_COMPARED)
    inside = [trace_id for trace_id in ids if name and name in trace_id]
    begun = {trace_id[: len(name)]: trace_id for trace_id in reversed(ids)}
    alike = [begun[start] for start in get_close_matches(name, begun, n=_SHOWN)]
    near = list(dict.fromkeys([*inside, *get_close_matches(name, ids, n=_SHOWN), *alike]))
    like = f"; like it are {_listed(near)}" if near else ""
    where = ", ".join(opened.paths)
    return f"no trace '{name}' in {where} ({held}){like}; `investigator traces` lists them"


def _listed(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _SHOWN else ""
    return ", ".join(f"'{trace_id}'" for trace_id in ids[:_SHOWN]) + more
