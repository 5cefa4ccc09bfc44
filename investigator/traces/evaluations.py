"""An evaluation is a verdict that the data itself carries: of a trace, or of one of its spans.

It holds what the source states outright and no more. Whether it says how the run ended, and
which of several weighs most, is for the known outcome to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_text


class Rater(StrEnum):
    """Who judged, from the one that is believed first."""

    PERSON = "PERSON"
    CODE = "CODE"
    MODEL = "MODEL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One verdict, as its source gives it.

    `span_id` is None where the trace as a whole was judged. `passed` is set where the source
    decides outright: a boolean, or a label that means pass or fail. A `score` decides only with
    a `threshold` and a direction (`higher_is_better`) stated beside it.
    """

    trace_id: str
    span_id: str | None
    name: str
    rater: Rater
    passed: bool | None = None
    label: str | None = None
    score: float | None = None
    threshold: float | None = None
    higher_is_better: bool | None = None
    explanation: str | None = None
    ts_ns: int | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """All that it says, one key a field."""
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "name": self.name,
            "rater": self.rater.value,
            "passed": self.passed,
            "label": self.label,
            "score": self.score,
            "threshold": self.threshold,
            "higher_is_better": self.higher_is_better,
            "explanation": self.explanation,
            "ts_ns": self.ts_ns,
        }

    @property
    def content_hash(self) -> str:
        """sha256 of its canonical JSON; `evaluation:<sha256>` cites it."""
        return sha256_text(canonical_json(self.to_json()))
