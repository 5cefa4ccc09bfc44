"""The model providers: those built in, and those of plug-ins. Only this folder names vendors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from investigator.errors import UsageError
from investigator.ground.plugins import Registry
from investigator.runtime.providers.provider import Provider

BUILT_IN_PROVIDERS = ("openai", "anthropic", "google")
"""The modules of this folder that are a provider, each its `PROVIDER`."""


def providers() -> Mapping[str, Provider]:
    """Every provider by name."""
    return PROVIDERS.by_name()


def provider_named(name: str) -> Provider:
    """A provider by its name.

    Raises:
        UsageError: there is none of that name.
    """
    known = providers()
    if name not in known:
        raise UsageError(
            f"no model provider '{name}'; there are: {', '.join(known)} (a plug-in that brought "
            "it may be missing or left out)"
        )
    return known[name]


@cache
def _built_in() -> tuple[Provider, ...]:
    return tuple(import_module(f"{__name__}.{name}").PROVIDER for name in BUILT_IN_PROVIDERS)


PROVIDERS = Registry("investigator.models", Provider, _built_in)
