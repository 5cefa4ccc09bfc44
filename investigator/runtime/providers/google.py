"""Google's Gemini API, at its own address or at a gateway that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from investigator.runtime.prices import install
from investigator.runtime.providers.provider import Endpoint, Provider

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

_URL = "https://generativelanguage.googleapis.com"


def _connect(endpoint: Endpoint, key: str, http: httpx2.AsyncClient) -> Model:
    """A model of Google."""
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(api_key=key, base_url=endpoint.base_url or _URL, http_client=http)
    return GoogleModel(endpoint.model, provider=provider)


PROVIDER = Provider(
    name="google",
    connect=_connect,
    key_names=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    requires=("pydantic_ai.models.google",),
    install=install("google"),
    libraries=("google", "google_genai"),
)
