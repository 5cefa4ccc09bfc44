"""What each engine says of traces, as far as it is a verdict, in a form that compares."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from investigator.claims.confidence import SUPPORTED
from investigator.rca.report import RCAReport
from investigator.traces.model import Trace
from tests.compliance.running import compliance_run
from tests.compliance.running import investigated as compliance_investigated
from tests.incident.running import incident_run
from tests.incident.running import investigated as incident_investigated
from tests.rca.running import run_rca

Verdict = Mapping[str, object]


def rca_verdict(trace: Trace) -> Verdict:
    """Outcome, label, and where each supported fault began."""
    return verdict_of_rca(run_rca(trace).report)


def verdict_of_rca(report: RCAReport) -> Verdict:
    """The same of a report."""
    began = {
        f"{finding.category} at {finding.span_id}": finding.confidence
        for finding in report.findings
        if finding.confidence >= SUPPORTED
    }
    return {"outcome": report.outcome, "label": report.primary_label, **began}


def compliance_verdict(trace: Trace) -> Verdict:
    """The verdict on each control, and overall."""
    with tempfile.TemporaryDirectory() as folder:
        _, report = compliance_investigated(compliance_run(trace), Path(folder) / "run")
    each = {result.control_id: result.pass_fail for result in report.controls_evaluated}
    return {"overall": report.overall, **each}


def incident_verdict(traces: Sequence[Trace]) -> Verdict:
    """Outcome, failing traces, what failed where, and whether a change is suspected."""
    with tempfile.TemporaryDirectory() as folder:
        _, dossier = incident_investigated(incident_run(traces), Path(folder) / "run")
    return {
        "outcome": dossier.outcome,
        "failing": dossier.window.failing,
        "slow": dossier.window.slow,
        "components": tuple((c.service, c.error_types) for c in dossier.impacted_components),
        "traces": tuple(one.trace_id for one in dossier.representative_traces),
        "change": dossier.suspected_change.status,
        "hypotheses": tuple((h.rank, h.confidence) for h in dossier.hypotheses),
    }
