"""A key in the environment, under a name of our own, and the engines."""

from __future__ import annotations

import pytest

from investigator.runtime.llm_client import ModelClient, ModelSettings
from tests.live.asking import KEY, KEY_VARIABLE, Engine, compliance, incident, rca


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    """What a first request loads is loaded before any test measures a time."""
    ModelClient(ModelSettings(model="scripted", base_url="http://127.0.0.1:9/v1")).ready()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that every request is made with."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return KEY


@pytest.fixture(params=["rca", "compliance", "incident"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Each engine in turn."""
    match request.param:
        case "rca":
            return rca()
        case "compliance":
            return compliance(tmp_path_factory.mktemp("library"))
        case _:
            return incident()
