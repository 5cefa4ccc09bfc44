"""A claim is as sure as its evidence bears: a half or more needs two independent references."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Annotated, TypeAlias

from pydantic import Field

from investigator.traces.evidence import EvidenceRef

SUPPORTED = 0.5
"""Confidence from which a claim needs two independent references."""

UNEXAMINED = 0.4
"""The most confidence that a claim has which no scope looked at."""

_CAP = 0.49

Confidence = Annotated[float, Field(ge=0.0, le=1.0)]

ProducedBy: TypeAlias = Callable[[EvidenceRef], Hashable]
"""Who produced the text that a reference names; see `readings.producers`."""


def independent(refs: Sequence[EvidenceRef], produced_by: ProducedBy) -> bool:
    """Whether two of the references name texts that different steps produced."""
    if len({ref.trace_id for ref in refs}) > 1:
        return True
    return len(set(map(produced_by, refs))) > 1


def borne_confidence(
    confidence: float,
    refs: Sequence[EvidenceRef],
    read: Sequence[EvidenceRef],
    produced_by: ProducedBy,
) -> float:
    """The same where of the references only some were `read`: whole, or with words of them quoted.

    The others show where to look. So whoever cites more of what it did not read gains nothing.
    """
    borne = capped_confidence(confidence, read, produced_by)
    if refs and borne < SUPPORTED:
        return min(round(confidence, 2), _CAP)  # which no rounding makes a half
    return round(borne, 2)


def capped_confidence(
    confidence: float, refs: Sequence[EvidenceRef], produced_by: ProducedBy
) -> float:
    """The confidence that the references bear: under a half unless two are independent."""
    if not refs:
        return 0.0
    if confidence < SUPPORTED:
        return confidence
    return confidence if independent(refs, produced_by) else _CAP
