"""The truth about a seeded set, kept outside its traces."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = "manifest.json"
TRACES = "traces.parquet"


class Kind(StrEnum):
    """What a run is."""

    FAULTY = "faulty"
    HEALTHY = "healthy"
    RECOVERED = "recovered"


class SeededTrace(BaseModel):
    """One run. `label` is None where it is no failure; `form` says what was wrong, if anything.

    `origin_span_id` is where the trouble began, in recovered runs too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    agent: str
    kind: Kind
    form: str | None = None
    label: str | None = None
    origin_span_id: str | None = None


class SeededIncident(BaseModel):
    """One window. `change` is the kind of what changed, None in a quiet window.

    `folder` holds the traces and, below `snapshots/`, what was deployed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    folder: str
    agent: str
    change: str | None
    released_at: str | None
    traces: int
    failing: int


class Manifest(BaseModel):
    """A seeded set: which runs of it fail, how and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    traces: tuple[SeededTrace, ...]
    incidents: tuple[SeededIncident, ...]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a set."""
    return Manifest.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
