"""Public test doubles and checks: planners, an engine without a trace, models, servers, a clock."""
