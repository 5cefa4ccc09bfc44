"""A key in the environment of every test here, to be found nowhere else."""

from __future__ import annotations

import pytest

from tests.runs.export.runs import KEY, KEY_NAME


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_NAME, KEY)
