"""Public test doubles: an engine without a trace, for tests and benchmarks of the runtime."""
