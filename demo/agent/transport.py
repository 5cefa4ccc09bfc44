"""The services that tools call: requests go over a transport, answers come as text with a status.

No network: a transport is a function of the request. What a client does with an answer (raise
for a status, parse the body, try again) is real code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from demo.agent.clock import VirtualClock
from demo.agent.telemetry import Tracing
from investigator.ground.canonical_json import JsonValue

REASONS = {
    200: "OK",
    401: "Unauthorized",
    402: "Payment Required",
    404: "Not Found",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


class HTTPStatusError(Exception):
    """A service answered with a status from 400 up."""

    def __init__(self, request: Request, status: int) -> None:
        super().__init__(f"{status} {REASONS.get(status, 'Error')} for {request.url}")
        self.status = status


class ReadTimeout(TimeoutError):
    """A service did not answer in time."""


class ConnectError(ConnectionError):
    """No connection could be made."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a service."""

    method: str
    host: str
    path: str

    @property
    def url(self) -> str:
        """As it is written in messages and spans."""
        return f"https://{self.host}{self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; `ms` is how long it took."""

    status: int
    body: str
    ms: float


class Transport(Protocol):
    """Sends one request. Raises `OSError` where no answer comes."""

    def send(self, request: Request) -> Response: ...


Handler = Callable[[str], JsonValue]


class Services:
    """The healthy transport: routes by prefix of the path, the rest of the path is the argument.

    A handler that returns None has no such resource.
    """

    def __init__(self, routes: Mapping[str, Handler], ms: Callable[[], float]) -> None:
        self._routes = routes
        self._ms = ms

    def send(self, request: Request) -> Response:
        """The answer of the route with the longest matching prefix."""
        for prefix in sorted(self._routes, key=len, reverse=True):
            if request.path.startswith(prefix):
                found = self._routes[prefix](request.path.removeprefix(prefix))
                if found is not None:
                    return Response(200, json.dumps(found), self._ms())
        return Response(404, json.dumps({"detail": "no such resource"}), self._ms())


@dataclass(frozen=True, slots=True)
class HttpClient:
    """A client with a time limit; `attempts` tries where the trouble may pass.

    With `spans`, each request is a span of its own, as instrumented clients write them.
    """

    transport: Transport
    tracing: Tracing
    clock: VirtualClock
    host: str
    timeout_s: float = 10.0
    attempts: int = 1
    spans: bool = False

    def get(self, path: str) -> str:
        """The body of the answer.

        Raises:
            HTTPStatusError: the status says that there is none.
            OSError: no answer came.
        """
        request = Request("GET", self.host, path)
        for left in range(self.attempts - 1, -1, -1):
            try:
                return self._once(request)
            except (HTTPStatusError, OSError):
                if not left:
                    raise
                self.clock.pass_ms(400)
        raise AssertionError("a client tries at least once")

    def _once(self, request: Request) -> str:
        if not self.spans:
            return self._send(request)[1]
        told = {"http.request.method": request.method, "url.full": request.url}
        with self.tracing.step(None, request.method, told) as step:
            try:
                status, body = self._send(request)
            except HTTPStatusError as error:
                step.set({"http.response.status_code": error.status})
                raise
            step.set({"http.response.status_code": status})
            return body

    def _send(self, request: Request) -> tuple[int, str]:
        response = self.transport.send(request)
        if response.ms > self.timeout_s * 1_000:
            self._give_up(request)
        self.clock.pass_ms(response.ms)
        if response.status >= 400:
            raise HTTPStatusError(request, response.status)
        return response.status, response.body

    def _give_up(self, request: Request) -> NoReturn:
        self.clock.pass_ms(self.timeout_s * 1_000)
        raise ReadTimeout(f"no answer from {request.host} within {self.timeout_s:.0f} s")
