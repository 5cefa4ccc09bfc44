"""Many traces: shards, screening, result tables, recurring issues."""
