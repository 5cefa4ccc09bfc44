"""Why one trace failed: narrowing, hypotheses, and a report whose claims are checked."""
