"""The rules tell the shipped set right: label, place and change, and nothing where nothing was."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.seeded import judged_traces, judged_windows
from demo.agent.manifest import Kind, read_manifest
from investigator.rca.report import Label, Outcome
from investigator.samples import SEEDED

MANIFEST = read_manifest(SEEDED)


@pytest.mark.parametrize("label", [label.value for label in Label])
def test_a_failure_has_its_label_at_the_span_where_it_began(label: str, tmp_path: Path) -> None:
    """In every form of every label."""
    truths = [one for one in MANIFEST.traces if one.label == label]
    judged = judged_traces(SEEDED, truths, tmp_path)
    told = {(one.truth.form, one.label_is_right, one.origin_is_right) for one in judged}
    assert told == {(truth.form, True, True) for truth in truths}


@pytest.mark.parametrize("kind", [Kind.HEALTHY, Kind.RECOVERED])
def test_a_run_that_came_to_its_answer_did_not_fail(kind: Kind, tmp_path: Path) -> None:
    """Whatever went wrong on the way and was made good."""
    truths = [one for one in MANIFEST.traces if one.kind is kind]
    judged = judged_traces(SEEDED, truths, tmp_path)
    assert {one.report.outcome for one in judged} == {Outcome.NO_FAILURE}


@pytest.mark.slow
def test_the_change_is_found_in_each_window_and_none_in_a_quiet_one(tmp_path: Path) -> None:
    """Asserted with its kind; a window with stray failures and no cause has none to assert."""
    judged = judged_windows(SEEDED, MANIFEST.incidents, tmp_path)
    assert {one.truth.name: one.truth.change in (*one.asserted, None) for one in judged} == {
        truth.name: True for truth in MANIFEST.incidents
    }
    assert {one.asserted for one in judged if one.truth.change is None} == {()}
