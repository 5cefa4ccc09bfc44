"""A real S3 server on loopback (moto), that counts what it is asked for and what it sends."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from investigator.connectors.objects.bucket import Bucket
from investigator.connectors.objects.object_address import object_address

VARIABLES = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "planted-secret"}


class Request(NamedTuple):
    """A request that was answered."""

    method: str
    path: str
    sent: int


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class S3Server:
    """Serves while it is entered; `requests` are those of others than itself."""

    def __init__(self) -> None:
        # What moto serves is the process's: an earlier server's objects are none of this one's.
        for account in s3_backends.values():
            for backend in account.values():
                backend.reset()
        self._app: Any = create_backend_app("s3")
        self.requests: list[Request] = []
        self._server = make_server("127.0.0.1", 0, self._counting, True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that name it."""
        return {**VARIABLES, "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1"}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def put(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Make a bucket that holds these objects."""
        import obstore

        client = self._app.test_client()
        client.put(f"/{bucket}", base_url=self.url)
        held = Bucket(object_address(f"s3://{bucket}"), self.environ)
        for key, content in objects.items():
            obstore.put(held._store, key, content)
        self.requests.clear()

    def read(self, suffix: str = "") -> list[Request]:
        """The requests for objects whose key ends so."""
        return [r for r in self.requests if r.path.count("/") > 1 and r.path.endswith(suffix)]

    def bytes_of_objects(self) -> int:
        """How many bytes of objects were sent."""
        return sum(request.sent for request in self.read() if request.method == "GET")

    def _counting(self, environ: Any, start: Any) -> Iterable[bytes]:
        body = b"".join(self._app(environ, start))
        self.requests.append(Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], len(body)))
        return [body]
