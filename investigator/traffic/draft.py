"""A span while its events come in, and ids that follow from what a span is of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from investigator.canonical import JsonValue, canonical_json
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode

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


@dataclass(slots=True)
class Draft:
    """A span that is being made. Without an end it is cut off where the journal is."""

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

    def end(self, at_ns: int, status: StatusCode) -> None:
        self.end_ns, self.status = at_ns, status

    def fail(self, at_ns: int, code: str, message: str) -> None:
        """End with an error, as an exception of this code."""
        self.end(at_ns, StatusCode.ERROR)
        self.message = f"{code}: {message}"
        told: dict[str, JsonValue] = {"exception.type": code, "exception.message": message}
        self.events.append(SpanEvent("exception", at_ns, told))

    def reopen(self) -> None:
        """What ended goes on; why it had ended stays among its events."""
        self.end_ns, self.status, self.message = None, StatusCode.UNSET, ""
        self.attributes.pop("output.value", None)
        self.attributes.pop("output.mime_type", None)

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
