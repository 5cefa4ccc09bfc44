"""Incidents: what happened in this window of traces, and what changed?"""

from investigator.incident.presentation import (
    INCIDENT_OVERVIEW,
    incident_document,
    incident_remarks,
    incident_rows,
)
from investigator.incident.question import Incident
from investigator.incident.report import DOSSIER, RUN_TYPE, IncidentDossier, IncidentOutcome
from investigator.inspection.engine import Engine, Manual
from investigator.runtime.budget import Budget

ENGINE = Engine(
    name="incident",
    run_type=RUN_TYPE,
    artifact=DOSSIER,
    question=Incident,
    report=IncidentDossier,
    default_budget=Budget(
        iterations=120, tool_calls=240, subcalls=90, tokens=400_000, wall_time_s=300, depth=2
    ),
    verdicts=(IncidentOutcome.INCIDENT.value, IncidentOutcome.UNDETERMINED.value),
    manual=Manual(
        "Say what happened in a window of traces, and what changed.",
        "A dossier: representative traces, a timeline, the suspected change, ranked\n"
        'hypotheses and what to do. "No incident" and "nothing changed" are answers.',
        (
            "traces.parquet --from 2026-03-01 --to 2026-03-02",
            "exports/ --snapshots snapshots/ --json",
            "exports/ --project checkout --fail-on incident",
            "exports/ --trace-id 617fdb16 --trace-id 6ea20bab",
        ),
    ),
    document=incident_document,
    overview=INCIDENT_OVERVIEW,
    remarks=incident_remarks,
    rows=incident_rows,
)

__all__ = ["ENGINE"]
