"""Arize Phoenix: its traces as a source, and annotations written back to it.

Nothing here is imported before a `phoenix://` address is used; the client's packages are the
extra `phoenix`.
"""
