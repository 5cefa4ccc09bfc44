"""Keeps every prompt on its way to a model: a server on this machine that passes requests on.

Each case of a benchmark asks under a path of its own, so what a run was shown lies beside the run:
`FOLDER/<case>/0001.json` is the body of its first request. Replies go back as they came.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

_PASSED_ON = ("content-type", "authorization", "accept")
"""Headers that matter to an endpoint; the others are those of one connection."""


class Recorder:
    """Passes `/<case>/…` on to `base_url/…`; safe to use from several threads."""

    def __init__(self, base_url: str, folder: Path, timeout_s: float) -> None:
        self._base_url = base_url.rstrip("/")
        self._folder = folder
        self._client = httpx.Client(timeout=timeout_s)
        self._lock = threading.Lock()

    def passed_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        """The endpoint's answer to a request, whose body is kept if it has one."""
        case, _, rest = path.lstrip("/").partition("/")
        if body:
            self._keep(case, body)
        try:
            return self._client.request(
                method, f"{self._base_url}/{rest}", headers=headers, content=body
            )
        except httpx.HTTPError as error:
            return httpx.Response(502, json={"error": {"message": f"the endpoint: {error}"}})

    def _keep(self, case: str, body: bytes) -> None:
        with self._lock:
            folder = self._folder / case
            folder.mkdir(parents=True, exist_ok=True)
            number = len(list(folder.glob("*.json"))) + 1
            (folder / f"{number:04d}.json").write_bytes(body)


@contextmanager
def recorded(base_url: str, folder: Path, timeout_s: float) -> Iterator[str]:
    """The address under which `/<case>` stands for `base_url`, on loopback."""
    recorder = Recorder(base_url, folder, timeout_s)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(recorder.passed_on("GET", self.path, self._sent(), b""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(recorder.passed_on("POST", self.path, self._sent(), body))

        def _sent(self) -> dict[str, str]:
            return {name: self.headers[name] for name in _PASSED_ON if name in self.headers}

        def _answer(self, got: httpx.Response) -> None:
            self.send_response(got.status_code)
            self.send_header("Content-Type", got.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
