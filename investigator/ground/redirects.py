"""No client of the package follows a redirect: a request and its keys go where the user said.

A redirect is told with the address that it names, without the name, password and query that may
stand in it, so that the user can decide whether that is the right one.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit, urlunsplit

STATUSES = range(300, 400)
_SHOWN = 300
"""Characters of an address that are shown; whoever redirects decides how long it is."""


def redirected(asked: str, status: int, location: str | None, todo: str) -> str:
    """What a server did that redirects a request, and what to do about it."""
    return (
        f"{asked} redirects to {_shown(asked, location)} ({status}); redirects are not followed, "
        f"and nothing was sent there: if that is the right address, {todo}"
    )


def _shown(asked: str, location: str | None) -> str:
    if not location:
        return "an address that it does not name"
    try:
        parts = urlsplit(urljoin(asked, location))
    except ValueError:
        return "what is no address"
    host = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, host, parts.path, "", ""))
    return "".join(c if c.isprintable() else "�" for c in plain[:_SHOWN])
