"""A session is named by its id, and is the traces of a source in which a span names it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from investigator.errors import UsageError
from investigator.inspection.engine import Question, TraceQuestion
from investigator.store.api import InspectionAPI, TraceSummary
from investigator.store.open import OpenedSource
from investigator.store.reads import TraceReads
from investigator.traces.model import Trace
from investigator.traces.session_trace import SESSION_KEYS, session_trace, sessions_of

_COMPARED = 500
"""Traces whose sessions are compared with one that is not there: a second or two."""
_SHOWN = 5
_MOST = 1_000
"""A session of more traces than this is no conversation, but a project or a user."""


class FoundSession(NamedTuple):
    """A session by its whole id, and its traces in order."""

    session_id: str
    trace_ids: tuple[str, ...]


def session_named(opened: OpenedSource, name: str) -> FoundSession:
    """The session that a text names: its id, or the beginning of it where no other begins so.

    Raises:
        UsageError: there is none, with those that are like it; or it has too many traces.
        SourceError: the source cannot be read.
    """
    found = _traces(opened.api, name)
    if not found:
        known = _known_sessions(opened.api)
        begun = [one for one in known if one.startswith(name)]
        if len(begun) != 1:
            raise UsageError(_not_found(opened, name, known, begun))
        name = begun[0]
        found = _traces(opened.api, name)
    if len(found) > _MOST:
        raise UsageError(
            f"session '{name}' has more than {_MOST:,} traces: that is no conversation that can be "
            "read as one; name a trace (--trace-id), or take every one (--all)"
        )
    return FoundSession(name, tuple(row.trace_id for row in found))


def _traces(api: InspectionAPI, session_id: str) -> Sequence[TraceSummary]:
    literal = _literal(session_id)
    if literal is None:
        return ()
    tests = [f"attributes['{key}'] == {literal}" for key in SESSION_KEYS]
    if session_id.isdecimal() and len(session_id) < 16:
        tests += [f"attributes['{key}'] == {int(session_id)}" for key in SESSION_KEYS]
    return api.list_traces(filter_expr=" or ".join(tests), limit=_MOST + 1)


def _literal(text: str) -> str | None:
    """A text as a filter writes it; None where it has both kinds of quotes."""
    quote = next((mark for mark in "'\"" if mark not in text), None)
    return None if quote is None or "\\" in text else f"{quote}{text}{quote}"


def _known_sessions(api: InspectionAPI) -> list[str]:
    named = " or ".join(f"attributes['{key}'] is not None" for key in SESSION_KEYS)
    rows = api.list_traces(filter_expr=named, limit=_COMPARED)
    found = (one for row in rows for one in sessions_of(api.get_trace(row.trace_id).spans))
    return list(dict.fromkeys(found))


def _not_found(opened: OpenedSource, name: str, known: Sequence[str], begun: Sequence[str]) -> str:
    where = ", ".join(opened.paths)
    if len(begun) > 1:
        return f"'{name}' begins the ids of several sessions: {_listed(begun)}; write more of it"
    if not known:
        return (
            f"no session '{name}' in {where}: none of its traces names a session (session.id, "
            "gen_ai.conversation.id); `investigator traces` lists the traces"
        )
    inside = [one for one in known if name in one]
    near = list(dict.fromkeys([*inside, *get_close_matches(name, known, n=_SHOWN)])) or known
    like = "like it are" if near is not known else "there are"
    return f"no session '{name}' in {where}; {like} {_listed(near)}"


def _listed(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > _SHOWN else ""
    return ", ".join(f"'{one}'" for one in ids[:_SHOWN]) + more


class SessionInspectionAPI(TraceReads):
    """An API that has one trace more: those of a session as one, under the session's id."""

    def __init__(self, api: InspectionAPI, session_id: str, trace_ids: Sequence[str]) -> None:
        self._api = api
        self._session_id = session_id
        self._trace_ids = tuple(trace_ids)
        self._joined: Trace | None = None

    def get_trace(self, trace_id: str) -> Trace:
        """The session by its id, any other trace as it is."""
        if trace_id != self._session_id:
            return self._api.get_trace(trace_id)
        if self._joined is None:
            traces = [self._api.get_trace(one) for one in self._trace_ids]
            self._joined = session_trace(self._session_id, traces)
        return self._joined

    def list_traces(self, **asked: Any) -> Sequence[TraceSummary]:
        """The traces themselves."""
        return self._api.list_traces(**asked)

    def count_traces(self) -> int:
        """How many the source holds."""
        return self._api.count_traces()

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids of the traces themselves."""
        return self._api.trace_ids_from(prefix, limit=limit)

    def close(self) -> None:
        """Close what it reads from."""
        self._api.close()


def with_session(api: InspectionAPI, question: Question[Any]) -> InspectionAPI:
    """What a question reads: where it is of a session, also the session as one trace."""
    if not isinstance(question, TraceQuestion) or question.session_id is None:
        return api
    return SessionInspectionAPI(api, question.session_id, question.session_traces)
