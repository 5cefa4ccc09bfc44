"""Where a Phoenix is: `phoenix://HOST:PORT/PROJECT`, or what its own variables say.

`phoenixs://` speaks HTTPS. What an address leaves out is taken from the environment variables
that Phoenix's own tools read, then from Phoenix's defaults. A key is never part of an address:
it is read from `PHOENIX_API_KEY` when a connection is made, and kept nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from investigator.connectors.server_connection import first_set
from investigator.errors import UsageError

SCHEMES = {"phoenix": "http", "phoenixs": "https"}
ENDPOINT_VARIABLES = ("PHOENIX_ENDPOINT", "PHOENIX_COLLECTOR_ENDPOINT")
PROJECT_VARIABLES = ("PHOENIX_PROJECT", "PHOENIX_PROJECT_NAME")
KEY_VARIABLE = "PHOENIX_API_KEY"
DEFAULT_PORT = 6006
DEFAULT_PROJECT = "default"
"""The project of spans that name none."""

_EXPORT_PATH = "/v1/traces"
"""What a collector's address may end with; the API is not below it."""


@dataclass(frozen=True, slots=True)
class PhoenixAddress:
    """A project of a Phoenix. `base_url` is http(s)://HOST[:PORT][/PATH], without a slash last."""

    base_url: str
    project: str

    def __str__(self) -> str:
        scheme, _, rest = self.base_url.partition("://")
        name = next(name for name, http in SCHEMES.items() if http == scheme)
        return f"{name}://{rest}/{quote(self.project, safe='')}"


def is_phoenix_address(source: str | os.PathLike[str]) -> bool:
    """Whether a source names a Phoenix rather than files."""
    return str(source).startswith(tuple(f"{scheme}:" for scheme in SCHEMES))


def phoenix_address(source: str, environ: Mapping[str, str] = os.environ) -> PhoenixAddress:
    """The address that a source names, complete.

    The last part of the path is the project; what stands before it is the path below which
    Phoenix is served. `phoenix:` alone leaves everything to the environment.

    Raises:
        UsageError: it is no address of a Phoenix, or holds a key.
    """
    scheme, _, rest = source.partition(":")
    form = f"a Phoenix is named phoenix://HOST:PORT/PROJECT, not '{source}'"
    parts = urlsplit(f"{SCHEMES.get(scheme, 'http')}:{rest}")
    if scheme not in SCHEMES or parts.query or parts.fragment:
        raise UsageError(form)
    if parts.username is not None:
        raise UsageError(f"an address holds no key or password: set {KEY_VARIABLE} instead")
    path, _, project = parts.path.rstrip("/").rpartition("/")
    project = unquote(project) or first_set(environ, PROJECT_VARIABLES) or DEFAULT_PROJECT
    if not parts.netloc:
        return PhoenixAddress(_environments(environ), project)
    try:
        named_port = parts.port
    except ValueError:
        raise UsageError(f"{form}: the port is no number") from None
    default = "" if named_port or scheme == "phoenixs" else f":{DEFAULT_PORT}"
    return PhoenixAddress(f"{parts.scheme}://{parts.netloc}{default}{path}", project)


def _environments(environ: Mapping[str, str]) -> str:
    """The base URL that the environment names; Phoenix's own default where it names none."""
    endpoint = first_set(environ, ENDPOINT_VARIABLES)
    if endpoint is None:
        host = environ.get("PHOENIX_HOST") or "127.0.0.1"
        host = "127.0.0.1" if host == "0.0.0.0" else host
        return f"http://{host}:{environ.get('PHOENIX_PORT') or DEFAULT_PORT}"
    if not endpoint.startswith(("http://", "https://")):
        raise UsageError(f"{ENDPOINT_VARIABLES[0]} is http(s)://HOST:PORT, not '{endpoint}'")
    return endpoint.rstrip("/").removesuffix(_EXPORT_PATH)
