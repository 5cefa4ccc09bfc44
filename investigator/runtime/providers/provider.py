"""A model provider is one value: whose key is asked for, and how its API is spoken.

Requests are made through pydantic-ai, over connections of the client's own, so that time limits,
bounds on replies and redirects hold for every provider alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model


class Endpoint(Protocol):
    """What of a model's settings a provider needs. `base_url` None: the provider's own address."""

    @property
    def model(self) -> str: ...

    @property
    def base_url(self) -> str | None: ...

    @property
    def api_version(self) -> str | None: ...

    @property
    def structured(self) -> str: ...


def _nothing(_: Endpoint) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One API that models are asked through.

    `connect` makes the model of pydantic-ai, given the key and the connections to use. The key is
    looked for in the environment variables `key_names`, in this order. `requires` are the modules
    it needs, `install` the command that brings them. `request` are settings of each request
    besides the limits; `libraries` the loggers that may quote the key.
    """

    name: str
    connect: Callable[[Endpoint, str, httpx2.AsyncClient], Model]
    key_names: tuple[str, ...]
    requires: tuple[str, ...]
    install: str
    request: Callable[[Endpoint], Mapping[str, Any]] = _nothing
    libraries: tuple[str, ...] = ()
    takes_api_version: bool = False
