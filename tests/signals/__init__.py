"""Signals: what each detector sees, and what it must leave alone."""
