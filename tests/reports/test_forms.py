"""Each form says of a batch what its readers ask, and is valid by its schema."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.claims.tables import CONTROL_TABLE, FINDING_TABLE, TRACE_TABLE
from investigator.reports.baseline import Baseline, baseline_of
from investigator.reports.renderers import PLAIN, RENDERERS, Rendering
from investigator.reports.run_report import RunReport
from investigator.reports.stored_reports import reported_in
from investigator.samples import SAMPLE_TRACES
from tests.reports.schemas import junit_errors, sarif_errors

FAILED, HEALTHY = "617fdb16cf685c234f3ef3cfbe54acd9", "expense-check-chat"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunReport, ...]:
    """A failed and a healthy trace, one trace's controls, and a window."""
    settings = Settings(runs_dir=tmp_path_factory.mktemp("runs"))
    questions = (
        RCA(trace_id=FAILED),
        RCA(trace_id=HEALTHY),
        Compliance(trace_id=FAILED),
        Incident(),
    )
    ran = [investigate(str(SAMPLE_TRACES), one, settings).run_id for one in questions]
    return reported_in(ran, settings.runs)


def test_csv_has_the_columns_of_its_table(reports: tuple[RunReport, ...]) -> None:
    """A line of names, then a row each; lists are joined, what is not known is empty."""
    for form, table in (
        ("csv", TRACE_TABLE),
        ("csv-findings", FINDING_TABLE),
        ("csv-controls", CONTROL_TABLE),
    ):
        names, *rows = csv.reader(io.StringIO(RENDERERS[form].render(reports, PLAIN)))
        assert tuple(names) == table.columns
        assert len(rows) == len(list(table.rows(reports)))
    traces = list(csv.DictReader(io.StringIO(RENDERERS["csv"].render(reports, PLAIN))))
    assert [(row["trace_id"], row["verdict"]) for row in traces[:2]] == [
        (FAILED, "failure"),
        (HEALTHY, "no_failure"),
    ]
    assert traces[3]["trace_id"] == ""


def test_sarif_is_valid_and_names_the_span(reports: tuple[RunReport, ...]) -> None:
    """An error for the finding, at its trace and span; a healthy trace has no result."""
    log = json.loads(RENDERERS["sarif"].render(reports, PLAIN))
    assert sarif_errors(log) == []
    results = log["runs"][0]["results"]
    first = next(r for r in results if r["ruleId"] == "rca/tool_failure")
    assert first["level"] == "error"
    place = first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert place == f"{FAILED}/04c1a2f9efedd76c"
    assert not [r for r in results if HEALTHY in json.dumps(r["locations"])]


def test_sarif_has_no_result_for_a_control_that_passed(reports: tuple[RunReport, ...]) -> None:
    """One that fails has the level of its severity, one that could not be judged is for review."""
    log = json.loads(RENDERERS["sarif"].render(reports, PLAIN))
    of_controls = [r for r in log["runs"][0]["results"] if r["ruleId"].startswith("compliance/")]
    told = [c for r in reports if r.rows for c in r.rows.controls]
    open_ones = [c for c in told if c.verdict in ("fail", "insufficient_evidence")]
    assert [r["ruleId"] for r in of_controls] == [f"compliance/{c.control_id}" for c in open_ones]
    assert {r["kind"] for r in of_controls} <= {"fail", "review"}


def test_junit_is_valid_and_counts(reports: tuple[RunReport, ...]) -> None:
    """A suite an engine, a case a trace or a control."""
    document = RENDERERS["junit"].render(reports, PLAIN)
    assert junit_errors(document) == []
    rca, compliance, _ = ElementTree.fromstring(document.encode())
    assert (rca.get("tests"), rca.get("failures")) == ("2", "1")
    controls = [c for r in reports if r.rows for c in r.rows.controls]
    assert compliance.get("tests") == str(len(controls))
    assert compliance.get("failures") == str(sum(c.fails for c in controls))


@pytest.mark.parametrize("form", ["markdown", "text"])
def test_a_person_reads_verdict_evidence_and_what_to_do(
    reports: tuple[RunReport, ...], form: str
) -> None:
    """The failed trace at length, with its reference and its advice."""
    made = RENDERERS[form].render(reports, PLAIN)
    for part in (FAILED, "span:04c1a2f9efedd76c", "what to do", "Reproduce the step"):
        assert part in made


def test_what_a_baseline_knows_breaks_no_build(reports: tuple[RunReport, ...]) -> None:
    """Known failures are skipped in JUnit and unchanged in SARIF; without it they are new."""
    known = baseline_of(row for one in reports for row in one.failing)
    junit = ElementTree.fromstring(RENDERERS["junit"].render(reports, Rendering(known)).encode())
    assert {suite.get("failures") for suite in junit} == {"0"}
    for baseline, state in ((known, "unchanged"), (Baseline(), "new")):
        log = json.loads(RENDERERS["sarif"].render(reports, Rendering(baseline)))
        results = log["runs"][0]["results"]
        assert {r["baselineState"] for r in results if r["level"] == "error"} == {state}


def test_a_run_without_a_report_is_an_error_in_each_form() -> None:
    """What it says stands in every form that has a place for it."""
    failed = RunReport(engine="rca", subject="t", status="failed", error="the source is gone")
    for form in ("markdown", "text", "csv", "junit", "sarif"):
        assert "the source is gone" in RENDERERS[form].render([failed], PLAIN)
    junit = ElementTree.fromstring(RENDERERS["junit"].render([failed], PLAIN).encode())
    assert [suite.get("errors") for suite in junit] == ["1"]


def test_a_file_of_reports_says_what_its_runs_say(
    reports: tuple[RunReport, ...], tmp_path: Path
) -> None:
    """The engine of each line is told by its form."""
    del reports
    settings = Settings(runs_dir=tmp_path / "runs")
    result = investigate(str(SAMPLE_TRACES), RCA(trace_id=FAILED), settings)
    assert result.report is not None
    file = tmp_path / "reports.jsonl"
    file.write_text(result.report.model_dump_json() + "\n\n")
    (alone,) = reported_in([str(file)], settings.runs)
    (stored,) = reported_in([result.run_id], settings.runs)
    assert (alone.engine, alone.subject, alone.rows) == ("rca", FAILED, stored.rows)
