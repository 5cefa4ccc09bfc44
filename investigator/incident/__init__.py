"""What happened in a window over many traces, and what changed.

Traces are read one by one and kept as digests; everything else is a pure function of these.
"""
