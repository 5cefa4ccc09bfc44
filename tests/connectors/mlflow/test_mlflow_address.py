"""How an MLflow is named, on the command line and by its own variables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from investigator.connectors.mlflow.mlflow_address import (
    MLflowAddress,
    is_mlflow_address,
    mlflow_address,
)
from investigator.errors import UsageError

HERE = {"MLFLOW_TRACKING_URI": "http://ml.example:8080/base/", "MLFLOW_EXPERIMENT_NAME": "shop"}


@pytest.mark.parametrize(
    ("source", "environ", "base_url", "experiment"),
    [
        ("mlflow://host:1234/shop", {}, "http://host:1234", "shop"),
        ("mlflow://host/shop/", {}, "http://host:5000", "shop"),
        ("mlflow://host", {}, "http://host:5000", "Default"),
        ("mlflow://host/", HERE, "http://host:5000", "shop"),
        ("mlflow://host/7", HERE, "http://host:5000", "7"),
        ("mlflow+http://host:1234/shop", {}, "http://host:1234", "shop"),
        ("mlflow+https://ml.example/shop", {}, "https://ml.example", "shop"),
        ("mlflows://ml.example/team/shop", {}, "https://ml.example/team", "shop"),
        ("mlflow://[::1]:5000/shop", {}, "http://[::1]:5000", "shop"),
        ("mlflow://host/%2FUsers%2Fann%2Fshop", {}, "http://host:5000", "/Users/ann/shop"),
        ("mlflow:", {}, "http://127.0.0.1:5000", "Default"),
        ("mlflow://", HERE, "http://ml.example:8080/base", "shop"),
        ("mlflow:///mine", HERE, "http://ml.example:8080/base", "mine"),
        ("mlflow:", {"MLFLOW_EXPERIMENT_ID": "12"}, "http://127.0.0.1:5000", "12"),
    ],
)
def test_an_address_is_completed_from_the_environment_and_the_defaults(
    source: str, environ: Mapping[str, str], base_url: str, experiment: str
) -> None:
    """What the address itself says comes first."""
    assert mlflow_address(source, environ) == MLflowAddress(base_url, experiment)


@pytest.mark.parametrize(
    "address",
    [
        MLflowAddress("http://h:5000", "/Users/ann/a b"),
        MLflowAddress("https://h/path", "shop"),
        MLflowAddress("http://h:5000", ".."),
    ],
)
def test_an_address_that_is_written_down_is_read_again(address: MLflowAddress) -> None:
    """A run finds its source again whatever the environment says by then."""
    assert is_mlflow_address(str(address))
    assert mlflow_address(str(address), HERE) == address


@pytest.mark.parametrize(
    ("source", "environ", "words"),
    [
        ("mlflow://key@host/shop", {}, "MLFLOW_TRACKING_TOKEN"),
        ("mlflow://host:port/shop", {}, "port is no number"),
        ("mlflow://:5000/shop", {}, "mlflow://HOST:PORT/EXPERIMENT"),
        ("mlflow://host/shop?key=1", {}, "mlflow://HOST:PORT/EXPERIMENT"),
        ("mlflow:", {"MLFLOW_TRACKING_URI": "databricks"}, "MLFLOW_TRACKING_URI is 'databricks'"),
        ("mlflow:", {"MLFLOW_TRACKING_URI": "sqlite:///x.db"}, "no server"),
    ],
)
def test_what_is_no_address_is_refused_in_words(
    source: str, environ: Mapping[str, str], words: str
) -> None:
    """The message says how to write it."""
    with pytest.raises(UsageError, match=words):
        mlflow_address(source, environ)


def test_files_are_no_mlflow() -> None:
    """A folder may be called mlflow."""
    assert not is_mlflow_address("mlflow/exports")
