"""What a client needs to reach its model: the packages, the connections, whom to trust.

Nothing of a library is imported before it is needed.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from investigator.errors import UsageError
from investigator.runtime.llm_settings import ModelSettings, is_on_this_machine

if TYPE_CHECKING:
    import ssl

    import httpx2

    from investigator.runtime.providers.provider import Provider

KEPT_CONNECTIONS = 64
"""How many idle connections are kept; none to this machine, where a new one costs nothing."""


def require_packages(provider: Provider) -> None:
    """Import what a provider needs."""
    try:
        for module in (*provider.requires, "httpx2"):
            import_module(module)
    except ImportError:
        raise UsageError(
            f"the packages for {provider.name} models are not installed: {provider.install}"
        ) from None


def http_client(settings: ModelSettings) -> httpx2.AsyncClient:
    """Connections of our own: with the environment's proxies, but for this machine itself."""
    import httpx2

    from investigator.runtime import llm_transport

    here = is_on_this_machine(settings)
    kept = 0 if here else KEPT_CONNECTIONS
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s / 2)),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=kept),
        verify=_certificates(),
        trust_env=not here,
        headers={"Accept-Encoding": llm_transport.TAKES},
        event_hooks={"response": [llm_transport.bound]},
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once: that takes 40 ms."""
    import httpx2

    return httpx2.create_ssl_context()
