"""Where annotations of a run stand beside its traces: written, read, taken back.

All of a run have its id as their identifier, so writing them again replaces them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from investigator.claims.annotations import Annotation, Target


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: an id for each annotation, and why there are no more."""

    annotations: tuple[Annotation, ...]
    ids: tuple[str, ...]
    problem: str | None


class Stored(NamedTuple):
    """An annotation as it stands there."""

    id: str
    target: Target
    target_id: str
    name: str
    annotator_kind: str
    label: str | None
    score: float | None
    explanation: str | None
    identifier: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands, and under which name."""
        return self.target, self.target_id, self.name


class AnnotationStore(Protocol):
    """A live source that takes annotations. `noted` are the ids that the run's record has of them.

    Reading and removing raise `SourceUnavailable` where it cannot be asked; some may be removed.
    """

    def close(self) -> None:
        """Close the connections that are kept."""
        ...

    def replace(self, annotations: Sequence[Annotation], identifier: str) -> Written:
        """Write annotations until all are, or one request fails; what stands there goes."""
        ...

    def remove(self, identifier: str, noted: Sequence[str]) -> None:
        """Delete all annotations of an identifier; there may be none."""
        ...

    def stored_of(self, identifier: str, noted: Sequence[str]) -> Iterator[Stored]:
        """The annotations of an identifier."""
        ...

    def stored_at(self, annotations: Sequence[Stored]) -> Iterator[Stored]:
        """All annotations at the places where these are, whoever made them."""
        ...
