"""A failure that was refuted comes back in no dossier: neither as a cause nor as advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.incident.presentation import incident_document
from investigator.incident.report import IncidentDossier
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.traces.model import Trace
from tests.incident.running import case_of, incident_run, investigated
from tests.incident.windows import TIMEOUT, run

WINDOW = [*(run(at) for at in range(4)), *(run(at, error=TIMEOUT) for at in range(4, 7))]


def read(trace_id: str) -> str:
    """A turn that reads the tool call of a trace."""
    args: JsonValue = {"trace_id": trace_id, "span_id": "tool", "part": None, "offset": 0}
    return canonical_json(
        {"action": {"type": "tool_call", "tool_name": "get_tool_io", "args": args}}
    )


def ends(*leads: str) -> str:
    """A turn that ends a scope with these leads refuted."""
    refuted: list[JsonValue] = [
        {"lead": lead, "reason": "it was asked for", "evidence": ["e1"]} for lead in leads
    ]
    output: JsonValue = {"findings": [], "gaps": [], "summary": "looked", "refuted": refuted}
    return canonical_json({"action": {"type": "finalize", "output": output}})


def dossier_of(
    tmp_path: Path,
    refuted: Mapping[int, Sequence[str]],
    synthesis: Sequence[str] = (),
    window: Sequence[Trace] = WINDOW,
) -> IncidentDossier:
    """The dossier where the scopes of these representatives refute these leads."""
    case = case_of(window)
    script = {
        f"0/{n}": (read(one.trace_id), ends(*refuted.get(n, ())))
        for n, one in enumerate(case.representatives, 1)
    }
    script["0/0"] = (read(case.representatives[0].trace_id), ends(*synthesis))
    planner = ScriptedPlanner(script)
    return investigated(incident_run(window, planner=planner), tmp_path / "run")[1]


def leads(trace_id: str | None) -> list[str]:
    """The ids of the leads of a representative, or of the shared ones."""
    return [lead.id for lead in case_of(WINDOW).leads.values() if lead.trace_id == trace_id]


def test_a_failure_that_nobody_stated_or_refuted_comes_back(tmp_path: Path) -> None:
    """With little confidence, as a suspect."""
    dossier = dossier_of(tmp_path, {})
    assert dossier.hypotheses
    assert dossier.refuted == ()


@pytest.mark.parametrize("by_synthesis", [True, False])
def test_a_refuted_failure_is_told_as_refuted_alone(tmp_path: Path, by_synthesis: bool) -> None:
    """Refuted in each of its traces, or once as a cause."""
    chosen = case_of(WINDOW).representatives
    each = {n: leads(one.trace_id) for n, one in enumerate(chosen, 1)}
    dossier = dossier_of(
        tmp_path, {} if by_synthesis else each, leads(None) if by_synthesis else ()
    )
    assert dossier.hypotheses == ()
    assert len(dossier.refuted) == (1 if by_synthesis else len(chosen))
    assert not any("search" in action for action in dossier.recommended_actions)
    lines = [
        line
        for section in incident_document(dossier).sections
        if getattr(section, "title", "") == "refuted leads"
        for line in getattr(section, "lines", ())
    ]
    assert all("it was asked for" in line for line in lines)
    assert len(lines) == len(dossier.refuted)


def test_a_failure_refuted_in_one_trace_leaves_the_others(tmp_path: Path) -> None:
    """What other traces show was not refuted with it."""
    window = [*WINDOW, run(8, tool="load", error="FileNotFoundError: no file 'tickets.csv'")]
    case = case_of(window)
    first, second = case.representatives
    own = [lead.id for lead in case.leads.values() if lead.trace_id == first.trace_id]
    dossier = dossier_of(tmp_path, {1: own}, window=window)
    cited = {ref.trace_id for one in dossier.hypotheses for ref in one.evidence_refs}
    assert cited == {second.trace_id}
    assert [one.place for one in dossier.refuted] == [first.trace_id] * len(own)
