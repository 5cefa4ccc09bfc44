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
    """Which model is asked, where and how. `api_key_env` names a variable, it is not a key.

    Prices are in US dollars for a million tokens; `price_as` names the model of the price table
    whose price it has, such as one behind a base URL that the table does not know. Times in
    seconds. `timeout_s` bounds a whole attempt, however slowly a reply drips in; `latency_s` is
    what a turn takes at the least, and what is kept back for the last one. `context_tokens` is
    what prompt and reply may take together; None: no limit. `temperature` None is not sent.
    `structured` says how replies are held to a schema: `json_schema` in the large providers'
    subset; `grammar`, with bounds and with the ids that a turn knows, where all of JSON Schema is
    enforced (llama.cpp, vLLM, Ollama). `provider` may be a plug-in's, so whether there is such a
    one is asked when a run starts: a stored run can still be read where its plug-in is gone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = "openai"
    model: str = Field(min_length=1)
    base_url: str | None = None
    api_version: str | None = None
    api_key_env: str | None = None
    temperature: float | None = Field(default=0.0, ge=0, allow_inf_nan=False)
    max_output_tokens: int = Field(default=1500, gt=0)
    context_tokens: int | None = Field(default=None, gt=0)
    timeout_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    latency_s: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    price_as: str | None = Field(default=None, min_length=1)
    price_in_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_out_per_mtok: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    structured: Literal["json_schema", "grammar", "json_object", "none"] = "json_schema"
    max_retries: int = Field(default=2, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if (self.price_in_per_mtok is None) != (self.price_out_per_mtok is None):
            raise ValueError("give both price_in_per_mtok and price_out_per_mtok, or neither")
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
