"""Requests to a server of traces: repeated where that helps, bounded, and in words where they fail.

Requests are repeated after lost connections, time-outs, 429 and 5xx. Redirects are not followed. An
answer is read up to a number of bytes and for so long, whatever the server goes on sending; it is
asked for unpacked, since a packed one may unpack to anything.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import quote

from investigator.errors import SourceUnavailable, UsageError
from investigator.ground.redirects import STATUSES, redirected

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 60.0
"""How long a server may be silent."""
CONNECT_S = 5.0
ATTEMPTS = 4
FIRST_PAUSE_S = 0.25
"""The pause before the first repetition; it doubles with each."""
SHOWN = 300
"""Characters of what a server says that are shown."""

Method = Literal["GET", "POST", "PATCH", "DELETE"]
T = TypeVar("T")

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_ONE_SEGMENT = frozenset({".", ".."})


class AnswerBounds(NamedTuple):
    """What one answer may take; a page of long spans is some tens of megabytes."""

    most_bytes: int = 256 * 2**20
    most_s: float = 300.0


class TooLargeAnswer(SourceUnavailable):
    """An answer is longer than is read; a smaller page may be asked for."""


class ServerConnection(ABC):
    """Requests to one server of `base_url`; `pause` sleeps between attempts."""

    def __init__(
        self, name: str, base_url: str, http: httpx.Client, *, pause: Callable[[float], object]
    ) -> None:
        """`name` is what messages call the server; `http` is of `bounded_client`."""
        self.here = f"{name} at {base_url}"
        self.http = http
        self._name = name
        self._pause = pause

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
        self.http.close()

    @abstractmethod
    def refusal(self, response: httpx.Response, since: str) -> SourceUnavailable:
        """Why it is no use to ask the same again; `since` is the first version that answers."""

    def ask(
        self,
        method: Method,
        url: str,
        *,
        since: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that a request is answered with, empty where there is nothing to say.

        Raises:
            SourceUnavailable: there is no answer, or none of use; the message says why.
        """

        def request() -> httpx.Response:
            # An empty query would take away the one that an address has.
            asked = dict(params) if params else None
            return self.http.request(method, url, params=asked, json=body).raise_for_status()

        response = self.attempted(request, since=since)
        if response.status_code == 204:
            return {}
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise SourceUnavailable(
                f"{self.here} answered no JSON object: is that {_article(self._name)}?"
            )
        return answer

    def attempted(self, call: Callable[[], T], *, since: str) -> T:
        """What a call returns that may be made twice; `since` is the first version that has it.

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
                trouble = in_short(error.response)
                if error.response.status_code not in _AGAIN:
                    raise self._refused(error.response, since) from None
        raise SourceUnavailable(
            f"{self.here} {trouble}, {ATTEMPTS} times; is it up, and is that its address?"
        )

    def _refused(self, response: httpx.Response, since: str) -> SourceUnavailable:
        if response.status_code in STATUSES:
            asked, location = str(response.request.url), response.headers.get("location")
            todo = f"name that {self._name} as the source"
            return SourceUnavailable(redirected(asked, response.status_code, location, todo))
        return self.refusal(response, since)


def in_short(response: httpx.Response) -> str:
    """What a server answered, in short."""
    return f"answered {response.status_code} {response.text[:SHOWN].strip()}".strip()


def path_segment(name: str) -> str:
    """A name as one part of a path, which it cannot leave.

    Raises:
        UsageError: a server, or what stands before it, would take it for a step up.
    """
    if name in _ONE_SEGMENT:
        raise UsageError(f"'{name}' cannot be asked for: in an address it is a folder, not a name")
    return quote(name, safe="")


def bounded_client(
    base_url: str,
    headers: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
    bounds: AnswerBounds | None = None,
    auth: tuple[str, str] | None = None,
) -> httpx.Client:
    """A client all of whose answers are bounded; a server of this machine is asked directly."""
    import httpx

    limits = bounds or AnswerBounds()
    return httpx.Client(
        base_url=base_url,
        headers={**headers, "accept-encoding": "identity"},
        timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        follow_redirects=False,
        trust_env=not is_local(base_url),
        auth=auth,
        event_hooks={"response": [lambda response: _bound(response, limits)]},
    )


def is_local(base_url: str) -> bool:
    """Whether a server is of this machine, which no proxy need reach."""
    host = base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return host == "localhost" or host.startswith("127.")


def first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """The first of these variables that says something."""
    return next((value for name in names if (value := environ.get(name, "").strip())), None)


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def _bound(response: httpx.Response, limits: AnswerBounds) -> None:
    """Let a response be read within the limits; what was asked for unpacked must come so."""
    import httpx

    where = str(response.request.url.copy_with(query=None))
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise SourceUnavailable(
            f"{where} answered in {packed[:20]}, though asked not to pack its answers: let no "
            "proxy before it do so"
        )
    whole = response.stream
    assert isinstance(whole, httpx.SyncByteStream)

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream: httpx.SyncByteStream) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            yield from _bounded(self._stream, where, limits)

        def close(self) -> None:
            self._stream.close()

    response.stream = Bounded(whole)


def _bounded(stream: httpx.SyncByteStream, where: str, limits: AnswerBounds) -> Iterator[bytes]:
    total, until = 0, time.monotonic() + limits.most_s
    for chunk in stream:
        total += len(chunk)
        if total > limits.most_bytes:
            raise TooLargeAnswer(
                f"{where} answered more than {limits.most_bytes / 2**20:,.0f} MB; no answer is "
                "read beyond that"
            )
        if time.monotonic() > until:
            raise SourceUnavailable(
                f"{where} was still sending after {limits.most_s:g} s; no answer is read longer"
            )
        yield chunk


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOM" else f"a {name}"
