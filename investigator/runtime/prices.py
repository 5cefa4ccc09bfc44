"""What tokens cost, in whole micro-USD and rounded up; None where no price is known.

A price comes from the user's own settings, else from the table that the package genai-prices
brings along. The table is never fetched, and a model or endpoint that it does not list has no
price: a local server's is not taken from a model of the same name elsewhere, unless the user says
so (`price_as`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeAlias

from investigator.errors import UsageError

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider


def install(extra: str) -> str:
    """The command that brings the packages that models need."""
    return f"pip install 'phoenix-rlm-investigator[{extra}]'"


class Priced(Protocol):
    """What of a model's settings its price depends on."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def base_url(self) -> str | None: ...

    @property
    def price_as(self) -> str | None: ...

    @property
    def price_in_per_mtok(self) -> float | None: ...

    @property
    def price_out_per_mtok(self) -> float | None: ...

    @property
    def price_cached_per_mtok(self) -> float | None: ...

    @property
    def price_cache_write_per_mtok(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price from the settings, in US dollars for a million tokens: micro-USD for one.

    Tokens of a cache cost what all others do, unless the settings say otherwise.
    """

    tokens_in: Decimal
    tokens_out: Decimal
    cached: Decimal
    cache_written: Decimal

    def __call__(
        self, tokens_in: int, tokens_out: int, cached: int = 0, cache_written: int = 0
    ) -> int:
        """What the tokens cost, of `tokens_in` those of a cache at its own prices."""
        cached = min(cached, tokens_in)
        written = min(cache_written, tokens_in - cached)
        return math.ceil(
            self.tokens_in * (tokens_in - cached - written)
            + self.cached * cached
            + self.cache_written * written
            + self.tokens_out * tokens_out
        )


@dataclass(frozen=True, slots=True)
class TablePrice:
    """A price from the table, with its tiers and its own prices for tokens of a cache."""

    provider: Provider
    model: ModelInfo

    def __call__(
        self, tokens_in: int, tokens_out: int, cached: int = 0, cache_written: int = 0
    ) -> int:
        """What the tokens cost, of `tokens_in` those of a cache at its own prices."""
        from genai_prices import Usage

        cached = min(cached, tokens_in)
        usage = Usage(
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cache_read_tokens=cached,
            cache_write_tokens=min(cache_written, tokens_in - cached),
        )
        return math.ceil(self.model.calc_price(usage, self.provider).total_price * 1_000_000)


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """No price is known."""

    def __call__(
        self, tokens_in: int, tokens_out: int, cached: int = 0, cache_written: int = 0
    ) -> None:
        """None."""


Price: TypeAlias = OwnPrice | TablePrice | UnknownPrice


def price_of(settings: Priced) -> Price:
    """The price of a model's tokens."""
    own_in, own_out = settings.price_in_per_mtok, settings.price_out_per_mtok
    if own_in is not None and own_out is not None:
        cached, written = settings.price_cached_per_mtok, settings.price_cache_write_per_mtok
        told = (own_in, own_out, own_in if cached is None else cached)
        prices = (*told, own_in if written is None else written)
        return OwnPrice(*(Decimal(str(price)) for price in prices))
    return _listed(settings)


def most_of(price: Price) -> Callable[[int, int], int | None]:
    """The most that a request can cost: a provider may put all of its prompt into a cache."""

    def most(tokens_in: int, tokens_out: int) -> int | None:
        plain = price(tokens_in, tokens_out)
        written = price(tokens_in, tokens_out, 0, tokens_in)
        return None if plain is None or written is None else max(plain, written)

    return most


def _listed(settings: Priced) -> Price:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        raise UsageError(f"the price table is not installed: {install('models')}") from None
    if settings.price_as is not None:
        return _as(settings.price_as, get_snapshot())
    provider = settings.provider if settings.base_url is None else None
    try:
        found = get_snapshot().find_provider_model(
            settings.model, None, provider, settings.base_url
        )
    except LookupError:
        return UnknownPrice()
    return TablePrice(*found)


def _as(name: str, table: DataSnapshot) -> TablePrice:
    """The price of a model that the user says is behind a base URL, by `provider:model` or model.

    Raises:
        UsageError: the table has no such model.
    """
    provider, _, model = name.rpartition(":")
    try:
        return TablePrice(*table.find_provider_model(model, None, provider or None, None))
    except LookupError:
        raise UsageError(
            f"price_as is '{name}', and the price table lists no such model: give the model's own"
            " name (such as gpt-5-mini, or anthropic:claude-sonnet-4-5), or its price"
            " (price_in_per_mtok and price_out_per_mtok)"
        ) from None
