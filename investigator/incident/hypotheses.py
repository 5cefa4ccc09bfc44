"""From what was shown in single traces to what may lie behind them: pure, and ranked.

A failure that several representatives share is a hypothesis; only where none is shared are the
failures of single traces. What is broader and better shown comes first. The evidence of a
hypothesis is that of its findings, whatever form the caller has it in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from investigator.ground.wording import counted
from investigator.incident.clusters import Cluster

MAX_CAUSES = 5
_REFS_A_TRACE = 2
_TRACES_CITED = 4

EvidenceT = TypeVar("EvidenceT")


@dataclass(frozen=True, slots=True)
class ShownFailure(Generic[EvidenceT]):
    """One failure that a scope could show in its trace."""

    trace_id: str
    signature: str
    description: str
    confidence: float
    evidence: tuple[EvidenceT, ...]


@dataclass(frozen=True, slots=True)
class PossibleCause(Generic[EvidenceT]):
    """One possible cause of the incident."""

    signature: str
    statement: str
    confidence: float
    evidence: tuple[EvidenceT, ...]


def causes(
    shown: Iterable[ShownFailure[EvidenceT]],
    clusters: Sequence[Cluster],
    *,
    failing: int,
    at_most: float = 1.0,
) -> list[PossibleCause[EvidenceT]]:
    """At most five causes, the broadest first, none surer than `at_most`.

    `failing` counts the failing traces. What one trace shows by one place only, and is therefore
    little sure of, several traces show independently: a shared failure is as sure as its cluster
    is strong.
    """
    groups: defaultdict[str, dict[str, ShownFailure[EvidenceT]]] = defaultdict(dict)
    for one in shown:
        groups[one.signature].setdefault(one.trace_id, one)
    shared = {signature: group for signature, group in groups.items() if len(group) > 1}
    breadth = {cluster.signature.text: cluster for cluster in clusters}
    found = [
        _cause(signature, list(group.values()), breadth.get(signature), failing, at_most)
        for signature, group in (shared or groups).items()
    ]
    ranked = sorted(found, key=lambda pair: (*(-n for n in pair[0]), pair[1].statement))
    return [cause for _, cause in ranked[:MAX_CAUSES]]


def _cause(
    signature: str,
    group: list[ShownFailure[EvidenceT]],
    cluster: Cluster | None,
    failing: int,
    at_most: float,
) -> tuple[tuple[int, int, float], PossibleCause[EvidenceT]]:
    """A cause with what ranks it: representatives, traces, strength."""
    count = max(len(group), cluster.count if cluster is not None else 0)
    strongest = max(group, key=lambda one: one.confidence)
    shared = cluster.strength if cluster is not None and len(group) > 1 else 0.0
    sure = min(at_most, max(strongest.confidence, shared))
    words = cluster.signature.words if cluster is not None else signature
    traces = f"{count} of {counted(max(count, failing), 'failing trace')}"
    evidence = tuple(
        dict.fromkeys(ref for one in group[:_TRACES_CITED] for ref in one.evidence[:_REFS_A_TRACE])
    )
    share = count / max(count, failing)
    cause = PossibleCause(
        signature=signature,
        statement=f"{words}, in {traces}: {strongest.description}",
        confidence=round(sure * (0.6 + 0.4 * share), 2),
        evidence=evidence,
    )
    return (len(group), count, sure), cause
