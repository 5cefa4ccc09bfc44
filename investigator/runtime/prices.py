"""What tokens cost, in whole micro-USD and rounded up; None where no price is known.

A price comes from the user's own settings, else from the table that the package genai-prices
brings along. The table is never fetched, and a model or endpoint that it does not list has no
price: a local server's is not taken from a model of the same name elsewhere, unless the user says
so (`price_as`).
"""

from __future__ import annotations

import math
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


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price from the settings, in US dollars for a million tokens: micro-USD for one."""

    tokens_in: Decimal
    tokens_out: Decimal

    def __call__(self, tokens_in: int, tokens_out: int, cached_in: int = 0) -> int:  # noqa: ARG002
        """What the tokens cost; cached ones cost what all others do."""
        return math.ceil(self.tokens_in * tokens_in + self.tokens_out * tokens_out)


@dataclass(frozen=True, slots=True)
class TablePrice:
    """A price from the table, with its tiers and its discount for cached tokens."""

    provider: Provider
    model: ModelInfo

    def __call__(self, tokens_in: int, tokens_out: int, cached_in: int = 0) -> int:
        """What the tokens cost, `cached_in` of `tokens_in` at the price of a cache read."""
        from genai_prices import Usage

        usage = Usage(
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cache_read_tokens=min(cached_in, tokens_in),
        )
        return math.ceil(self.model.calc_price(usage, self.provider).total_price * 1_000_000)


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """No price is known."""

    def __call__(self, tokens_in: int, tokens_out: int, cached_in: int = 0) -> None:
        """None."""


Price: TypeAlias = OwnPrice | TablePrice | UnknownPrice


def price_of(settings: Priced) -> Price:
    """The price of a model's tokens."""
    own_in, own_out = settings.price_in_per_mtok, settings.price_out_per_mtok
    if own_in is not None and own_out is not None:
        return OwnPrice(Decimal(str(own_in)), Decimal(str(own_out)))
    return _listed(settings)


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
