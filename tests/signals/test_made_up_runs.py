"""Runs that were made up for each mechanism, in five forms: told right, and look-alikes let be."""

from __future__ import annotations

import pytest

from benchmarks.mechanisms import MECHANISMS, outcomes_of


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_made_up_fault_is_told_at_its_step_in_every_form(mechanism: str) -> None:
    """Wordings, envelopes and tools of other authors than those of the detectors."""
    missed = {
        (one.case.kind, one.form, one.seen)
        for one in outcomes_of(mechanism, seed=7)
        if one.case.faults and not one.found
    }
    assert not missed


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_no_healthy_look_alike_is_called_failing(mechanism: str) -> None:
    """Each has the outside of a fault: a refusal that was told, a part that was asked for."""
    called = {
        (one.case.kind, one.form, one.seen)
        for one in outcomes_of(mechanism, seed=8)
        if not one.case.faults and one.seen
    }
    assert not called
