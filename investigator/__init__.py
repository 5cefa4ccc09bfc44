"""Root causes, control verdicts and incident dossiers from traces of LLM agents.

    from investigator import RCA, investigate

    result = investigate("traces/", RCA(trace_id="…"))
    print(result.status, result.report)

The names below are the whole public interface; `docs/python.md` explains each. They are
imported when they are first used, so `import investigator` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from investigator.compliance.question import Compliance
    from investigator.compliance.report import ComplianceReport, ControlResult
    from investigator.controls.parameters import ControlParameters
    from investigator.errors import (
        BudgetTooSmall,
        FilterSyntaxError,
        InvestigatorError,
        JournalError,
        ReplayDifference,
        RunExists,
        RunLocked,
        RunNotFound,
        SourceError,
        SourceUnavailable,
        SpanNotFound,
        TraceNotFound,
        UnreadableInput,
        UsageError,
    )
    from investigator.incident.question import Incident
    from investigator.incident.report import (
        ChangeSeen,
        Component,
        Event,
        Hypothesis,
        IncidentDossier,
        RepresentativeTrace,
        SuspectedChange,
        Window,
    )
    from investigator.rca.question import RCA
    from investigator.rca.report import Finding, RCAReport
    from investigator.readings.steps import Step, StepCall, StepKind
    from investigator.reports.agent_tests import assert_no_failure
    from investigator.reports.batch_tables import Batch, run_batch
    from investigator.reports.notebook_progress import ProgressLine
    from investigator.runs.batch import BatchLimits, BatchOutcome
    from investigator.runs.investigation import RunResult, ainvestigate, investigate
    from investigator.runs.planners import PlannerChoice
    from investigator.runs.run_progress import RunProgress
    from investigator.runs.run_store import (
        StoredRun,
        annotate_run,
        areplay_run,
        aresume_run,
        list_runs,
        read_record,
        replay_run,
        resume_run,
        undo_annotations,
    )
    from investigator.runs.settings import Request, Settings
    from investigator.runs.step_reading import steps
    from investigator.runs.verification import Verification, verify_run
    from investigator.runtime.budget import Budget
    from investigator.runtime.llm_settings import ModelSettings
    from investigator.runtime.record import RunRecord
    from investigator.runtime.told import ToldOutcome
    from investigator.traces.evidence import EvidenceRef
    from investigator.traces.model import Span, Trace
    from investigator.traces.parquet import write_spans

_HOMES = {
    "investigator.compliance.question": ("Compliance",),
    "investigator.compliance.report": ("ComplianceReport", "ControlResult"),
    "investigator.controls.parameters": ("ControlParameters",),
    "investigator.errors": (
        *("BudgetTooSmall", "FilterSyntaxError", "InvestigatorError", "JournalError"),
        *("ReplayDifference", "RunExists", "RunLocked", "RunNotFound", "SourceError"),
        *("SourceUnavailable", "SpanNotFound", "TraceNotFound", "UnreadableInput", "UsageError"),
    ),
    "investigator.incident.question": ("Incident",),
    "investigator.incident.report": (
        *("ChangeSeen", "Component", "Event", "Hypothesis", "IncidentDossier"),
        *("RepresentativeTrace", "SuspectedChange", "Window"),
    ),
    "investigator.rca.question": ("RCA",),
    "investigator.rca.report": ("Finding", "RCAReport"),
    "investigator.reports.agent_tests": ("assert_no_failure",),
    "investigator.reports.batch_tables": ("Batch", "run_batch"),
    "investigator.reports.notebook_progress": ("ProgressLine",),
    "investigator.runs.batch": ("BatchLimits", "BatchOutcome"),
    "investigator.runs.run_progress": ("RunProgress",),
    "investigator.runs.investigation": ("RunResult", "ainvestigate", "investigate"),
    "investigator.runs.planners": ("PlannerChoice",),
    "investigator.runs.run_store": (
        *(
            "StoredRun",
            "annotate_run",
            "areplay_run",
            "aresume_run",
            "list_runs",
            "read_record",
        ),
        *("replay_run", "resume_run", "undo_annotations"),
    ),
    "investigator.readings.steps": ("Step", "StepCall", "StepKind"),
    "investigator.runs.settings": ("Request", "Settings"),
    "investigator.runs.step_reading": ("steps",),
    "investigator.runs.verification": ("Verification", "verify_run"),
    "investigator.runtime.budget": ("Budget",),
    "investigator.runtime.llm_settings": ("ModelSettings",),
    "investigator.runtime.record": ("RunRecord",),
    "investigator.runtime.told": ("ToldOutcome",),
    "investigator.traces.evidence": ("EvidenceRef",),
    "investigator.traces.model": ("Span", "Trace"),
    "investigator.traces.parquet": ("write_spans",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (by subject, as the page does)
    "investigate", "ainvestigate", "RunResult",
    "RCA", "Compliance", "ControlParameters", "Incident", "ToldOutcome",
    "Settings", "Budget", "PlannerChoice", "ModelSettings",
    "RCAReport", "Finding",
    "ComplianceReport", "ControlResult",
    "IncidentDossier", "Window", "Component", "Event", "RepresentativeTrace", "ChangeSeen",
    "SuspectedChange", "Hypothesis",
    "EvidenceRef",
    "RunProgress", "ProgressLine",
    "run_batch", "Batch", "Request", "BatchLimits", "BatchOutcome",
    "list_runs", "StoredRun", "read_record", "RunRecord", "verify_run", "Verification",
    "replay_run", "areplay_run", "resume_run", "aresume_run", "annotate_run", "undo_annotations",
    "assert_no_failure",
    "steps", "Step", "StepCall", "StepKind",
    "write_spans", "Span", "Trace",
    "InvestigatorError", "UsageError", "BudgetTooSmall", "FilterSyntaxError", "RunExists",
    "RunLocked", "RunNotFound", "SourceError", "SourceUnavailable", "UnreadableInput",
    "TraceNotFound", "SpanNotFound", "JournalError", "ReplayDifference",
    "__version__",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("phoenix-rlm-investigator")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'investigator' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
