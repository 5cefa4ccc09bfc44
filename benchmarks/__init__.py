"""Commands that print figures; each says in its docstring what it measures and how to run it."""
