"""Where an MLflow is: `mlflow://HOST:PORT/EXPERIMENT`, or what its own variables say.

`mlflows://` speaks HTTPS; `mlflow+http://` and `mlflow+https://` are other spellings. What an
address leaves out is taken from the environment variables that MLflow's own client reads, then
from its defaults. Keys are never part of an address: they are read from the environment when a
connection is made, and kept nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from investigator.connectors.server_connection import first_set
from investigator.errors import UsageError

MLFLOW_SCHEMES = {
    "mlflow": "http",
    "mlflows": "https",
    "mlflow+http": "http",
    "mlflow+https": "https",
}
"""The first that speaks a protocol is how an address is written down."""
TOKEN_VARIABLE = "MLFLOW_TRACKING_TOKEN"
USER_VARIABLE, PASSWORD_VARIABLE = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
DEFAULT_EXPERIMENT = "Default"
"""The experiment of what names none; its id is 0."""

_URI_VARIABLE = "MLFLOW_TRACKING_URI"
_EXPERIMENT_VARIABLES = ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID")
_DEFAULT_PORT = 5000
_FORM = "mlflow://HOST:PORT/EXPERIMENT"


@dataclass(frozen=True, slots=True)
class MLflowAddress:
    """An experiment of an MLflow. `base_url` is http(s)://HOST[:PORT][/PATH], no slash last."""

    base_url: str
    experiment: str
    """Its name or its id."""

    def __str__(self) -> str:
        scheme, _, rest = self.base_url.partition("://")
        name = next(name for name, http in MLFLOW_SCHEMES.items() if http == scheme)
        return f"{name}://{rest}/{quote(self.experiment, safe='')}"


def is_mlflow_address(source: str | os.PathLike[str]) -> bool:
    """Whether a source names an MLflow rather than files."""
    return str(source).startswith(tuple(f"{scheme}:" for scheme in MLFLOW_SCHEMES))


def mlflow_address(source: str, environ: Mapping[str, str] = os.environ) -> MLflowAddress:
    """The address that a source names, complete.

    The last part of the path is the experiment; what stands before it is the path below which
    MLflow is served. `mlflow:` alone leaves everything to the environment.

    Raises:
        UsageError: it is no address of an MLflow, or holds a key.
    """
    scheme, _, rest = source.partition(":")
    form = f"an MLflow is named {_FORM}, not '{source}'"
    if scheme not in MLFLOW_SCHEMES:
        raise UsageError(form)
    try:
        parts = urlsplit(f"{MLFLOW_SCHEMES[scheme]}:{rest}")
        named_port = parts.port
    except ValueError:
        raise UsageError(f"{form}: the port is no number, or the host none") from None
    if parts.query or parts.fragment or (parts.netloc and not parts.hostname):
        raise UsageError(form)
    if parts.username is not None:
        raise UsageError(
            f"an address holds no key or password: set {TOKEN_VARIABLE}, or {USER_VARIABLE} and "
            f"{PASSWORD_VARIABLE}, instead"
        )
    path, _, experiment = parts.path.rstrip("/").rpartition("/")
    experiment = unquote(experiment) or first_set(environ, _EXPERIMENT_VARIABLES) or ""
    experiment = experiment or DEFAULT_EXPERIMENT
    if not parts.netloc:
        return MLflowAddress(_environments(environ), experiment)
    default = "" if named_port or parts.scheme == "https" else f":{_DEFAULT_PORT}"
    return MLflowAddress(f"{parts.scheme}://{parts.netloc}{default}{path}", experiment)


def _environments(environ: Mapping[str, str]) -> str:
    """The base URL that the environment names; that of `mlflow server` where it names none."""
    uri = first_set(environ, (_URI_VARIABLE,))
    if uri is None:
        return f"http://127.0.0.1:{_DEFAULT_PORT}"
    if not uri.startswith(("http://", "https://")):
        raise UsageError(f"{_URI_VARIABLE} is '{uri}', no server: name one ({_FORM})")
    return uri.rstrip("/")
