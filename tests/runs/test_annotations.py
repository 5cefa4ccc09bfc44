"""What of a report is annotated where: verdicts at roots and traces, claims at what they cite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.claims.annotations import Annotation, Annotator, Remarks, annotations_of
from investigator.claims.report import Report
from investigator.compliance.report import ComplianceReport
from investigator.controls.terms import Verdict
from investigator.incident.report import IncidentDossier
from investigator.rca.report import RCAReport
from investigator.runs.engines import BUILT_IN_ENGINES, engine_named
from investigator.samples import SAMPLE_TRACES

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HELP = "5010ed12a034dec6f3a29908cb189a39"
ROOTS = {TRIP: "root"}


def rca(runs: Path) -> RCAReport:
    report = investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=runs)).report
    assert report is not None
    return report


def compliance(runs: Path) -> ComplianceReport:
    report = investigate(SAMPLE_TRACES, Compliance(trace_id=HELP), Settings(runs_dir=runs)).report
    assert report is not None
    return report


def incident(runs: Path) -> IncidentDossier:
    report = investigate(SAMPLE_TRACES, Incident(), Settings(runs_dir=runs)).report
    assert report is not None
    return report


def remarks_of(report: Report, by: Annotator) -> Remarks:
    engine = next(e for n in BUILT_IN_ENGINES if type(report) is (e := engine_named(n)).report)
    return engine.remarks(report, by)


def made(report: Report, roots: Mapping[str, str], by: Annotator) -> tuple[Annotation, ...]:
    return annotations_of(remarks_of(report, by), roots)


def at(annotations: tuple[Annotation, ...], name: str) -> list[Annotation]:
    return [annotation for annotation in annotations if annotation.name == name]


def told(annotation: Annotation) -> list[dict[str, Any]]:
    """The JSON in an explanation, each after its text."""
    return [json.loads(part) for part in annotation.explanation.split("\n\n")[1::2]]


@pytest.mark.parametrize("ask", [rca, compliance, incident])
def test_a_verdict_stands_at_the_root_and_at_the_trace_with_the_whole_report(
    ask: Any, tmp_path: Path
) -> None:
    """A dossier's stands at each trace that it takes as representative."""
    report: Report = ask(tmp_path)
    traces = remarks_of(report, "CODE").trace_ids
    roots = {trace_id: f"root of {trace_id}" for trace_id in traces}
    verdicts = [a for a in made(report, roots, "CODE") if "evidence" not in a.name]
    assert {(a.target, a.target_id) for a in verdicts} == {
        *(("trace", trace_id) for trace_id in roots),
        *(("span", root) for root in roots.values()),
    }
    for annotation in verdicts:
        assert told(annotation) == [report.model_dump(mode="json")]


def test_a_finding_stands_at_every_span_that_it_cites(tmp_path: Path) -> None:
    """Its category is the label, its confidence the score."""
    report = rca(tmp_path)
    found = at(made(report, ROOTS, "CODE"), "rca.evidence")
    cited = {ref.span_id for finding in report.findings for ref in finding.evidence_refs}
    assert {a.target_id for a in found} == cited
    assert (found[0].label, found[0].score) == ("tool_failure", report.findings[0].confidence)
    assert report.findings[0].description in found[0].explanation


def test_a_name_stands_once_at_a_span_and_tells_all_claims_that_cite_it(tmp_path: Path) -> None:
    """The first, most important, gives the label."""
    report = rca(tmp_path)
    [first] = report.findings
    second = first.model_copy(update={"category": "other", "confidence": 0.1})
    both = report.model_copy(update={"findings": (first, second)})
    found = at(made(both, ROOTS, "CODE"), "rca.evidence")
    assert len({a.target_id for a in found}) == len(found)
    assert {a.label for a in found} == {"tool_failure"}
    assert [c["category"] for c in told(found[0])] == ["tool_failure", "other"]


def test_each_control_with_evidence_has_a_name_of_its_own(tmp_path: Path) -> None:
    """What cites nothing stands in the overall annotation alone."""
    report = compliance(tmp_path)
    annotations = made(report, {HELP: "root"}, "CODE")
    named = {a.name for a in annotations} - {"compliance.overall"}
    citing = [c for c in report.controls_evaluated if c.evidence_refs]
    assert named == {f"compliance.control.{c.control_id}.evidence" for c in citing}
    failed = next(c for c in citing if c.pass_fail is Verdict.FAIL)
    found = at(annotations, f"compliance.control.{failed.control_id}.evidence")
    assert {a.label for a in found} == {"fail"}


def test_who_decided_is_said_of_each_annotation(tmp_path: Path) -> None:
    """A control says itself who judged it; elsewhere it is whether a model took part."""
    assert {a.annotator_kind for a in made(rca(tmp_path), ROOTS, "LLM")} == {"LLM"}
    audited = made(compliance(tmp_path), {HELP: "root"}, "LLM")
    assert {a.annotator_kind for a in audited} == {"CODE"}
