"""Where runs are kept unless somebody says otherwise; it costs nothing to import."""

from __future__ import annotations

from pathlib import Path

DEFAULT_RUNS_DIR = Path("artifacts/investigator_runs")
