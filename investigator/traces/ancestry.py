"""What the nearest of a span and its ancestors has, at a cost that does not grow with the depth.

Whoever asks it of each span of a deep trace would walk the same way up again and again. Here each
span is passed once: what was found for it is kept. Parents may lead in a circle; a walk ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class HasSpanId(Protocol):
    """A span, as far as it is known here."""

    @property
    def span_id(self) -> str: ...


SpanT = TypeVar("SpanT", bound=HasSpanId)
FoundT = TypeVar("FoundT")


class Nearest(Generic[SpanT, FoundT]):
    """`own` is what a span itself has; None where it has none, so that its `parent` is asked."""

    def __init__(
        self, parent: Callable[[SpanT], SpanT | None], own: Callable[[SpanT], FoundT | None]
    ) -> None:
        self._parent = parent
        self._own = own
        self._known: dict[str, FoundT | None] = {}

    def of(self, span: SpanT | None) -> FoundT | None:
        """What the span has, or else the nearest one above it; None where none has anything."""
        passed: dict[str, None] = {}
        found: FoundT | None = None
        while span is not None and span.span_id not in passed:
            if span.span_id in self._known:
                found = self._known[span.span_id]
                break
            passed[span.span_id] = None
            found = self._own(span)
            if found is not None:
                break
            span = self._parent(span)
        self._known.update(dict.fromkeys(passed, found))
        return found
