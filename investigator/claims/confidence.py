"""A claim is as sure as its evidence bears: a half or more needs two independent references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from investigator.traces.evidence import EvidenceRef

SUPPORTED = 0.5
"""Confidence from which a claim needs two independent references."""

UNEXAMINED = 0.4
"""The most confidence that a claim has which no scope looked at."""

_CAP = 0.49

Confidence = Annotated[float, Field(ge=0.0, le=1.0)]


def independent(refs: Sequence[EvidenceRef]) -> bool:
    """Whether two of the references are on different spans, or of different kinds."""
    return len({(ref.trace_id, ref.span_id, ref.kind) for ref in refs}) > 1


def capped_confidence(confidence: float, refs: Sequence[EvidenceRef]) -> float:
    """The confidence that the references bear: under a half unless two are independent."""
    if not refs:
        return 0.0
    return confidence if independent(refs) else min(confidence, _CAP)
