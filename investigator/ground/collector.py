"""Spans reach a collector by one POST, which a 2xx answers; anything else is told as it is.

Headers that the collector asks for (a key) are those of `OTEL_EXPORTER_OTLP_HEADERS`, as the
OpenTelemetry specification has it; no other key is sent along.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from investigator.errors import UsageError
from investigator.ground.redirects import STATUSES, redirected
from investigator.ground.wording import counted

HEADERS_VARIABLE = "OTEL_EXPORTER_OTLP_HEADERS"
_TIMEOUT_S = 30.0
_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_QUOTED = 200
"""Bytes of a refusal that are quoted."""
_SHORTEST_KEY = 6
EXAMPLE = "http://127.0.0.1:6006/v1/traces"


class NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer like any other that is no 2xx."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """There is no further request."""


def require_collector(url: str, option: str) -> None:
    """Refuse what is no address, before any work; `option` is where the user named it.

    Raises:
        UsageError: no address of an HTTP endpoint, or one with a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{option} takes the address of an OTLP endpoint ({EXAMPLE}), not '{url}'")
    if "@" in parts.netloc:
        raise UsageError(
            f"{option} takes no name and password in the address of {parts.hostname}; give them "
            f"as a header: {HEADERS_VARIABLE}='authorization=Basic%20...'"
        )


def post_spans(url: str, body: bytes, *, sent: int) -> None:
    """Send an export request in protobuf; `sent` is how many spans went before it.

    Raises:
        UsageError: the collector cannot be reached, or does not take the spans.
    """
    headers = _headers()
    try:
        sends = {"Content-Type": "application/x-protobuf", **headers}
        request = Request(url, data=body, headers=sends, method="POST")
        with build_opener(NoRedirects).open(request, timeout=_TIMEOUT_S) as response:
            assert 200 <= response.status < 300, "urllib raises anything else"
    except HTTPError as refused:
        with refused:
            raise UsageError(_refusal(url, refused, sent, headers)) from refused
    except (URLError, HTTPException, OSError) as lost:
        reason = lost.reason if isinstance(lost, URLError) else lost
        raise UsageError(
            f"{url} cannot be reached: {reason} ({_sent(sent)}); is the collector running there?"
        ) from lost


def _sent(count: int) -> str:
    return f"{counted(count, 'span was', 'spans were')} sent before"


def _refusal(url: str, refused: HTTPError, sent: int, headers: Mapping[str, str]) -> str:
    if refused.code in STATUSES:
        location = refused.headers.get("Location")
        told = redirected(url, refused.code, location, "send the spans there")
        return f"{_without_keys(told, headers)} ({_sent(sent)})"
    said = _without_keys(refused.read(_QUOTED).decode("utf-8", "replace"), headers).strip()
    return (
        f"{url} did not take the spans: {refused.code} {refused.reason}"
        f"{': ' if said else ''}{said} ({sent} were sent before); it has to be the address of "
        f"an OTLP/HTTP endpoint for traces, such as {EXAMPLE}; headers that it needs are read "
        f"from {HEADERS_VARIABLE}"
    )


def _headers() -> dict[str, str]:
    """`name=value` pairs with commas between, the values percent-encoded."""
    pairs = (pair.partition("=") for pair in os.environ.get(HEADERS_VARIABLE, "").split(","))
    headers = {name.strip(): unquote(value.strip()) for name, equals, value in pairs if equals}
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and value.isprintable() and value.isascii()):
            raise UsageError(
                f"{HEADERS_VARIABLE} has a header '{name}' that can't be sent: names are words, "
                "and values printable ASCII once their percent-encoding is undone"
            )
    return headers


def _without_keys(said: str, headers: Mapping[str, str]) -> str:
    """A refusal that repeats the key that it was sent."""
    for value in headers.values():
        for key in (value, *value.split()):
            if len(key) >= _SHORTEST_KEY:
                said = said.replace(key, "(key)")
    return said
