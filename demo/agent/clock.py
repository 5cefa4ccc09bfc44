"""Time in a run is told, not measured: it passes only where a step says how long it took."""

from __future__ import annotations

_NS_PER_MS = 1_000_000


class VirtualClock:
    """Nanoseconds since 1970 that go on only when told to."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns

    def pass_ms(self, ms: float) -> None:
        """Let that many milliseconds pass."""
        self.now_ns += round(ms * _NS_PER_MS)
