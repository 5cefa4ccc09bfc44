"""What a scope of a trace says reaches the synthesis and the dossier with where it is from."""

from __future__ import annotations

import json
from pathlib import Path

from investigator.claims.leads import read_of
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.runtime.events import PlannerIdentity, Usage
from investigator.runtime.planner import FreePlanner, Reply, View
from tests.incident.running import case_of, incident_run, investigated
from tests.incident.test_refuted import WINDOW

GAP = "the right answer is not in the trace"


class Quoting(FreePlanner):
    """Reads a call in each trace and quotes it; the synthesis states nothing."""

    identity = PlannerIdentity(planner="script")

    def __init__(self) -> None:
        self.case = case_of(WINDOW)
        self.gathered: list[JsonValue] = []

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """Two turns in each scope."""
        place = int(view.scope_id.split("/")[1])
        trace_id = self.case.representatives[max(place - 1, 0)].trace_id
        if not place:
            self.gathered = list(view.gathered)
            return Reply(_ends([], []), Usage())
        if not view.step:
            said = self.case.views.readings_of(trace_id).steps[2]
            ref = said.evidence[0]
            return Reply(read_of(ref, trace_id=trace_id), Usage())
        cited = next(iter(view.cited))
        finding: JsonValue = {
            "id": "f1",
            "description": "the search did not answer",
            "confidence": 0.4,
            "evidence": [cited],
            "quotes": [f"{cited}: Let me look."],
            "signature": next(
                one.signature for one in self.case.leads.values() if one.trace_id == trace_id
            ),
        }
        return Reply(_ends([finding], [GAP]), Usage())


def _ends(findings: list[JsonValue], gaps: list[JsonValue]) -> str:
    output: JsonValue = {"findings": findings, "gaps": gaps, "summary": "looked", "refuted": []}
    return canonical_json({"action": {"type": "finalize", "output": output}})


def test_quotations_reach_the_synthesis_and_gaps_name_their_trace(tmp_path: Path) -> None:
    """Whoever compares the scopes has their words; whoever reads a gap knows of which trace."""
    planner = Quoting()
    _, dossier = investigated(incident_run(WINDOW, planner=planner), tmp_path / "run")
    ends = [json.loads(canonical_json(one)) for one in planner.gathered]
    assert ends
    assert all(one["answer"]["findings"][0]["quotes"] for one in ends)
    for chosen in planner.case.representatives:
        assert f"trace {chosen.trace_id}: {GAP}" in dossier.gaps
    assert GAP not in dossier.gaps
