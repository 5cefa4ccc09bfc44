"""How a Phoenix is named, on the command line and by its own variables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from investigator.connectors.phoenix.address import (
    PhoenixAddress,
    is_phoenix_address,
    phoenix_address,
)
from investigator.errors import UsageError

HERE = {"PHOENIX_HOST": "0.0.0.0", "PHOENIX_PORT": "7007", "PHOENIX_PROJECT_NAME": "shop"}
CLOUD = {"PHOENIX_COLLECTOR_ENDPOINT": "https://px.example/s/me/v1/traces"}


@pytest.mark.parametrize(
    ("source", "environ", "base_url", "project"),
    [
        ("phoenix://host:1234/shop", {}, "http://host:1234", "shop"),
        ("phoenix://host/shop", {}, "http://host:6006", "shop"),
        ("phoenix://host", {}, "http://host:6006", "default"),
        ("phoenix://host/", HERE, "http://host:6006", "shop"),
        ("phoenixs://px.example/team/shop", {}, "https://px.example/team", "shop"),
        ("phoenix://host/a%2Fb", {}, "http://host:6006", "a/b"),
        ("phoenix:", {}, "http://127.0.0.1:6006", "default"),
        ("phoenix://", HERE, "http://127.0.0.1:7007", "shop"),
        ("phoenix:///mine", CLOUD, "https://px.example/s/me", "mine"),
    ],
)
def test_an_address_is_completed_from_the_environment_and_the_defaults(
    source: str, environ: Mapping[str, str], base_url: str, project: str
) -> None:
    """What the address itself says comes first."""
    assert phoenix_address(source, environ) == PhoenixAddress(base_url, project)


@pytest.mark.parametrize(
    "address",
    [PhoenixAddress("http://h:6006", "a/b c"), PhoenixAddress("https://h/path", "shop")],
)
def test_an_address_that_is_written_down_is_read_again(address: PhoenixAddress) -> None:
    """A run finds its source again whatever the environment says by then."""
    assert is_phoenix_address(str(address))
    assert phoenix_address(str(address), HERE) == address


@pytest.mark.parametrize(
    ("source", "environ", "words"),
    [
        ("phoenix://key@host/shop", {}, "PHOENIX_API_KEY"),
        ("phoenix://host:port/shop", {}, "port is no number"),
        ("phoenix://host/shop?key=1", {}, "phoenix://HOST:PORT/PROJECT"),
        ("phoenix:", {"PHOENIX_ENDPOINT": "host:6006"}, "PHOENIX_ENDPOINT is http"),
    ],
)
def test_what_is_no_address_is_refused_in_words(
    source: str, environ: Mapping[str, str], words: str
) -> None:
    """The message says how to write it."""
    with pytest.raises(UsageError, match=words):
        phoenix_address(source, environ)


def test_files_are_no_phoenix() -> None:
    """A folder may be called phoenix."""
    assert not is_phoenix_address("phoenix/exports")
