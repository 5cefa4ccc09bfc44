"""Sample agent traces, written for this project: what `investigator demo` investigates.

`traces/` is a source like any other; nothing in it says what is wrong with a trace. What each
trace shows is in `expected.json` beside it, which only the tests read. `demo_agent/` holds what
the demo agent left: its traces, its incidents, and a manifest of what went wrong where.
"""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parent
"""The folder that holds `traces/` and `expected.json`."""

SAMPLE_TRACES = SAMPLES / "traces"
"""A source of sample traces: OTLP JSON files and one JSONL file of chat transcripts."""

SEEDED = SAMPLES / "demo_agent"
"""The demo agent's set of seed 0: `traces.parquet`, `manifest.json` and `incidents/`."""
