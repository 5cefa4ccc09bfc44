"""Names of what can become of a run and a scope, and the one table of scope states."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RunStatus(StrEnum):
    """`succeeded`: valid report, no scope cut off; `partial`: valid, but some was; `failed`."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"


class ScopeStatus(StrEnum):
    """How a scope ended; also the final states of `ScopeState`."""

    COMPLETED = "completed"
    TERMINATED_BUDGET = "terminated_budget"
    FAILED = "failed"


class ErrorCode(StrEnum):
    """What went wrong, for programs."""

    RECURSION_LIMIT_REACHED = "RECURSION_LIMIT_REACHED"
    CANCELLED = "CANCELLED"
    TOOL_CALL_FAILED = "TOOL_CALL_FAILED"
    TOOL_RESPONSE_INVALID = "TOOL_RESPONSE_INVALID"
    SCHEMA_VALIDATION_FAILED = "SCHEMA_VALIDATION_FAILED"
    EVIDENCE_VALIDATION_FAILED = "EVIDENCE_VALIDATION_FAILED"
    MODEL_OUTPUT_INVALID = "MODEL_OUTPUT_INVALID"
    MODEL_CALL_FAILED = "MODEL_CALL_FAILED"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    WRITEBACK_FAILED = "WRITEBACK_FAILED"
    UNEXPECTED_RUNTIME_ERROR = "UNEXPECTED_RUNTIME_ERROR"


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
