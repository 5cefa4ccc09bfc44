"""Runs that were made up for one mechanism of failure each, with healthy runs that look like it."""
