"""Ways in which a run of the agent really goes wrong, each with the step where that began."""
