"""A control library drafted from the text of a policy, for a person to review."""
