"""What tokens cost: the user's own price, else the table's, else nothing that is made up."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from investigator.errors import UsageError
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.prices import OwnPrice, TablePrice, most_of, price_of


def settings(**given: Any) -> ModelSettings:
    """A model of OpenAI, where nothing else is said."""
    return ModelSettings.model_validate({"model": "gpt-4o-mini"} | given)


def test_a_price_of_ones_own_goes_before_the_table() -> None:
    """In US dollars for a million tokens, which is micro-USD for one."""
    price = price_of(settings(price_in_per_mtok=2.5, price_out_per_mtok=10))
    assert price(1000, 100) == 3500


def test_a_part_of_a_micro_dollar_is_a_whole_one() -> None:
    """So that no call is free for being short."""
    price = price_of(settings(price_in_per_mtok=0.01, price_out_per_mtok=0.01))
    assert price(1, 0) == 1
    assert price(0, 0) == 0


def test_a_decimal_price_is_exact() -> None:
    """0.1 USD is not a little more than itself."""
    assert price_of(settings(price_in_per_mtok=0.1, price_out_per_mtok=0.2))(30, 0) == 3


def test_tokens_of_a_cache_have_prices_of_their_own() -> None:
    """Where the settings give them; else they cost what all others do."""
    given = {"price_in_per_mtok": 10, "price_out_per_mtok": 20}
    plain = price_of(settings(**given))
    assert plain(1000, 100, 600, 200) == plain(1000, 100)
    own = price_of(settings(**given, price_cached_per_mtok=1, price_cache_write_per_mtok=12.5))
    assert own(1000, 100, 600, 200) == 2000 + 600 + 2500 + 2000
    assert own(1000, 0, 5000) == 1000


def test_a_hold_covers_a_prompt_that_is_put_into_a_cache() -> None:
    """Putting it there may cost more than reading it: no reply costs more than was held."""
    written = {"price_cache_write_per_mtok": 12.5}
    price = price_of(settings(price_in_per_mtok=10, price_out_per_mtok=20, **written))
    assert most_of(price)(1000, 100) == 14_500
    listed = price_of(settings(provider="anthropic", model="claude-sonnet-4-5"))
    most, told = most_of(listed)(1_000_000, 0), listed(1_000_000, 0, 0, 1_000_000)
    assert most is not None
    assert told is not None
    assert most >= told > 0


def test_the_price_of_a_cache_alone_is_refused() -> None:
    """It says nothing of the tokens that no cache had."""
    with pytest.raises(ValueError, match="price_in_per_mtok"):
        settings(price_cached_per_mtok=1)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-flash"),
    ],
)
def test_the_large_providers_are_in_the_table(provider: str, model: str) -> None:
    """Output is dearer than input, and cached input is cheaper."""
    price = price_of(settings(provider=provider, model=model))
    one_in, one_out = price(1_000_000, 0), price(0, 1_000_000)
    cached = price(100_000, 0, 100_000)
    assert one_in is not None
    assert one_out is not None
    assert cached is not None
    assert 0 < one_in < one_out
    assert 10 * cached < one_in


@pytest.mark.parametrize(
    "given",
    [
        {"model": "no-such-model"},
        {"base_url": "http://127.0.0.1:8080/v1"},
        {"base_url": "https://gateway.example.com/v1"},
    ],
    ids=["model", "local", "gateway"],
)
def test_what_is_not_in_the_table_has_no_price(given: dict[str, Any]) -> None:
    """A local model is not priced as its namesake at a provider."""
    assert price_of(settings(**given))(1000, 1000) is None


def test_an_endpoint_that_the_table_knows_has_its_prices() -> None:
    """By address: a reseller's price is not the maker's."""
    found = price_of(settings(model="openai/gpt-4o-mini", base_url="https://openrouter.ai/api/v1"))
    assert isinstance(found, TablePrice)
    assert found.provider.id == "openrouter"


def test_a_missing_table_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that brings it; a price of one's own needs none."""
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    with pytest.raises(UsageError, match=r"pip install 'phoenix-rlm-investigator\[models\]'"):
        price_of(settings())
    own = price_of(settings(price_in_per_mtok=1, price_out_per_mtok=1))
    assert isinstance(own, OwnPrice)


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(0, 10**4))
def test_more_tokens_never_cost_less(tokens_in: int, tokens_out: int, more: int) -> None:
    """So what is held at the bound of the tokens covers what they turn out to cost."""
    for model in ("gpt-4o-mini", "gpt-4.1"):
        price = price_of(settings(model=model))
        bound, actual = price(tokens_in + more, tokens_out + more), price(tokens_in, tokens_out)
        assert bound is not None
        assert actual is not None
        assert actual <= bound


def test_a_model_behind_a_base_url_has_the_price_that_it_is_said_to_have() -> None:
    """By the name of the table's model, its provider before it where that is wanted."""
    here = ModelSettings(model="ours", base_url="http://127.0.0.1:9/v1")
    assert price_of(here)(1_000_000, 0) is None
    known = price_of(ModelSettings(model="gpt-5-mini"))
    for name in ("gpt-5-mini", "openai:gpt-5-mini"):
        said = price_of(here.model_copy(update={"price_as": name}))
        assert said(1_000_000, 1_000) == known(1_000_000, 1_000) != 0
        assert said(1_000_000, 0, 500_000) < said(1_000_000, 0)  # type: ignore[operator]


def test_a_name_that_the_table_does_not_list_is_refused_with_what_to_do() -> None:
    """Before any call; and two prices of one model are refused too."""
    unknown = ModelSettings(model="ours", price_as="no-such-model")
    with pytest.raises(UsageError, match="price_as is 'no-such-model', and the price table lists"):
        price_of(unknown)
    with pytest.raises(ValidationError, match="give price_as or price_in_per_mtok"):
        ModelSettings(model="x", price_as="gpt-5", price_in_per_mtok=1, price_out_per_mtok=1)
