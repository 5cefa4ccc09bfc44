"""OpenAI itself, Azure's deployments, and every endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from investigator.runtime.prices import install
from investigator.runtime.providers.provider import Endpoint, Provider

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_URL = "https://api.openai.com/v1"


def _connect(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> Model:
    """A model of OpenAI, of Azure or of a compatible endpoint.

    Azure's deployments are asked by their `api_version`; its newer `/openai/v1` needs none.
    A schema is sent as it is. Only OpenAI and Azure know `max_completion_tokens`; the others are
    told `max_tokens`.
    """
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.azure import AzureProvider
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    base_url = endpoint.base_url
    host = urlsplit(base_url or _URL).hostname or ""
    theirs = endpoint.api_version is not None or host.endswith((".openai.com", ".azure.com"))
    profile = OpenAIModelProfile(
        json_schema_transformer=None,
        supports_json_schema_output=True,
        openai_chat_supports_max_completion_tokens=theirs,
    )
    provider: OpenAIProvider | OpenAICompatibleProvider | AzureProvider
    if endpoint.api_version is not None:
        assert base_url is not None
        provider = AzureProvider(
            azure_endpoint=base_url,
            api_version=endpoint.api_version,
            api_key=key,
            http_client=http,
        )
    elif theirs:
        provider = OpenAIProvider(base_url=base_url or _URL, api_key=key, http_client=http)
    else:
        assert base_url is not None
        provider = OpenAICompatibleProvider(
            "openai-compatible", base_url=base_url, api_key=key, http_client=http
        )
    return OpenAIChatModel(endpoint.model, provider=provider, profile=profile)


def _request(endpoint: Endpoint) -> Mapping[str, Any]:
    """The library repeats nothing; JSON mode is its own field."""
    if endpoint.structured != "json_object":
        return {"max_retries": 0}
    return {"max_retries": 0, "extra_body": {"response_format": {"type": "json_object"}}}


PROVIDER = Provider(
    name="openai",
    connect=_connect,
    key_names=("OPENAI_API_KEY",),
    requires=("pydantic_ai.models.openai",),
    install=install("models"),
    request=_request,
    libraries=("openai",),
    takes_api_version=True,
)
