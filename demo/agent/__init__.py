"""A small agent that works, and ways in which it really fails: traces with a known truth.

`python -m demo.agent --seed 0 -o DIR` runs it and writes its traces with a manifest
of what went wrong where. It needs the extra `demo-agent`; reading the shipped set does not.
"""
