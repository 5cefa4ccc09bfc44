"""A server that redirects every request, and the one that it names, which writes down all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUSES = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class Redirecting:
    """`came` is what the second server was sent; `asked` counts the requests at the first."""

    url: str
    there: str
    came: list[str] = field(default_factory=list)
    asked: int = 0


@contextmanager
def redirecting(status: int, place: str = "/elsewhere") -> Iterator[Redirecting]:
    """Two servers of this machine."""

    class Thief(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            served.came.append(f"{self.requestline}\n{self.headers}")
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Gate(Thief):
        def _answer(self) -> None:
            served.asked += 1
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("location", served.there)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    with _serving(Thief) as there, _serving(Gate) as url:
        served = Redirecting(url, there + place)
        yield served


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
