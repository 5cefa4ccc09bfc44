"""A span while its events come in, and ids that follow from what a span is of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.runtime.events import RunError
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode, span_order

_UNFINISHED: dict[str, JsonValue] = {"unfinished": True}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def trace_id_of(run_id: str) -> str:
    """The first 16 bytes of the sha256 of the run id, in hex."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:32]


def span_id_of(run_id: str, scope: str, step: int, what: str, ordinal: int = 1) -> str:
    """The first 8 bytes of a sha256 of these, in hex; `ordinal` counts what a resume did anew."""
    again = "" if ordinal == 1 else f"#{ordinal}"
    place = "\n".join((run_id, scope, str(step), what + again))
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def nanoseconds(ts: str) -> int:
    """Nanoseconds since the Unix epoch of an RFC 3339 text."""
    return (datetime.fromisoformat(ts) - _EPOCH) // _MICROSECOND * 1000


class Moment(NamedTuple):
    """When an event was written (nanoseconds since the Unix epoch), and which it is."""

    ns: int
    seq: int


@dataclass(slots=True)
class SpanDraft:
    """A span that is being made, begun by event `seq`. Without an end it is `unfinished`."""

    span_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    start_ns: int
    seq: int
    attributes: dict[str, JsonValue]
    metadata: dict[str, JsonValue]
    end_ns: int | None = None
    status: StatusCode = StatusCode.UNSET
    message: str = ""
    events: list[SpanEvent] = field(default_factory=list)

    def end(self, at_ns: int, status: StatusCode, error: RunError | None = None) -> None:
        """End with this status, or with an error where there is one."""
        self.end_ns, self.status = at_ns, status
        if error is not None:
            self.fail(at_ns, error.code.value, error.message)

    def fail(self, at_ns: int, code: str, message: str) -> None:
        """End with an error, as an exception of this code."""
        self.end_ns, self.status = at_ns, StatusCode.ERROR
        self.message = f"{code}: {message}"
        told: dict[str, JsonValue] = {"exception.type": code, "exception.message": message}
        self.events.append(SpanEvent("exception", at_ns, told))

    def reopen(self) -> None:
        """What ended goes on; why it had ended stays among its events."""
        self.end_ns, self.status, self.message = None, StatusCode.UNSET, ""
        for key in ("output.value", "output.mime_type"):
            self.attributes.pop(key, None)
        for key in ("status", "gaps"):
            self.metadata.pop(key, None)

    def span(self, trace_id: str, last_ns: int) -> Span:
        metadata = self.metadata if self.end_ns is not None else self.metadata | _UNFINISHED
        return Span(
            trace_id=trace_id,
            span_id=self.span_id,
            parent_id=self.parent_id,
            name=self.name,
            kind=self.kind,
            start_ns=self.start_ns,
            end_ns=last_ns if self.end_ns is None else self.end_ns,
            status=self.status,
            status_message=self.message,
            attributes=self.attributes | {"metadata": canonical_json(metadata)},
            events=tuple(self.events),
        )


class Drafts:
    """The spans of one run while they are made; what is begun begins at the newest event."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._drafts: list[SpanDraft] = []
        self._ordinals: dict[tuple[str, int, str], int] = {}

    def begin(
        self,
        at: Moment,
        place: tuple[str, int, str],
        name: str,
        kind: SpanKind,
        *,
        parent: SpanDraft | None,
        attributes: Mapping[str, JsonValue],
        metadata: Mapping[str, JsonValue],
    ) -> SpanDraft:
        """A span of `place`: a scope, a step of it, and what the span is of."""
        ordinal = self._ordinals[place] = self._ordinals.get(place, 0) + 1
        draft = SpanDraft(
            span_id=span_id_of(self._run_id, *place, ordinal),
            parent_id=None if parent is None else parent.span_id,
            name=name,
            kind=kind,
            start_ns=at.ns,
            seq=at.seq,
            attributes={"session.id": self._run_id, **attributes},
            metadata={"scope": place[0], "step": place[1], **metadata},
        )
        self._drafts.append(draft)
        return draft

    def spans(self, last_ns: int) -> tuple[Span, ...]:
        """All of them in span order; those without an end end at `last_ns`."""
        trace_id = trace_id_of(self._run_id)
        return tuple(sorted((d.span(trace_id, last_ns) for d in self._drafts), key=span_order))
