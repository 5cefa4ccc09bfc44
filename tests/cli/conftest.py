"""The command line, called as a program but in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from investigator.cli.main import main
from investigator.samples import SAMPLE_TRACES
from investigator.store.open import ingest_files


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


Call: TypeAlias = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """`call("traces", source)` is `investigator traces SOURCE`."""

    def run(*argv: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in argv])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in captured.err
        return Ended(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample traces as one canonical file, which needs no cache."""
    target = tmp_path_factory.mktemp("samples") / "traces.parquet"
    ingest_files([SAMPLE_TRACES], target)
    return target
