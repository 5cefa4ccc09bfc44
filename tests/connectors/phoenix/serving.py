"""Spans in a real Phoenix, for the conformance suite and the tests of what is written back."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.connectors.phoenix.source import PhoenixInspectionAPI
from investigator.testing.phoenix_server import PhoenixServer
from investigator.traces.model import Span, iso_time

PHOENIX = pytest.mark.slow
"""Tests of a real Phoenix share one server and take turns at it."""

PROJECT = "default"
PATIENCE_S = 60.0


class Cleared(PhoenixInspectionAPI):
    """A project that is emptied when it is closed, since Phoenix stores a span id once."""

    def close(self) -> None:
        """Delete what the project holds, then close."""
        connection = self._connection
        for item in self._pages("traces", {}, page=1000, since=""):
            connection.http.delete(f"v1/traces/{item['trace_id']}").raise_for_status()
        super().close()


def serve_phoenix(spans: Sequence[Span], server: PhoenixServer, project: str = PROJECT) -> Cleared:
    """The spans in a project of a Phoenix, readable when this returns."""
    api = Cleared(PhoenixConnection(phoenix_address(server.address(project))))
    http = api._connection.http
    if http.get(f"v1/projects/{project}").status_code == 404:
        http.post("v1/projects", json={"name": project}).raise_for_status()
    for first in range(0, len(spans), 500):
        body = {"data": [_rest(span) for span in spans[first : first + 500]]}
        http.post(f"v1/projects/{project}/spans", json=body).raise_for_status()
    deadline = time.monotonic() + PATIENCE_S
    while sum(1 for _ in api.spans()) < len(spans):
        assert time.monotonic() < deadline, "Phoenix did not store the spans"
        time.sleep(0.1)
    return api


def _rest(span: Span) -> dict[str, object]:
    """A span as Phoenix's API takes it."""
    return {
        "name": span.name,
        "context": {"trace_id": span.trace_id, "span_id": span.span_id},
        "parent_id": span.parent_id,
        "span_kind": span.kind.value,
        "start_time": iso_time(span.start_ns),
        "end_time": iso_time(span.end_ns),
        "status_code": span.status.value,
        "status_message": span.status_message,
        "attributes": dict(span.attributes),
        "events": [
            {
                "name": event.name,
                "timestamp": iso_time(event.time_ns),
                "attributes": dict(event.attributes),
            }
            for event in span.events
        ],
    }
