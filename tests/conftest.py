"""Fixtures of every test: golden files, which `make golden` rewrites, and a cache of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from investigator.store.open import CACHE_VARIABLE
from investigator.testing.mlflow_server import MLFLOW_EXECUTABLE, MLflowServer
from investigator.testing.phoenix_server import EXECUTABLE, PhoenixServer
from tests.connectors.shared import SharedServer

pytest_plugins = ["tests.tiers"]

# A test of a law is about the law: how long an example takes is the machine's affair. The suite
# tries the same examples each time; `--hypothesis-profile=random` tries others.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile("suite")

REWRITE = os.environ.get("INVESTIGATOR_REWRITE_GOLDEN") == "1"


@pytest.fixture
def golden() -> Callable[[Path, str], None]:
    """Assert that a file holds a text; with `make golden`, write it instead."""

    def check(path: Path, text: str) -> None:
        if REWRITE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return check


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Sources that tests read, also in processes that they start, stay out of the user's cache."""
    os.environ[CACHE_VARIABLE] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def in_a_terminal() -> Iterator[None]:
    """A shell ignores SIGINT for what it runs in the background, tests included."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared_phoenix(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SharedServer[PhoenixServer]]:
    """The real Phoenix of this test run."""
    if not EXECUTABLE.exists():
        pytest.skip(f"no Phoenix in {EXECUTABLE.parent.parent}; `make test` installs it")
    shared = SharedServer(_of_all_workers(tmp_path_factory) / "px", PhoenixServer)
    yield shared
    shared.leave()


@pytest.fixture
def phoenix_server(shared_phoenix: SharedServer[PhoenixServer]) -> Iterator[PhoenixServer]:
    """A real Phoenix on loopback, for this test alone as long as it takes."""
    with shared_phoenix.alone() as server:
        yield server


@pytest.fixture(scope="session")
def shared_mlflow(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SharedServer[MLflowServer]]:
    """The real MLflow of this test run."""
    if not MLFLOW_EXECUTABLE.exists():
        pytest.skip(f"no MLflow in {MLFLOW_EXECUTABLE.parent.parent}; `make test` installs it")
    shared = SharedServer(_of_all_workers(tmp_path_factory) / "mlflow", MLflowServer)
    yield shared
    shared.leave()


@pytest.fixture
def mlflow_server(shared_mlflow: SharedServer[MLflowServer]) -> Iterator[MLflowServer]:
    """A real MLflow on loopback, for this test alone as long as it takes."""
    with shared_mlflow.alone() as server:
        yield server


def _of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every process of this test run has."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores, since many tests wait for servers and clocks."""
    return (os.cpu_count() or 1) + 1
