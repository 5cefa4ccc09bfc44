"""What a run had used at each moment: a fold over its journal, for whoever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from investigator.runtime.budget import NOTHING, Amounts
from investigator.runtime.events import (
    Entry,
    ScopesOpened,
    ToolFailed,
    ToolSettled,
    TurnFailed,
    TurnSettled,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used up to a moment, `seconds` after the first event; the cost in micro-USD."""

    seconds: float
    used: Amounts


def spending(entries: Sequence[Entry]) -> tuple[Spent, ...]:
    """A point wherever something was settled; a cost that is not known counts as none."""
    if not entries:
        return ()
    began = datetime.fromisoformat(entries[0].ts)
    points = [Spent(0.0, NOTHING)]
    for entry in entries:
        used = settled_by(entry)
        if used != NOTHING:
            seconds = (datetime.fromisoformat(entry.ts) - began).total_seconds()
            points.append(Spent(max(seconds, points[-1].seconds), points[-1].used.plus(used)))
    return tuple(points)


def settled_by(entry: Entry) -> Amounts:
    """What an event says was used; nothing for most."""
    match entry.event:
        case TurnSettled(usage=usage) | TurnFailed(usage=usage):
            tokens = usage.tokens_in + usage.tokens_out
            return Amounts(iterations=1, tokens=tokens, cost=usage.cost or 0)
        case ToolSettled() | ToolFailed():
            return Amounts(tool_calls=1)
        case ScopesOpened(scopes=scopes):
            return Amounts(subcalls=sum(one.opened_by != "driver" for one in scopes))
        case _:
            return NOTHING
