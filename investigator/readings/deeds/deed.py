"""An act: what one statement, command or request does, and to what.

A call may be several acts (a pipeline, two statements). What cannot be read is an act of unknown
effect, which nobody may take for a harmless one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class DeedEffect(StrEnum):
    """What an act does to the world."""

    READ = "READ"
    """It looks, or works something out."""
    WRITE = "WRITE"
    """It makes or changes something."""
    DELETE = "DELETE"
    """It takes something away."""
    SEND = "SEND"
    """It gives something to somebody."""
    PAY = "PAY"
    """It moves money."""
    GRANT = "GRANT"
    """It changes who may do what."""
    EXECUTE = "EXECUTE"
    """It runs something that stands nowhere in the call, such as what another command puts out."""
    UNKNOWN = "UNKNOWN"
    """It cannot be told what it does."""


CHANGES = frozenset(
    {DeedEffect.WRITE, DeedEffect.DELETE, DeedEffect.PAY, DeedEffect.GRANT, DeedEffect.EXECUTE}
)
"""Effects that leave what they touch other than it was."""


class Means(StrEnum):
    """How an act is done."""

    NAME = "NAME"
    """By a tool that says in its name what it does."""
    SQL = "SQL"
    COMMAND = "COMMAND"
    CODE = "CODE"
    REQUEST = "REQUEST"
    FILE = "FILE"


@dataclass(frozen=True, slots=True)
class Deed:
    """One act: `what` in a few words of the call's own, `things` the tables, paths or hosts.

    `grave` says that it has a high impact: it cannot be taken back, moves money, gives rights or
    changes what others run. `runs_output` says that it runs as code what another program puts out.
    """

    effect: DeedEffect
    what: str
    means: Means
    things: tuple[str, ...] = ()
    grave: bool = False
    runs_output: bool = False


def only_reads(acts: Iterable[Deed]) -> bool:
    """Whether every one of the acts does nothing but look."""
    return all(act.effect is DeedEffect.READ for act in acts)
