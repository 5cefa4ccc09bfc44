"""Requests to an MLflow, in the terms of its REST API; the experiment is named by name or by id."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from investigator.connectors.mlflow.mlflow_address import (
    DEFAULT_EXPERIMENT,
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    USER_VARIABLE,
    MLflowAddress,
)
from investigator.connectors.server_connection import (
    SHOWN,
    TIMEOUT_S,
    AnswerBounds,
    Method,
    ServerConnection,
    bounded_client,
    environment,
    in_short,
    path_segment,
)
from investigator.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    import httpx

TRACES = "api/3.0/mlflow/traces"
MLFLOW_SINCE = "MLflow 3.0"
"""The first with version 3 of the API of traces, and with assessments."""

_EXPERIMENTS = "api/2.0/mlflow/experiments"
_GONE = "RESOURCE_DOES_NOT_EXIST"
_PAGE_TRACES = 200
"""How many traces' infos one request asks for; 500 is the most."""


class NotThere(SourceUnavailable):
    """An MLflow has nothing of that name, or does not answer such a request."""


class Experiment(NamedTuple):
    """An experiment as MLflow knows it."""

    id: str
    name: str


class MLflowConnection(ServerConnection):
    """Requests to one MLflow; `pause` sleeps between attempts."""

    def __init__(
        self,
        address: MLflowAddress,
        *,
        timeout_s: float = TIMEOUT_S,
        bounds: AnswerBounds | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.address = address
        http = _mlflow_client(address, timeout_s, bounds)
        super().__init__("MLflow", address.base_url, http, pause=pause)

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment that the address names: the one of that id, else of that name.

        Raises:
            SourceUnavailable: there is none, or MLflow cannot be asked.
        """
        named = self.address.experiment
        asked = [("get-by-name", {"experiment_name": named})]
        if named.isascii() and named.isdecimal():
            asked.insert(0, ("get", {"experiment_id": named}))
        for how, params in asked:
            try:
                found = self.send("GET", f"{_EXPERIMENTS}/{how}", params=params)
            except NotThere:
                continue
            held = found.get("experiment")
            if isinstance(held, dict) and held.get("experiment_id"):
                return Experiment(str(held["experiment_id"]), str(held.get("name", "")))
        raise SourceUnavailable(
            f"{self.here} has no experiment '{named}': name one by its name or its id "
            f"(without one, '{DEFAULT_EXPERIMENT}' is meant)"
        )

    def infos(self, filter_string: str | None = None) -> Iterator[dict[str, Any]]:
        """What MLflow says of each trace of the experiment, earliest first, page by page."""
        location = {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": self.experiment.id},
        }
        body: dict[str, Any] = {
            "locations": [location],
            "max_results": _PAGE_TRACES,
            "order_by": ["timestamp_ms ASC"],
        }
        if filter_string is not None:
            body["filter"] = filter_string
        while True:
            answer = self.send("POST", f"{TRACES}/search", body=body)
            found = answer.get("traces") or []
            yield from objects(found)
            token = answer.get("next_page_token")
            if not token or not found or token == body.get("page_token"):
                return
            body["page_token"] = token

    def info(self, mlflow_id: str) -> dict[str, Any] | None:
        """What MLflow says of one trace, with its assessments; None where it has none."""
        try:
            answer = self.send("GET", trace_url(mlflow_id))
        except NotThere:
            return None
        held = answer.get("trace")
        info = held.get("trace_info") if isinstance(held, dict) else None
        return info if isinstance(info, dict) else None

    def send(
        self,
        method: Method,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that a request is answered with.

        Raises:
            NotThere: MLflow has no such thing.
            SourceUnavailable: there is no answer, or none of use; the message says why.
        """
        return self.ask(method, url, params=params, body=body, since=MLFLOW_SINCE)

    def refusal(self, response: httpx.Response, since: str) -> SourceUnavailable:
        """What an MLflow refuses, and what to do about it."""
        match response.status_code:
            case 401 | 403:
                return SourceUnavailable(
                    f"{self.here} refuses access ({response.status_code}): set {TOKEN_VARIABLE}, "
                    f"or {USER_VARIABLE} and {PASSWORD_VARIABLE}"
                )
            case 404 if _GONE in response.text:
                return NotThere(f"{self.here} does not have what was named: {_message(response)}")
            case 404 | 405 | 501:
                asked = f"{response.request.method} {response.request.url.path}"
                return NotThere(f"{self.here} does not answer {asked}: {since} or newer is needed")
            case _:
                return SourceUnavailable(f"{self.here} {in_short(response)}")


def trace_url(mlflow_id: str, rest: str = "") -> str:
    """The path of a trace, or of something below it."""
    return f"{TRACES}/{path_segment(mlflow_id)}{rest}"


def objects(found: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing where there is no list."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _message(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    told = answer.get("message") if isinstance(answer, dict) else None
    return str(told if told is not None else response.text)[:SHOWN]


def _mlflow_client(
    address: MLflowAddress, timeout_s: float, bounds: AnswerBounds | None
) -> httpx.Client:
    variables = environment()
    token = variables.get(TOKEN_VARIABLE, "").strip()
    user, password = (variables.get(name, "") for name in (USER_VARIABLE, PASSWORD_VARIABLE))
    headers = {"authorization": f"Bearer {token}"} if token and not user else {}
    try:
        return bounded_client(
            address.base_url,
            headers,
            timeout_s=timeout_s,
            bounds=bounds,
            auth=(user, password) if user else None,
        )
    except ImportError:
        raise UsageError(
            "the package for MLflow is not installed: "
            "pip install 'phoenix-rlm-investigator[mlflow]'"
        ) from None
