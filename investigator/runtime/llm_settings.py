"""Which model is asked, where and how; a key is named, never held.

A key is read from the environment at the moment it is needed, and an endpoint of one's own is
never sent the key of another.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from investigator.errors import UsageError
from investigator.ground import lazy_re2 as re2
from investigator.runtime.providers import provider_named, providers

NO_KEY = "no-key"
"""What an endpoint that needs no key is sent, since the libraries insist on one."""


_SENDABLE = re2.compile(r"[!-~]+")
"""What a header carries as it is: ASCII that is seen."""


_VARIABLE = re2.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class ModelSettings(BaseModel):
    """Which model is asked, where, and how.

    A plug-in may bring a provider, so whether there is one of that name is checked when a run
    starts: a stored run can still be read after its plug-in was removed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = "openai"
    """`openai` (and every compatible endpoint), `anthropic`, `google`, or a plug-in's."""
    model: str = Field(min_length=1)
    """Name of the model, as the endpoint knows it."""
    base_url: str | None = None
    """Endpoint other than the provider's own, such as `http://127.0.0.1:8080/v1`."""
    api_version: str | None = None
    """API version of an Azure endpoint."""
    api_key_env: str | None = None
    """Environment variable that holds the key. The key itself is never written anywhere."""
    temperature: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Sampling temperature; not sent to models that take none."""
    max_output_tokens: int = Field(default=1500, gt=0)
    """Upper bound of a reply; held from the budget before each turn and sent to the provider."""
    context_tokens: int | None = Field(default=None, gt=0)
    """The model's context window: prompt and reply together."""
    timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    """Seconds that one attempt may take, however slowly the reply arrives."""
    latency_s: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    """Seconds that a turn takes at least; a scope keeps as much back for its final turn."""
    price_as: str | None = Field(default=None, min_length=1)
    """Model of the price table whose price applies, for a model the table doesn't know."""
    price_in_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars per million input tokens; in place of the price table."""
    price_out_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars per million output tokens."""
    price_cached_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars per million input tokens that the provider's cache had; none: as other input."""
    price_cache_write_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars per million input tokens that are put into the cache; none: as other input."""
    structured: Literal["json_schema", "grammar", "json_object", "none"] = "json_schema"
    """How replies are held to a schema: `json_schema` (the subset of the large providers),
    `grammar` (all of JSON Schema, with the ids a turn knows: llama.cpp, vLLM, Ollama),
    `json_object`, or `none`."""
    max_retries: int = Field(default=2, ge=0)
    """Further attempts after a failed one."""

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if (self.price_in_per_mtok is None) != (self.price_out_per_mtok is None):
            raise ValueError("give both price_in_per_mtok and price_out_per_mtok, or neither")
        of_cache = (self.price_cached_per_mtok, self.price_cache_write_per_mtok)
        if self.price_in_per_mtok is None and any(price is not None for price in of_cache):
            raise ValueError(
                "price_cached_per_mtok and price_cache_write_per_mtok go with price_in_per_mtok "
                "and price_out_per_mtok: give these too"
            )
        if self.price_as is not None and self.price_in_per_mtok is not None:
            raise ValueError("give price_as or price_in_per_mtok and price_out_per_mtok, not both")
        if self.api_version is not None and not (self.base_url and self._takes_api_version):
            raise ValueError("api_version is of an Azure endpoint: give its base_url too")
        if self.api_key_env is not None and not _VARIABLE.fullmatch(self.api_key_env):
            # Not shown: what is no name of a variable may be the key itself.
            raise ValueError("api_key_env is the name of an environment variable, not a key")
        if self.base_url is not None and not _is_plain_url(self.base_url):
            raise ValueError("base_url is http(s)://host[:port]/path, without a key or a query")
        return self

    @property
    def _takes_api_version(self) -> bool:
        provider = providers().get(self.provider)
        return provider is None or provider.takes_api_version


def key_name(settings: ModelSettings) -> str | None:
    """The variable of the key: the named one, or the provider's own where it is asked itself."""
    if settings.api_key_env is not None:
        return settings.api_key_env
    if settings.base_url is not None:
        return None
    names = provider_named(settings.provider).key_names
    return next((name for name in names if os.environ.get(name)), names[0])


def api_key_of(settings: ModelSettings) -> str:
    """The key itself; UsageError where its variable is not set."""
    name = key_name(settings)
    if name is None:
        return NO_KEY
    key = os.environ.get(name, "").strip()
    if not key:
        raise UsageError(
            f"no key for {settings.provider} models: the environment variable {name} is not set; "
            "set it, or name another one (--api-key-env)"
        )
    if not _SENDABLE.fullmatch(key):
        raise UsageError(
            f"the key in {name} has spaces, line breaks or letters that no key has, so it cannot "
            "be sent: put the key alone into it"
        )
    return key


def is_on_this_machine(settings: ModelSettings) -> bool:
    """Whether the endpoint is on the loopback interface."""
    host = urlsplit(settings.base_url or "").hostname
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _is_plain_url(url: str) -> bool:
    parts = urlsplit(url)
    bare = parts.username is None and not parts.query and not parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and bare
