"""Spans go to a collector whole, or a message says what it did not take."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from investigator.errors import UsageError
from investigator.ground.collector import HEADERS_VARIABLE
from investigator.runs.export.draft import span_id_of, trace_id_of
from investigator.runs.export.export import Export, export_run
from investigator.runs.export.sending import SPANS_AT_ONCE, send
from investigator.traces.model import Span, SpanKind, StatusCode
from tests.runs.export.runs import KEY, investigated


@dataclass(slots=True)
class Collector:
    """What came in: the headers and the parsed body of each request."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    @property
    def spans(self) -> list[str]:
        """The ids of all spans that came in, in order."""
        return [
            span.span_id.hex()
            for request in self.requests
            for span in request.resource_spans[0].scope_spans[0].spans
        ]


@contextmanager
def collector(*, refuses_after: int | None = None) -> Iterator[Collector]:
    """An OTLP/HTTP endpoint on this machine; 503 after so many requests."""
    messages = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken = refuses_after is None or len(came.requests) < refuses_after
            came.headers.append({name.lower(): value for name, value in self.headers.items()})
            if taken:
                came.requests.append(messages.ExportTraceServiceRequest.FromString(body))
            said = b"" if taken else b"the store is full"
            self.send_response(200 if taken else 503)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        came = Collector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield came
        finally:
            server.shutdown()
            thread.join()


def many(count: int) -> Export:
    """An export of so many spans."""
    spans = tuple(
        Span(
            trace_id=trace_id_of("run"),
            span_id=span_id_of("run", "0", step, "tool"),
            parent_id=None,
            name="read",
            kind=SpanKind.TOOL,
            start_ns=step,
            end_ns=step + 1,
            status=StatusCode.OK,
            status_message="",
        )
        for step in range(count)
    )
    return Export(spans, "investigator", "1", None)


def test_a_collector_gets_every_span_of_a_run(tmp_path: Path) -> None:
    """As protobuf, with the project that they belong to, and no header that nobody asked for."""
    investigated(tmp_path)
    export = export_run("run", tmp_path, project="self")
    with collector() as came:
        assert send(export, came.url) == len(export.spans)
    assert came.spans == [span.span_id for span in export.spans]
    (pair,) = [
        pair
        for pair in came.requests[0].resource_spans[0].resource.attributes
        if pair.key == "openinference.project.name"
    ]
    assert pair.value.string_value == "self"
    assert came.headers[0]["content-type"] == "application/x-protobuf"
    assert "authorization" not in came.headers[0]
    assert KEY not in str(came.headers)


@pytest.mark.parametrize("count", [SPANS_AT_ONCE, SPANS_AT_ONCE + 1, 2 * SPANS_AT_ONCE])
def test_many_spans_go_in_parts(count: int) -> None:
    """None twice, none left out."""
    export = many(count)
    with collector() as came:
        assert send(export, came.url) == count
    assert came.spans == [span.span_id for span in export.spans]
    assert len(came.requests) == -(-count // SPANS_AT_ONCE)


def test_headers_of_the_environment_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Percent-decoded, as the specification of the variable has them."""
    monkeypatch.setenv(HEADERS_VARIABLE, "authorization=Bearer%20abc, x-team = traces,")
    with collector() as came:
        send(many(1), came.url)
    assert came.headers[0]["authorization"] == "Bearer abc"
    assert came.headers[0]["x-team"] == "traces"


def test_a_collector_that_refuses_is_quoted() -> None:
    """With what it had taken before."""
    with collector(refuses_after=1) as came:
        said = rf"503.*the store is full \({SPANS_AT_ONCE} were sent before\).*v1/traces"
        with pytest.raises(UsageError, match=said):
            send(many(SPANS_AT_ONCE + 1), came.url)


def test_a_collector_that_is_not_there_is_named() -> None:
    """Nothing listens at its port."""
    with collector() as came:
        gone = came.url
    with pytest.raises(UsageError, match=rf"{gone} cannot be reached.*0 spans were sent"):
        send(many(1), gone)


@pytest.mark.parametrize("url", ["", "127.0.0.1:6006", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is opened."""
    with pytest.raises(UsageError, match=r"--send takes the address.*v1/traces"):
        send(many(1), url)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    """An error may end up in a log; the header of the environment does not."""
    with pytest.raises(UsageError, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        send(many(1), "http://name:planted@127.0.0.1:1/v1/traces")
    assert "planted" not in str(refused.value)


def test_without_the_packages_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An export to a file needs none of them."""
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1", None)
    name = "opentelemetry.proto.collector.trace.v1.trace_service_pb2"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"pip install.*\[demo-agent\]"):
        send(many(1), "http://127.0.0.1:1/v1/traces")
    assert many(1).text
