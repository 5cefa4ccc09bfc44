"""A failure that is known beforehand cites whoever tells of it, if that is the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.ground.redaction import Redactor
from investigator.incident.case import IncidentCase
from investigator.runtime.told import ToldOutcome
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.evidence import EvidenceKind, unresolved_reason
from investigator.traces.model import Trace
from tests.builders import span, trace
from tests.incident.running import incident_run, investigated
from tests.incident.windows import run

FINE = trace(span("root", kind="AGENT", start_ms=0, end_ms=9))
TOLD = {"t": ToldOutcome(trace_id="t", outcome="failed")}


def judged(span_id: str | None) -> Trace:
    return Trace(
        "t", FINE.spans, [Evaluation("t", span_id, "correctness", Rater.PERSON, passed=False)]
    )


@pytest.mark.parametrize(
    ("given", "told", "kinds"),
    [
        (judged("root"), {}, [EvidenceKind.EVALUATION, EvidenceKind.SPAN]),
        (judged(None), {}, [EvidenceKind.EVALUATION, EvidenceKind.SPAN]),
        (FINE, TOLD, [EvidenceKind.SPAN]),
        (judged(None), TOLD, [EvidenceKind.SPAN]),
    ],
)
def test_a_failure_that_the_data_tells_of_cites_its_verdict(
    given: Trace, told: dict[str, ToldOutcome], kinds: list[EvidenceKind]
) -> None:
    """The caller's word comes first and is no evidence: there the run stands alone."""
    api = MemoryInspectionAPI([given])
    case = IncidentCase.of(
        api.get_traces(["t"]), api.get_trace, Redactor(), start=None, end=None, told=told
    )
    (occurrence,) = case.digest_of("t").occurrences
    assert [ref.kind for ref in occurrence.evidence] == kinds
    assert [unresolved_reason(ref, given) for ref in occurrence.evidence] == [None] * len(kinds)


def test_the_moment_of_a_known_failure_shows_who_tells_of_it(tmp_path: Path) -> None:
    """In the timeline and under the hypothesis of the dossier."""
    window = [run(at) for at in range(4)]
    bad = window[2]
    verdict = Evaluation(bad.trace_id, None, "correctness", Rater.CODE, passed=False)
    window[2] = Trace(bad.trace_id, bad.spans, [verdict])
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    for claims in (dossier.timeline, dossier.hypotheses):
        kinds = [ref.kind for claim in claims for ref in claim.evidence_refs]
        assert EvidenceKind.EVALUATION in kinds
