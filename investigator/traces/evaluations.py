"""An evaluation is a verdict that the data itself carries: of a trace, or of one of its spans.

It holds what the source states outright and no more. Whether it says how the run ended, and
which of several weighs most, is for the known outcome to judge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_text
from investigator.ground.json_text import embedded_json


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


_RATERS = {
    **dict.fromkeys(("HUMAN", "PERSON", "ANNOTATION", "APP"), Rater.PERSON),
    **dict.fromkeys(("CODE",), Rater.CODE),
    **dict.fromkeys(("LLM", "LLM_JUDGE", "AI_JUDGE", "MODEL", "EVAL", "AUTO_EVAL"), Rater.MODEL),
}
_PASSED = frozenset({"pass", "passed", "correct", "success", "succeeded", "successful"})
_FAILED = frozenset({"fail", "failed", "incorrect", "failure", "unsuccessful"})
_BOOLEANS = {"true": True, "false": False}
_ADVERSE = (
    *("toxic", "hallucin", "harm", "unsafe", "violat", "error", "fail", "refus", "bias", "leak"),
    *("jailbreak", "injection", "pii", "attack", "abus", "incorrect", "wrong", "fraud", "bad"),
)
"""Stems of names of what is to be absent: `true` of these is no pass, nor surely a fail."""
_OWN_NAMES = frozenset({"rca.primary", "rca.evidence"})
_OWN_PREFIXES = ("compliance.", "incident.")
_DIRECTIONS = {"maximize": True, "higher_is_better": True, "minimize": False}
_DIRECTIONS |= {"lower_is_better": False}


def rater_of(kind: object) -> Rater:
    """Who judged, in the words of any source; `UNKNOWN` where none is known."""
    return _RATERS.get(str(kind).upper(), Rater.UNKNOWN)


def is_own(name: str) -> bool:
    """Whether an annotation of that name is one that the Investigator writes back."""
    return name in _OWN_NAMES or name.startswith(_OWN_PREFIXES)


def is_adverse(name: str) -> bool:
    """Whether what is judged is to be absent, such as toxicity: more of it is worse."""
    return any(stem in name.lower() for stem in _ADVERSE)


def evaluation_of(
    said: Mapping[str, JsonValue],
    *,
    trace_id: str,
    span_id: str | None,
    rater: Rater | None = None,
    ts_ns: int | None = None,
) -> Evaluation | None:
    """The verdict that named fields state; None where there is none, or where it is our own.

    Read are `name`, `passed`, `label`, `score`, `explanation`, `annotator_kind`, `threshold` and
    a direction; the last two may stand in `metadata`. A boolean score or label decides, and is kept
    as `passed` alone, unless the name is of something to be absent (`toxicity`): then it stays a
    label. A label decides where it says pass or fail whatever the question was (pass, fail,
    correct, incorrect, success, failure and their forms); yes, no, good, bad and the like do not.
    """
    name = said.get("name")
    if not isinstance(name, str) or not name.strip() or is_own(name):
        return None
    label, score = _label(said.get("label")), said.get("score")
    if isinstance(score, bool) and label is None:
        label, score = str(score).lower(), None
    number = _number(score)
    stated = said.get("passed")
    passed = stated if isinstance(stated, bool) else _passed(name, label)
    truth = None if label is None else _BOOLEANS.get(label.strip().lower())
    if truth is not None:
        # Sources without booleans write one as a label and a score: it is said once.
        number = None if number == float(truth) else number
        label = str(truth).lower() if passed is None else None
    explanation = said.get("explanation")
    explained = explanation if isinstance(explanation, str) and explanation.strip() else None
    if passed is None and label is None and number is None and explained is None:
        return None
    return Evaluation(
        trace_id=trace_id,
        span_id=span_id,
        name=name,
        rater=rater if rater is not None else rater_of(said.get("annotator_kind")),
        passed=passed,
        label=label,
        score=number,
        threshold=_threshold(said),
        higher_is_better=_direction(said),
        explanation=explained,
        ts_ns=ts_ns,
    )


def read_evaluation(trace_id: str, span_id: str | None, said: JsonValue) -> Evaluation:
    """An evaluation from its own JSON, as `to_json` writes it.

    Raises:
        ValueError: it was not written so.
    """
    known = {field.name for field in fields(Evaluation)} - {"trace_id", "span_id"}
    if not isinstance(said, dict) or not {"name", "rater"} <= said.keys() <= known:
        raise ValueError("an evaluation is not as it was written")
    # A score that is whole comes back from JSON as an integer.
    numbers = {key: _number(said.get(key)) for key in ("score", "threshold")}
    rest: dict[str, object] = {**said, **numbers, "rater": Rater(str(said["rater"]))}
    return Evaluation(trace_id=trace_id, span_id=span_id, **rest)  # type: ignore[arg-type]


def _label(value: JsonValue) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) and value.strip() else None


def _passed(name: str, label: str | None) -> bool | None:
    word = (label or "").strip().lower()
    if word in _PASSED or word in _FAILED:
        return word in _PASSED
    return None if is_adverse(name) else _BOOLEANS.get(word)


def _number(value: object) -> float | None:
    """A finite number as one; None for a boolean and for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _stated(said: Mapping[str, JsonValue], *keys: str) -> JsonValue:
    metadata = said.get("metadata")
    beside = embedded_json(metadata) if isinstance(metadata, str) else metadata
    holders = (said, beside if isinstance(beside, dict) else {})
    values = (holder.get(key) for holder in holders for key in keys)
    return next((value for value in values if value is not None), None)


def _threshold(said: Mapping[str, JsonValue]) -> float | None:
    return _number(_stated(said, "threshold"))


def _direction(said: Mapping[str, JsonValue]) -> bool | None:
    value = _stated(said, "higher_is_better", "direction", "optimization_direction")
    return value if isinstance(value, bool) else _DIRECTIONS.get(str(value).lower())
