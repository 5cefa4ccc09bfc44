"""The one list of secrets and personal data: what is redacted, and what checks look for."""

from __future__ import annotations

from collections.abc import Mapping

from investigator.ground.sensitive.keys import (
    CLOUD_KEYS,
    CODE_KEYS,
    MODEL_KEYS,
    SERVICE_KEYS,
    STRUCTURED,
)
from investigator.ground.sensitive.kind import (
    Candidate,
    Kind,
    Marker,
    PersonalMarker,
    SecretMarker,
)
from investigator.ground.sensitive.labelled import LABELLED
from investigator.ground.sensitive.personal import IP_ADDRESS, PERSONAL

__all__ = [
    "FAMILIES",
    "KINDS",
    "OPTIONAL",
    "Candidate",
    "Kind",
    "Marker",
    "PersonalMarker",
    "SecretMarker",
]

FAMILIES: tuple[tuple[Kind, ...], ...] = (
    STRUCTURED,
    (*MODEL_KEYS, *CLOUD_KEYS, *CODE_KEYS, *SERVICE_KEYS),
    LABELLED,
    PERSONAL,
)
"""Always redacted; where two kinds find the same place, the earlier one names it.

The patterns of a family become one automaton that tells in one pass which of them match: four of
these cost a third of the time of one over all kinds, which outgrows its cache.
"""

KINDS: tuple[Kind, ...] = tuple(kind for family in FAMILIES for kind in family)

OPTIONAL: Mapping[str, Kind] = {IP_ADDRESS.name: IP_ADDRESS}
"""Redacted where they are asked for by name."""
