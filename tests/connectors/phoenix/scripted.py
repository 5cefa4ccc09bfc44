"""A server that answers as a Phoenix does, or as one that is old, busy or broken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

SPAN: dict[str, Any] = {
    "name": "agent",
    "context": {"trace_id": "t", "span_id": "a"},
    "span_kind": "AGENT",
    "parent_id": None,
    "start_time": "2026-03-01T10:00:00+00:00",
    "end_time": "2026-03-01T10:00:01+00:00",
    "status_code": "OK",
    "status_message": "",
    "attributes": {"output.value": "done"},
    "events": [],
}


class Asked(NamedTuple):
    """One request; `body` is its JSON."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any


class Said(NamedTuple):
    """One answer; no status is a connection that is closed without one."""

    status: int | None
    body: object = None


class ScriptedPhoenix:
    """Answers each request as `decide` says, on a port of its own."""

    def __init__(self, decide: Callable[[Asked], Said]) -> None:
        self.asked: list[Asked] = []
        phoenix = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length", 0))
                asked = Asked(
                    self.command,
                    parts.path,
                    parse_qs(parts.query),
                    dict(self.headers.items()),
                    json.loads(self.rfile.read(length) or b"null"),
                )
                phoenix.asked.append(asked)
                said = decide(asked)
                if said.status is None:
                    self.close_connection = True
                    return
                body = said.body if isinstance(said.body, str) else json.dumps(said.body)
                self.send_response(said.status)
                self.send_header("content-length", str(len(body.encode())))
                self.send_header("x-phoenix-server-version", "7.1.0")
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(body.encode())

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def source(self) -> str:
        """Its project `shop`."""
        return f"phoenix://127.0.0.1:{self._server.server_port}/shop"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def holds(
    *spans: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]] = ()
) -> Callable[[Asked], Said]:
    """A Phoenix that holds these spans, one on each page, and annotations on them."""

    def decide(asked: Asked) -> Said:
        for target in ("span", "trace"):
            if asked.path.endswith(f"/{target}_annotations"):
                ids = asked.query.get(f"{target}_ids", [])
                on = [one for one in annotations if one.get(f"{target}_id") in ids]
                return Said(200, {"data": on, "next_cursor": None})
        wanted = asked.query.get("trace_id")
        found = [s for s in spans if wanted is None or s["context"]["trace_id"] in wanted]
        if asked.path.endswith("/traces"):
            found = list({s["context"]["trace_id"]: s for s in found}.values())
        at = int(asked.query.get("cursor", ["0"])[0])
        following = str(at + 1) if at + 1 < len(found) else None
        return Said(200, {"data": found[at : at + 1], "next_cursor": following})

    return decide


def named(trace_id: str, span_id: str, **changes: Any) -> dict[str, Any]:
    """A span of that name."""
    return SPAN | {"context": {"trace_id": trace_id, "span_id": span_id}} | changes
