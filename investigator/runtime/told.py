"""What a caller says of how a run ended: a part of the question, and no evidence."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Ending: TypeAlias = Literal["passed", "failed"]


class ToldOutcome(BaseModel):
    """How one run ended, in the caller's words; `expected` is what would have been right."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str = ""
    outcome: Ending | None = None
    symptom: str | None = None
    expected: str | None = None

    @property
    def ended(self) -> Ending | None:
        """How it ended. Whoever describes a symptom says that it failed, unless they say else."""
        return self.outcome or ("failed" if self.symptom else None)

    @property
    def says_something(self) -> bool:
        """Whether anything is said at all."""
        return any((self.outcome, self.symptom, self.expected))


UNTOLD = ToldOutcome()


class GoodRunRef(BaseModel):
    """A run of the same task that passed, by the caller's word, as it was found.

    `source` is where it lies, empty where that is the run's own source. The hashes are those of
    its content and of the verdicts on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    source: tuple[str, ...] = ()
    dataset_hash: str
    evaluations_hash: str | None = None


class KnownOutcomeRef(BaseModel):
    """Whose word on how runs ended a run was given or read.

    `told` is what the caller said. `said_by` are all those whose verdict on a whole run was
    there: `caller`, `person`, `code`, `model`, `unknown`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    told: tuple[ToldOutcome, ...] = ()
    said_by: tuple[str, ...] = ()
    evaluations_ignored: bool = False
