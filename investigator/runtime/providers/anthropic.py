"""Anthropic's messages, at its own address or at a gateway that speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from investigator.runtime.prices import install
from investigator.runtime.providers.provider import Endpoint, Provider

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_URL = "https://api.anthropic.com"


def _connect(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> Model:
    """A model of Anthropic."""
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key=key, base_url=endpoint.base_url or _URL, http_client=http)
    return AnthropicModel(endpoint.model, provider=AnthropicProvider(anthropic_client=client))


def _request(_: Endpoint) -> Mapping[str, Any]:
    """The library repeats nothing."""
    return {"max_retries": 0}


PROVIDER = Provider(
    name="anthropic",
    connect=_connect,
    key_names=("ANTHROPIC_API_KEY",),
    requires=("pydantic_ai.models.anthropic",),
    install=install("anthropic"),
    request=_request,
    libraries=("anthropic",),
)
