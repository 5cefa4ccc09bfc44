"""An annotation: what a report says beside one span or one trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Target: TypeAlias = Literal["span", "trace"]


Annotator: TypeAlias = Literal["CODE", "LLM"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation. `score` is from 0 to 1; `explanation` is text, then the JSON it is from."""

    target: Target
    target_id: str
    name: str
    annotator_kind: Annotator
    label: str
    score: float | None
    explanation: str
