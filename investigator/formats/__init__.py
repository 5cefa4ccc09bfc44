"""Decoders: pure functions from parsed content to spans, one format a module.

`decode` (in `sniff`) looks at a value and lets the right one read it.
"""
