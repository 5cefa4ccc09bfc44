"""A small agent that works, and ways in which it really fails: traces with a known truth.

`python -m investigator.demo_agent --seed 0 -o DIR` runs it and writes its traces with a manifest
of what went wrong where. It needs the extra `demo-agent`; reading the shipped set does not.
"""

from pathlib import Path

SEEDED = Path(__file__).parent / "data"
"""The set of seed 0: `traces.parquet`, `manifest.json` and `incidents/`."""

__all__ = ["SEEDED"]
