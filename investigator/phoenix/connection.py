"""Requests to a Phoenix: repeated where that helps, and in words where nothing does.

Reads are repeated after lost connections, time-outs, 429 and 5xx. What a Phoenix cannot do
because it is too old is said with the version that can.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from investigator.errors import SourceUnavailable, UsageError
from investigator.phoenix.address import KEY_VARIABLE, PhoenixAddress

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 60.0
"""What one request may take. Phoenix's client allows 5 s, which large traces exceed."""
CONNECT_S = 5.0
ATTEMPTS = 4
FIRST_PAUSE_S = 0.25
"""The pause before the first repetition; it doubles with each."""
HEADERS_VARIABLE = "PHOENIX_CLIENT_HEADERS"

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_VERSION = "x-phoenix-server-version"
Params = Mapping[str, str | int | bool | Sequence[str] | None]


class PhoenixConnection:
    """HTTP to one Phoenix; `pause` sleeps between attempts."""

    def __init__(
        self,
        address: PhoenixAddress,
        *,
        timeout_s: float = TIMEOUT_S,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.address = address
        self._pause = pause
        self._http = _client(address, timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._http.close()

    @property
    def http(self) -> httpx.Client:
        """The client itself, for Phoenix's own library."""
        return self._http

    def project_url(self, rest: str) -> str:
        """The path of something of the project."""
        return f"v1/projects/{quote(self.address.project, safe='')}/{rest}"

    def get(self, url: str, params: Params, *, since: str) -> dict[str, Any]:
        """The JSON object that a path answers; `since` is the first Phoenix that has it.

        Raises:
            SourceUnavailable: there is no answer, or none of use; the message says why.
        """
        import httpx

        trouble = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                response = self._http.get(url, params=dict(params))
            except httpx.TimeoutException:
                trouble = f"did not answer within {self._http.timeout.read:g} s"
                continue
            except httpx.TransportError as error:
                trouble = f"cannot be reached ({type(error).__name__}: {error or 'no details'})"
                continue
            if response.status_code not in _AGAIN:
                return self._object(response, since)
            trouble = f"answered {response.status_code} {response.text[:200].strip()}".strip()
        raise SourceUnavailable(
            f"Phoenix at {self.address.base_url} {trouble}, {ATTEMPTS} times; "
            "is it up, and is that its address?"
        )

    def _object(self, response: httpx.Response, since: str) -> dict[str, Any]:
        here = f"Phoenix at {self.address.base_url}"
        match response.status_code:
            case 401 | 403:
                raise SourceUnavailable(
                    f"{here} refuses the key ({response.status_code}): set {KEY_VARIABLE}"
                )
            case 404 if self._is_a_missing_project(response):
                raise SourceUnavailable(f"{here} has no project '{self.address.project}'")
            case 404 | 405 | 422:
                raise SourceUnavailable(
                    f"{here} (version {response.headers.get(_VERSION, 'not told')}) does not "
                    f"answer {response.request.url.path}: {since} or newer is needed"
                )
        try:
            response.raise_for_status()
            answer = response.json()
        except ValueError:
            answer = None
        except import_module("httpx").HTTPStatusError:
            raise SourceUnavailable(f"{here} answered {response.status_code}") from None
        if not isinstance(answer, dict):
            raise SourceUnavailable(f"{here} answered no JSON object: is that a Phoenix?")
        return answer

    def _is_a_missing_project(self, response: httpx.Response) -> bool:
        return "project" in response.text.lower()


def _client(address: PhoenixAddress, timeout_s: float) -> httpx.Client:
    try:
        import httpx
        from phoenix.client.utils.parse_env_headers import parse_env_headers
    except ImportError:
        raise UsageError(
            "the packages for Phoenix are not installed: "
            "pip install 'phoenix-rlm-investigator[phoenix]'"
        ) from None

    headers = dict(parse_env_headers(os.environ.get(HEADERS_VARIABLE, "")))
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        headers["authorization"] = f"Bearer {key}"
    return httpx.Client(
        base_url=address.base_url,
        headers=headers,
        timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        trust_env=not _is_local(address),
    )


def _is_local(address: PhoenixAddress) -> bool:
    host = address.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return host == "localhost" or host.startswith("127.")
