"""The traffic of a run as spans, so that an investigation can itself be looked at as a trace."""
