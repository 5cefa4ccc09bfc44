"""Requests to a Phoenix; what it is too old to do is said with the version that can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from investigator.connectors.phoenix.address import KEY_VARIABLE, PhoenixAddress
from investigator.connectors.server_connection import (
    SHOWN,
    TIMEOUT_S,
    AnswerBounds,
    ServerConnection,
    bounded_client,
    environment,
    in_short,
    path_segment,
)
from investigator.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    import httpx
    from phoenix.client import Client

_HEADERS_VARIABLE = "PHOENIX_CLIENT_HEADERS"
_VERSION = "x-phoenix-server-version"


class PhoenixConnection(ServerConnection):
    """Requests to one Phoenix; `pause` sleeps between attempts.

    `http` is for what has to be read page by page, which Phoenix's own `client` does not do.
    """

    def __init__(
        self,
        address: PhoenixAddress,
        *,
        timeout_s: float = TIMEOUT_S,
        bounds: AnswerBounds | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.address = address
        http = _http(address, timeout_s, bounds)
        super().__init__("Phoenix", address.base_url, http, pause=pause)

    @property
    def client(self) -> Client:
        """Phoenix's own client, over the same connections."""
        from phoenix.client import Client

        return Client(http_client=self.http)

    def project_url(self, rest: str) -> str:
        """The path of something of the project."""
        return f"v1/projects/{path_segment(self.address.project)}/{rest}"

    def pages(
        self, url: str, params: Mapping[str, Any], *, page: int, since: str
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, asked for page by page."""
        cursor: str | None = None
        while True:
            at = {} if cursor is None else {"cursor": cursor}
            answer = self.send("GET", url, {**params, "limit": page, **at}, since=since)
            items = answer.get("data")
            if not isinstance(items, list):
                raise SourceUnavailable(f"{self.address} answered without data")
            yield from items
            cursor = answer.get("next_cursor")
            if not cursor or not items:
                return

    def send(
        self,
        method: Literal["GET", "DELETE"],
        url: str,
        params: Mapping[str, Any],
        *,
        since: str,
    ) -> dict[str, Any]:
        """The JSON object that a request is answered with, empty where there is nothing to say.

        Raises:
            SourceUnavailable: there is no answer, or none of use; the message says why.
        """
        return self.ask(method, url, params=params, since=since)

    def refusal(self, response: httpx.Response, since: str) -> SourceUnavailable:
        """What a Phoenix refuses, and what to do about it."""
        return SourceUnavailable(self._why_refused(response, since))

    def _why_refused(self, response: httpx.Response, since: str) -> str:
        here, text = self.here, response.text.strip()
        match response.status_code:
            case 401 | 403:
                return f"{here} refuses the key ({response.status_code}): set {KEY_VARIABLE}"
            case 404 if text.startswith("Project"):
                return f"{here} has no project '{self.address.project}'"
            case 404 if "not exist" in text:
                return f"{here} does not have what was named: {text[:SHOWN]}"
            case 404 | 405:
                version = response.headers.get(_VERSION, "not told")
                return (
                    f"{here} (version {version}) does not answer {response.request.method} "
                    f"{response.request.url.path}: {since} or newer is needed"
                )
            case 422:
                return f"{here} {in_short(response)}: is it older than {since}?"
            case _:
                return f"{here} {in_short(response)}"


def _http(address: PhoenixAddress, timeout_s: float, bounds: AnswerBounds | None) -> httpx.Client:
    try:
        from phoenix.client.utils.parse_env_headers import parse_env_headers
    except ImportError:
        raise UsageError(
            "the packages for Phoenix are not installed: "
            "pip install 'phoenix-rlm-investigator[phoenix]'"
        ) from None

    headers = dict(parse_env_headers(environment().get(_HEADERS_VARIABLE, "")))
    key = environment().get(KEY_VARIABLE, "").strip()
    if key:
        headers["authorization"] = f"Bearer {key}"
    return bounded_client(address.base_url, headers, timeout_s=timeout_s, bounds=bounds)
