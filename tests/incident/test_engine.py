"""A window becomes a dossier: what failed, when, what changed, and nothing that is not shown."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from investigator.incident.report import IncidentDossier, IncidentOutcome, SuspicionStatus
from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import read_entries
from investigator.runtime.replay import replay
from investigator.runtime.status import RunStatus, ScopeStatus
from investigator.snapshots import open_snapshots
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.traces.evidence import EvidenceKind
from investigator.traces.model import Trace
from tests.incident.running import incident_run, investigated
from tests.incident.windows import TIMEOUT, run

NOT_FOUND = "FileNotFoundError: no file 'tickets.csv'"

HEALTHY = [run(at) for at in range(8)]
RELEASED = [
    *(run(at, model="small-1") for at in range(6)),
    *(run(at, model="small-2", error=TIMEOUT) for at in range(6, 12)),
]
"""A new model, and from then on a tool that times out."""


def several() -> list[Trace]:
    """Three sorts of failure, two of which go together in some traces."""
    kinds = itertools.cycle([("search", TIMEOUT), ("load", NOT_FOUND), ("parse", "ValueError: x")])
    return [
        run(at, tool=tool, error=error if at > 2 else None)
        for at, (tool, error) in zip(range(14), kinds, strict=False)
    ]


def test_a_window_in_which_a_release_broke_a_tool(tmp_path: Path) -> None:
    """The failures are told once, from first to last, and the change is asserted."""
    record, dossier = investigated(incident_run(RELEASED), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    assert dossier.outcome is IncidentOutcome.INCIDENT
    assert (dossier.window.traces, dossier.window.failing) == (12, 6)
    assert dossier.suspected_change.status is SuspicionStatus.ASSERTED
    (change, *_) = dossier.suspected_change.changes
    assert (change.kind, change.before, change.after) == ("model", ("small-1",), ("small-2",))
    assert dossier.hypotheses[0].rank == 1
    assert "search: timeout, in 6 of 6 failing traces" in dossier.hypotheses[0].statement
    assert "model" in dossier.recommended_actions[0]
    assert [component.name for component in dossier.impacted_components] == ["search"]


def test_nothing_failed_is_an_answer(tmp_path: Path) -> None:
    """No scope is opened, nothing is explained, and what was looked at is said."""
    record, dossier = investigated(incident_run(HEALTHY), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    assert record.runtime_ref.usage.subcalls == 0
    assert dossier.outcome is IncidentOutcome.NO_INCIDENT
    assert (dossier.hypotheses, dossier.representative_traces) == ((), ())
    assert dossier.suspected_change.status is SuspicionStatus.NONE_FOUND
    assert "8 traces" in dossier.incident_summary


def test_an_empty_window_says_that_nothing_can_be_said(tmp_path: Path) -> None:
    """Not that all was well."""
    _, dossier = investigated(incident_run([]), tmp_path / "run")
    assert dossier.outcome is IncidentOutcome.UNDETERMINED
    assert "no trace is in the window" in dossier.gaps
    assert dossier.suspected_change.status is SuspicionStatus.UNKNOWN


def test_a_failure_without_a_change_keeps_the_change_open(tmp_path: Path) -> None:
    """What fails all along was not brought in by anything in the window."""
    _, dossier = investigated(
        incident_run([run(at, error=TIMEOUT) for at in range(5)]), tmp_path / "run"
    )
    assert dossier.outcome is IncidentOutcome.INCIDENT
    assert dossier.suspected_change.status is SuspicionStatus.UNKNOWN
    assert dossier.suspected_change.changes == ()


def test_each_scope_is_the_engines_and_its_children_the_planners(tmp_path: Path) -> None:
    """A synthesis opened first and closed last; usage adds up over the scopes."""
    traces = [*HEALTHY, both_at_once(20), both_at_once(21)]
    record, _ = investigated(incident_run(traces), tmp_path / "run")
    subcalls = record.runtime_ref.subcall_metadata
    opened_by = {s.call_id: s.opened_by for s in subcalls}
    assert opened_by["0/0"] == "engine"
    assert any(s.opened_by == "planner" and s.planner_driven for s in subcalls)
    usage = record.runtime_ref.usage
    assert usage.iterations == sum(s.usage.iterations for s in subcalls)
    assert usage.tool_calls == sum(s.usage.tool_calls for s in subcalls)
    assert all(s.status is ScopeStatus.COMPLETED for s in subcalls)


def both_at_once(at: int) -> Trace:
    """A trace in which two tools fail."""
    first, second = run(at, error=TIMEOUT), run(at, tool="load", error=NOT_FOUND)
    loaded = next(found for found in second.spans if found.span_id == "tool")
    return Trace(first.trace_id, [*first.spans, replace(loaded, span_id="load")])


def test_failures_that_representatives_share_come_first_each_once(tmp_path: Path) -> None:
    """One hypothesis a signature, at most five, ranked from one on."""
    traces = [*several(), both_at_once(20), both_at_once(21)]
    _, dossier = investigated(incident_run(traces), tmp_path / "run")
    statements = [hypothesis.statement for hypothesis in dossier.hypotheses]
    assert len(statements) == len({s.split(",")[0] for s in statements}) <= 5
    assert [h.rank for h in dossier.hypotheses] == list(range(1, len(statements) + 1))
    assert {s.split(",")[0] for s in statements} >= {"search: timeout", "load: not found"}


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_dossier_is_the_same_at_any_concurrency_and_order(
    tmp_path: Path, concurrency: int
) -> None:
    """No limit met, same bytes."""
    one, other = tmp_path / "one", tmp_path / "other"
    investigated(incident_run(several()), one)
    investigated(incident_run(several()[::-1], concurrency=concurrency), other)
    assert (one / OUTPUT_FILE).read_bytes() == (other / OUTPUT_FILE).read_bytes()


def test_a_run_is_replayed_to_the_same_dossier(tmp_path: Path) -> None:
    """Offline, scope by scope."""
    made = incident_run(RELEASED)
    investigated(made, tmp_path / "run")
    output = (tmp_path / "run" / OUTPUT_FILE).read_bytes()
    again = asyncio.run(replay(made, read_entries(tmp_path / "run"), output))
    assert again.difference is None


def test_without_a_synthesis_the_dossier_stands_on_the_finished_scopes(tmp_path: Path) -> None:
    """The run is partial, and the hypotheses follow from what the traces showed."""
    by_rules = incident_run(RELEASED)
    turns = ScriptedPlanner({"0/0": ["not a turn"], "0/1": ["not a turn"]})
    record, dossier = investigated(incident_run(RELEASED, planner=turns), tmp_path / "run")
    assert record.status is RunStatus.PARTIAL
    _, whole = investigated(by_rules, tmp_path / "whole")
    assert dossier.representative_traces == whole.representative_traces
    assert any("scope 0/0" in gap for gap in dossier.gaps)


def test_a_configuration_that_changed_is_shown_by_its_diff(tmp_path: Path) -> None:
    """The diff is evidence of its own kind, and is checked against the snapshots."""
    for tag, at, text in (("v1", 0, "retries: 3\r\n"), ("v2", 6, "retries: 0\n")):
        folder = tmp_path / "snapshots" / tag
        folder.mkdir(parents=True)
        (folder / "agent.yaml").write_bytes(text.encode())
        deployed = {"deployed_at": f"1970-01-01T00:0{at}:00Z"}
        (folder / "metadata.json").write_text(json.dumps(deployed))
    traces = [run(at, error=TIMEOUT if at > 5 else None) for at in range(12)]
    store = open_snapshots(tmp_path / "snapshots")
    record, dossier = investigated(incident_run(traces, snapshots=store), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    assert dossier.suspected_change.status is SuspicionStatus.ASSERTED
    kinds = {ref.kind for ref in dossier.suspected_change.evidence_refs}
    assert EvidenceKind.CONFIG_DIFF in kinds
    diff = dossier.suspected_change.changes[0].diff
    assert diff is not None
    assert "-retries: 3" in diff


def test_a_small_budget_leaves_out_the_last_traces_and_says_so(tmp_path: Path) -> None:
    """With best effort; the report names what was left out."""
    made = incident_run(several(), budget=Budget(iterations=7, wall_time_s=60))
    eager = replace(made, opened=msgspec.structs.replace(made.opened, best_effort=True))
    record, dossier = investigated(eager, tmp_path / "run")
    assert record.status is RunStatus.PARTIAL
    assert any(gap.startswith("left out") for gap in dossier.gaps)


def test_a_dossier_with_a_made_up_reference_is_found_out(tmp_path: Path) -> None:
    """The check names what does not resolve."""
    made = incident_run(RELEASED)
    _, dossier = investigated(made, tmp_path / "run")
    first = dossier.hypotheses[0]
    ref = first.evidence_refs[0].model_copy(update={"excerpt_hash": "0" * 64})
    forged = first.model_copy(update={"evidence_refs": (ref, *first.evidence_refs[1:])})
    changed = dossier.model_copy(update={"hypotheses": (forged,)})
    assert any("does not resolve" in problem for problem in made.strategy.check(changed))
    assert IncidentDossier.model_validate_json(dossier.model_dump_json()) == dossier
