"""Requests to a Phoenix: repeated where that helps, and in words where nothing does.

Requests are repeated after lost connections, time-outs, 429 and 5xx. What a Phoenix cannot do
because it is too old is said with the version that can.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote

from investigator.connectors.phoenix.address import KEY_VARIABLE, PhoenixAddress
from investigator.errors import SourceUnavailable, UsageError
from investigator.ground.redirects import STATUSES, redirected

if TYPE_CHECKING:
    import httpx
    from phoenix.client import Client

_TIMEOUT_S = 60.0
"""What one request may take. Phoenix's client allows 5 s, which large traces exceed."""
CONNECT_S = 5.0
ATTEMPTS = 4
FIRST_PAUSE_S = 0.25
"""The pause before the first repetition; it doubles with each."""
_HEADERS_VARIABLE = "PHOENIX_CLIENT_HEADERS"

T = TypeVar("T")
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_VERSION = "x-phoenix-server-version"


class PhoenixConnection:
    """Requests to one Phoenix; `pause` sleeps between attempts.

    `http` is for what has to be read page by page, which Phoenix's own `client` does not do.
    """

    def __init__(
        self,
        address: PhoenixAddress,
        *,
        timeout_s: float = _TIMEOUT_S,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.address = address
        self._pause = pause
        self.http = _http(address, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def client(self) -> Client:
        """Phoenix's own client, over the same connections."""
        from phoenix.client import Client

        return Client(http_client=self.http)

    def close(self) -> None:
        """Close the connections that are kept."""
        self.http.close()

    def project_url(self, rest: str) -> str:
        """The path of something of the project."""
        return f"v1/projects/{quote(self.address.project, safe='')}/{rest}"

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

        def request() -> httpx.Response:
            response = self.http.request(method, url, params=dict(params))
            return response.raise_for_status()

        response = self.attempted(request, since=since)
        if response.status_code == 204:
            return {}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise SourceUnavailable(
                f"Phoenix at {self.address.base_url} answered no JSON object: is that a Phoenix?"
            )
        return answer

    def attempted(self, call: Callable[[], T], *, since: str) -> T:
        """What a call returns that may be made twice; `since` is the first Phoenix that has it.

        Raises:
            SourceUnavailable: it did not succeed, or was refused; the message says why.
        """
        import httpx

        trouble = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                return call()
            except httpx.TimeoutException:
                trouble = f"did not answer within {self.http.timeout.read:g} s"
            except httpx.TransportError as error:
                trouble = f"cannot be reached ({type(error).__name__}: {error or 'no details'})"
            except httpx.HTTPStatusError as error:
                trouble = _said(error.response)
                if error.response.status_code not in _AGAIN:
                    raise SourceUnavailable(self._refusal(error.response, since)) from None
        raise SourceUnavailable(
            f"Phoenix at {self.address.base_url} {trouble}, {ATTEMPTS} times; "
            "is it up, and is that its address?"
        )

    def _refusal(self, response: httpx.Response, since: str) -> str:
        """Why it is no use to ask the same again."""
        here, said = f"Phoenix at {self.address.base_url}", response.text.strip()
        match response.status_code:
            case status if status in STATUSES:
                asked, location = str(response.request.url), response.headers.get("location")
                return redirected(asked, status, location, "name that Phoenix as the source")
            case 401 | 403:
                return f"{here} refuses the key ({response.status_code}): set {KEY_VARIABLE}"
            case 404 if said.startswith("Project"):
                return f"{here} has no project '{self.address.project}'"
            case 404 if "not exist" in said:
                return f"{here} does not have what was named: {said[:300]}"
            case 404 | 405:
                version = response.headers.get(_VERSION, "not told")
                return (
                    f"{here} (version {version}) does not answer {response.request.method} "
                    f"{response.request.url.path}: {since} or newer is needed"
                )
            case 422:
                return f"{here} {_said(response)}: is it older than {since}?"
            case _:
                return f"{here} {_said(response)}"


def _said(response: httpx.Response) -> str:
    return f"answered {response.status_code} {response.text[:300].strip()}".strip()


def _http(address: PhoenixAddress, timeout_s: float) -> httpx.Client:
    try:
        import httpx
        from phoenix.client.utils.parse_env_headers import parse_env_headers
    except ImportError:
        raise UsageError(
            "the packages for Phoenix are not installed: "
            "pip install 'phoenix-rlm-investigator[phoenix]'"
        ) from None

    headers = dict(parse_env_headers(os.environ.get(_HEADERS_VARIABLE, "")))
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        headers["authorization"] = f"Bearer {key}"
    return httpx.Client(
        base_url=address.base_url,
        headers=headers,
        timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        follow_redirects=False,
        trust_env=not _is_local(address),
    )


def _is_local(address: PhoenixAddress) -> bool:
    host = address.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return host == "localhost" or host.startswith("127.")
