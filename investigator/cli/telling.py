"""What the command line says of how runs ended, as a part of the question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from investigator.cli.known_options import KnownOfOne
from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.inspection.engine import Question
    from investigator.runtime.told import ToldOutcome
    from investigator.store.open import OpenedSource

AskedT = TypeVar("AskedT", bound="Question[Any]")


def told_of_all(known: KnownOfOne) -> dict[str, Any]:
    """What options say of every run that is asked about, as fields of a question.

    Raises:
        UsageError: they contradict each other.
    """
    if known.failed and known.passed:
        raise UsageError("--failed and --passed contradict each other: leave one out")
    outcome = "failed" if known.failed else "passed" if known.passed else None
    told = {"outcome": outcome, "symptom": known.symptom, "expected": known.expected}
    if known.outcomes is not None and any(told.values()):
        raise UsageError(
            "--outcomes says how each run ended: leave --failed, --passed, --symptom and "
            "--expected out"
        )
    return {**told, "ignore_evaluations": known.ignore_evaluations}


@dataclass(frozen=True, slots=True)
class ToldInFile:
    """What a file says of how runs ended; `path` None: no file was given."""

    path: Path | None
    told: tuple[ToldOutcome, ...] = ()

    @classmethod
    def of(cls, path: Path | None) -> ToldInFile:
        """Read before anything is run.

        Raises:
            UsageError: it cannot be read, or a row is bad.
        """
        if path is None:
            return cls(None)
        from investigator.runs.outcome_files import read_outcomes

        return cls(path, read_outcomes(path))

    def require_known(self, opened: OpenedSource) -> None:
        """Raise `UsageError` where it tells of a trace that the source does not hold."""
        from investigator.runs.outcome_files import require_known

        if self.path is not None:
            require_known(self.told, opened.api, str(self.path))

    def added_to(self, question: AskedT) -> AskedT:
        """The question with what the file says of its traces."""
        return question if self.path is None else question.with_told(self.told)
