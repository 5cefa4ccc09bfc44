"""Scores of predicted against labelled sets, averaged over traces and over all items."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from typing import NamedTuple, TypeVar

Item = TypeVar("Item", bound=Hashable)


class SetScore(NamedTuple):
    """`recall_mean` is over the traces with a label; the others are over all items (micro)."""

    recall_mean: float
    precision: float
    recall: float
    f1: float
    f1_mean: float
    predicted_per_trace: float


def score_sets(gold: Mapping[str, Set[Item]], predicted: Mapping[str, Set[Item]]) -> SetScore:
    """The score of `predicted` (a trace without any is an empty set) against `gold`."""
    hits = {key: len(gold[key] & predicted.get(key, frozenset())) for key in gold}
    sizes = {key: len(predicted.get(key, frozenset())) for key in gold}
    labelled = [key for key in gold if gold[key]]
    precision = _ratio(sum(hits.values()), sum(sizes.values()))
    recall = _ratio(sum(hits.values()), sum(len(items) for items in gold.values()))
    return SetScore(
        recall_mean=_ratio(sum(hits[key] / len(gold[key]) for key in labelled), len(labelled)),
        precision=precision,
        recall=recall,
        f1=_ratio(2 * precision * recall, precision + recall),
        f1_mean=_ratio(
            sum(2 * hits[key] / (sizes[key] + len(gold[key])) for key in labelled), len(labelled)
        ),
        predicted_per_trace=_ratio(sum(sizes.values()), len(gold)),
    )


BINS = 10


def calibration_error(stated: Iterable[tuple[float, bool]]) -> float:
    """How far confidences are from what came true, over ten bins, weighted by their sizes."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    count = 0
    for confidence, right in stated:
        bins.setdefault(min(int(confidence * BINS), BINS - 1), []).append((confidence, right))
        count += 1
    off = sum(abs(sum(c for c, _ in held) - sum(r for _, r in held)) for held in bins.values())
    return off / count if count else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
