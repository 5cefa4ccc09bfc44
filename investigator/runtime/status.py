"""Names of what can become of a run and a scope, and the one table of scope states."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RunStatus(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    """The report is valid, its evidence resolves, and no scope was cut off or failed."""
    PARTIAL = "partial"
    """The report is valid, but a scope was cut off or left out, or write-back is incomplete."""
    FAILED = "failed"
    """There is no valid report; `error` says why."""


class ScopeStatus(StrEnum):
    """How a scope ended; also the final states of `ScopeState`."""

    COMPLETED = "completed"
    """It gave its answer, possibly in its final turn."""
    TERMINATED_BUDGET = "terminated_budget"
    """The pool stopped it before it could answer; its last valid draft counts as its answer."""
    FAILED = "failed"
    """It ended with an error."""


class ErrorCode(StrEnum):
    """What went wrong, for programs."""

    RECURSION_LIMIT_REACHED = "RECURSION_LIMIT_REACHED"
    """A limit of the budget was reached, wall time included; `limit` names it. Resume with a
    higher one."""
    CANCELLED = "CANCELLED"
    """Ctrl-C or SIGTERM. Finished calls are kept; the run can be resumed."""
    TOOL_CALL_FAILED = "TOOL_CALL_FAILED"
    """A read of the traces failed."""
    TOOL_RESPONSE_INVALID = "TOOL_RESPONSE_INVALID"
    """A tool returned something that does not match its own schema."""
    SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED"
    """The report does not match its schema."""
    EVIDENCE_VALIDATION_FAILED = "EVIDENCE_VALIDATION_FAILED"
    """A reference in the report does not resolve in the trace."""
    MODEL_OUTPUT_INVALID = "MODEL_OUTPUT_INVALID"
    """A model gave three invalid replies in a row."""
    MODEL_CALL_FAILED = "MODEL_CALL_FAILED"
    """The model's endpoint gave no reply, retries included."""
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    """The source went down while it was being read. Resume once it is back."""
    WRITEBACK_FAILED = "WRITEBACK_FAILED"
    """Not every annotation was written; `investigator annotate` completes it."""
    UNEXPECTED_RUNTIME_ERROR = "UNEXPECTED_RUNTIME_ERROR"
    """A defect of the Investigator."""


class ScopeState(StrEnum):
    """Where a scope is."""

    INITIALIZED = "initialized"
    RUNNING = "running"
    PLANNING = "planning"
    ACTING = "acting"
    DELEGATING = "delegating"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    TERMINATED_BUDGET = "terminated_budget"
    FAILED = "failed"


class Move(StrEnum):
    """What moves a scope from state to state."""

    START = "start"
    ASK = "ask"
    ASK_FINAL = "ask_final"
    ACT = "act"
    DELEGATE = "delegate"
    COMPLETE = "complete"
    CUT_OFF = "cut_off"
    FAIL = "fail"
    REOPEN = "reopen"


_ENDS = {
    Move.COMPLETE: ScopeState.COMPLETED,
    Move.CUT_OFF: ScopeState.TERMINATED_BUDGET,
    Move.FAIL: ScopeState.FAILED,
}
_TURNS = {Move.ASK: ScopeState.PLANNING, Move.ASK_FINAL: ScopeState.FINALIZING}

TRANSITIONS: dict[ScopeState, dict[Move, ScopeState]] = {
    ScopeState.INITIALIZED: {Move.START: ScopeState.RUNNING},
    # A scope that is opened again goes on after its last finished call, whatever that asked for.
    ScopeState.RUNNING: {
        **_TURNS,
        **_ENDS,
        Move.ACT: ScopeState.ACTING,
        Move.DELEGATE: ScopeState.DELEGATING,
    },
    ScopeState.PLANNING: {
        **_TURNS,
        **_ENDS,
        Move.ACT: ScopeState.ACTING,
        Move.DELEGATE: ScopeState.DELEGATING,
    },
    # A call that a dead process left open is made again; a fixed list of actions just ends.
    ScopeState.ACTING: {**_TURNS, **_ENDS, Move.ACT: ScopeState.ACTING},
    # Scope 0 of an engine that opens its scopes itself ends when they have.
    ScopeState.DELEGATING: {**_TURNS, **_ENDS},
    ScopeState.FINALIZING: {**_TURNS, **_ENDS},
    ScopeState.COMPLETED: {Move.REOPEN: ScopeState.RUNNING},
    ScopeState.TERMINATED_BUDGET: {Move.REOPEN: ScopeState.RUNNING},
    ScopeState.FAILED: {Move.REOPEN: ScopeState.RUNNING},
}
"""Every state change there is; what is not here cannot happen."""


def advance(state: ScopeState, move: Move) -> ScopeState:
    """The state after `move`; ValueError where the table has none."""
    try:
        return TRANSITIONS[state][move]
    except KeyError:
        raise ValueError(f"a scope that is {state} cannot {move}") from None


class Artifact(NamedTuple):
    """What a run is to produce: the sort of report and the version of its schema."""

    type: str
    schema: str
