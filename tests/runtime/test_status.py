"""The one table of scope states is closed, its ends are ends, and every journal walks along it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from investigator.runtime.budget import Budget
from investigator.runtime.record import RunRecord
from investigator.runtime.status import (
    TRANSITIONS,
    Move,
    ScopeState,
    ScopeStatus,
    advance,
)
from investigator.testing.toy import toy_run
from tests.runtime.toys import FAMILY, Script, failing, free, resume_toy, run_toy

ENDS = {ScopeState.COMPLETED, ScopeState.TERMINATED_BUDGET, ScopeState.FAILED}


def test_the_table_names_every_state_and_leads_to_nothing_else() -> None:
    """Each state has its row; each move in it ends in a state that has one."""
    assert set(TRANSITIONS) == set(ScopeState)
    assert {state for row in TRANSITIONS.values() for state in row.values()} <= set(ScopeState)
    assert {move for row in TRANSITIONS.values() for move in row} == set(Move)


def test_the_ends_are_the_statuses_and_only_a_reopening_leaves_them() -> None:
    """What has ended stays so, unless a resume opens it again; nothing else can be reopened."""
    assert {state.value for state in ENDS} == {status.value for status in ScopeStatus}
    for state, row in TRANSITIONS.items():
        if state in ENDS:
            assert row == {Move.REOPEN: ScopeState.RUNNING}
        else:
            assert Move.REOPEN not in row


def test_every_state_can_be_reached_and_can_end() -> None:
    """No state is dead, none is out of reach."""
    reached = {ScopeState.INITIALIZED}
    for _ in ScopeState:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(ScopeState)
    for state in set(ScopeState) - ENDS - {ScopeState.INITIALIZED}:
        assert TRANSITIONS[state][Move.FAIL] is ScopeState.FAILED
        assert TRANSITIONS[state][Move.CUT_OFF] is ScopeState.TERMINATED_BUDGET


def test_advance_is_the_table_and_refuses_the_rest() -> None:
    """A move that the table has not cannot happen; the message names both."""
    for state in ScopeState:
        for move in Move:
            if move in TRANSITIONS[state]:
                assert advance(state, move) is TRANSITIONS[state][move]
            else:
                with pytest.raises(ValueError, match=f"{state} cannot {move}"):
                    advance(state, move)


def is_path(record: RunRecord) -> bool:
    """Whether every scope's trajectory goes along the table, from its start."""
    trajectories = [t.states for t in record.runtime_ref.state_trajectory]
    return all(
        states[0] is ScopeState.INITIALIZED
        and states[-1] in ENDS
        and all(after in TRANSITIONS[before].values() for before, after in pairwise(states))
        for states in trajectories
    )


def test_every_trajectory_is_a_path_in_the_table(tmp_path: Path) -> None:
    """Of runs that succeed, are cut off, fail and are resumed."""
    down: Script = {**FAMILY, "0/1": [failing()]}
    for n, (script, budget) in enumerate(
        [(FAMILY, None), (FAMILY, Budget(iterations=14)), (down, None)]
    ):
        record = run_toy(toy_run(free(script), budget=budget), tmp_path / str(n))
        assert is_path(record)
        again = resume_toy(toy_run(free()), tmp_path / str(n), Budget())
        assert is_path(again)
        assert len(again.runtime_ref.state_trajectory) == len(FAMILY)
