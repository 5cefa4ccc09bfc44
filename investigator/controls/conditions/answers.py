"""What every condition shares: its paths, and an answer that may be "cannot be told"."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ConfigDict

from investigator.controls.checking import Params
from investigator.controls.conditions.call_facts import CallFacts, Found
from investigator.controls.conditions.paths import comparable_text
from investigator.traces.evidence import EvidenceRef

_SHOWN = 60
_NAMED = 4


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Whether a condition holds (None: it cannot be told), what was seen, and where."""

    holds: bool | None
    seen: str
    evidence: tuple[EvidenceRef, ...] = ()
    missing: tuple[str, ...] = ()


class Condition(Params):
    """One condition, on a call or on a conversation as a whole."""

    model_config = ConfigDict(serialize_by_alias=True)

    @abstractmethod
    def ask(self, facts: CallFacts) -> ConditionResult:
        """Whether it holds of the call, or of the whole."""

    def operands(self) -> Iterator[str]:
        """The paths that it reads."""
        yield from ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """The parameters that it asks for and nobody configured."""
        return ()


def shown(facts: CallFacts, found: Found) -> str:
    """The values as one short text for a summary."""
    if not found.values:
        return "not seen" if found.missing else "not given"
    texts = [facts.quote.line(comparable_text(value), _SHOWN) for value in found.values[:_NAMED]]
    more = len(found.values) - _NAMED
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def beside(answer: ConditionResult, more: str) -> ConditionResult:
    """The answer, with more of what was seen."""
    return ConditionResult(answer.holds, f"{answer.seen}, {more}", answer.evidence, answer.missing)
