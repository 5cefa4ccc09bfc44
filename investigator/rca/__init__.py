"""Root cause analysis: why did this trace fail?"""

from investigator.inspection.engine import Engine, Manual
from investigator.rca.presentation import RCA_OVERVIEW, rca_document, rca_remarks, rca_rows
from investigator.rca.question import RCA
from investigator.rca.report import RCA_REPORT, RUN_TYPE, Outcome, RCAReport
from investigator.runtime.budget import Budget

ENGINE = Engine(
    name="rca",
    run_type=RUN_TYPE,
    artifact=RCA_REPORT,
    question=RCA,
    report=RCAReport,
    default_budget=Budget(
        iterations=40, tool_calls=120, subcalls=40, tokens=200_000, wall_time_s=180, depth=2
    ),
    verdicts=(Outcome.FAILURE.value, Outcome.UNDETERMINED.value),
    manual=Manual(
        "Find the root cause of a failed trace.",
        "Each run keeps to its budget; `investigator runs` shows and checks it.",
        (
            "traces.parquet --trace-id 617fdb16cf685c23",
            "exports/ --all --continue --output reports.jsonl",
            "exports/ --all --filter \"status_code == 'ERROR'\"",
            "run.json --taxonomy trail --json --fail-on failure",
        ),
    ),
    document=rca_document,
    overview=RCA_OVERVIEW,
    remarks=rca_remarks,
    rows=rca_rows,
)

__all__ = ["ENGINE"]
