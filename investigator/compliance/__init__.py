"""Compliance: which controls does this trace break?"""

from investigator.compliance.presentation import (
    COMPLIANCE_OVERVIEW,
    compliance_document,
    compliance_remarks,
    compliance_rows,
)
from investigator.compliance.question import Compliance
from investigator.compliance.report import COMPLIANCE_REPORT, RUN_TYPE, ComplianceReport, Overall
from investigator.inspection.engine import Engine, Manual
from investigator.runtime.budget import Budget

ENGINE = Engine(
    name="compliance",
    run_type=RUN_TYPE,
    artifact=COMPLIANCE_REPORT,
    question=Compliance,
    report=ComplianceReport,
    default_budget=Budget(
        iterations=240, tool_calls=480, subcalls=120, tokens=600_000, wall_time_s=180, depth=2
    ),
    verdicts=(Overall.NON_COMPLIANT.value, Overall.NEEDS_REVIEW.value),
    manual=Manual(
        "Check a trace against a library of controls.",
        "One verdict a control: pass, fail, not_applicable or insufficient_evidence;\n"
        "a fail cites the spans that show it.",
        (
            "traces.parquet --trace-id 617fdb16cf685c23",
            "exports/ --all --output reports.jsonl",
            "exports/ --all --controls airline-example",
            "run.json --control control.secrets.prompts --json",
        ),
    ),
    document=compliance_document,
    overview=COMPLIANCE_OVERVIEW,
    remarks=compliance_remarks,
    rows=compliance_rows,
)

__all__ = ["ENGINE"]
