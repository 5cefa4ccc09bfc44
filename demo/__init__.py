"""The demo agent and what makes the sample traces: beside the package, which ships their data."""
