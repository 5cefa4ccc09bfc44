"""All detectors over one trace: pure, in a stable order, each fault told once."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from investigator.ground.plugins import Registry
from investigator.readings.reading import Readings
from investigator.signals.merging import merged
from investigator.signals.model import Detector, Signal

BUILT_IN_DETECTORS = (
    "exceptions",
    "tool_results",
    "http_status",
    "retrieval",
    "passages",
    "dropped_passages",
    "passage_subjects",
    "wrong_subjects",
    "embedding_models",
    "bad_calls",
    "tool_sets",
    "repetition",
    "repeated_acts",
    "ignored_errors",
    "partial_reads",
    "units",
    "formats",
    "ignored_instructions",
    "off_task",
    "truncation",
    "abnormal_endings",
    "pairing",
    "undone",
    "unmade_calls",
    "circles",
    "stale_reads",
    "full_windows",
    "misread_requests",
    "contradictions",
    "standing_rules",
    "trimmed_history",
    "unfinished",
    "unsupported_answers",
    "unsourced_figures",
)
"""The modules of this folder that detect something, each its `DETECTOR`."""


def detectors() -> tuple[Detector, ...]:
    """Those built in, then those of plug-ins."""
    return tuple(DETECTORS.by_name().values())


def detect(readings: Readings) -> tuple[Signal, ...]:
    """Every signal of the trace, by where it began (span order), each fault once."""
    return merged(
        (signal for one in detectors() for signal in one.detect(readings)), readings.trace
    )


@cache
def _built_in() -> tuple[Detector, ...]:
    return tuple(
        import_module(f"investigator.signals.{name}").DETECTOR for name in BUILT_IN_DETECTORS
    )


DETECTORS = Registry("investigator.signals", Detector, _built_in)
