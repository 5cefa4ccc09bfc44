"""What a check is: a pure function from a trace and its parameters to what it found there.

A check never says "pass". It says what breaks the control, what kept it from looking, and what
it looked at; the verdict follows from these by one rule (`investigator.controls.evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from investigator.controls.closed import Closed
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef


class Params(Closed):
    """Base of the parameters of a check, as a control's YAML gives them."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach of a control.

    `span_id` is the step that broke it, `evidence` (at least one reference) shows it, the most
    telling first; `summary` is a line, which `evaluate` redacts and bounds. `strength` (0..1) is
    how far what was seen speaks for a breach. `refused_at` is the step at which the tool refused
    the act, so that it came to nothing.
    """

    span_id: str
    summary: str
    evidence: tuple[EvidenceRef, ...]
    strength: float
    refused_at: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    `missing` names, one a line, what it needed to see and could not (absent, redacted,
    truncated); with anything missing, no violations prove nothing. `scanned` says what was
    looked at, such as "14 tool calls"; `evidence` are a few of those places, for a pass.
    `unconfigured` are the params without which nothing, or not all, could be asked: where nothing
    was looked at for that reason, `scanned` is empty, and the control is not applicable.
    """

    violations: tuple[Violation, ...] = ()
    missing: tuple[str, ...] = ()
    scanned: str = ""
    evidence: tuple[EvidenceRef, ...] = ()
    unconfigured: tuple[str, ...] = ()


ParamsT = TypeVar("ParamsT", bound=Params)


@dataclass(frozen=True, slots=True)
class Check(Generic[ParamsT]):
    """A check by the name that controls call it by, with the model of its parameters."""

    name: str
    params: type[ParamsT]
    run: Callable[[Readings, ParamsT], Checked]
