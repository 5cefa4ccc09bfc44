"""Reports as JUnit XML: what a build server shows as tests.

A trace is a test case, and in a compliance report each control is; what fails a build is a
failure, what could not be judged is skipped, and a run without a report is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from investigator.claims.document import Tone
from investigator.claims.rows import ControlRow, FindingRow
from investigator.ground.visible import one_visible_line, visible
from investigator.reports.baseline import Baseline
from investigator.reports.run_report import RunReport

_MESSAGE = 300


def junit_of(reports: Sequence[RunReport], baseline: Baseline | None = None) -> str:
    """The reports as one document, a suite an engine; what a baseline knows is skipped."""
    root = Element("testsuites", name="investigator")
    for engine in dict.fromkeys(one.engine for one in reports):
        suite = SubElement(root, "testsuite", name=engine)
        for one in reports:
            if one.engine == engine:
                _add_cases(suite, one, baseline)
        _count(suite)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_cases(suite: Element, one: RunReport, baseline: Baseline | None) -> None:
    if one.rows is None:
        case = _case(suite, one.engine, one.subject)
        _add(case, "error", one.error or f"the run ended as {one.status}", "run")
    elif one.rows.controls:
        for control in one.rows.controls:
            case = _case(suite, f"{one.engine}.{one.subject}", control.control_id)
            _judge_control(case, control, baseline)
    else:
        _judge_trace(_case(suite, one.engine, one.subject), one, baseline)


def _judge_trace(case: Element, one: RunReport, baseline: Baseline | None) -> None:
    assert one.rows is not None
    new, failing = list(one.new_to(baseline)), one.failing
    tone = None if one.document is None else one.document.verdict.tone
    if new:
        first = new[0]
        rule = first.category if isinstance(first, FindingRow) else first.control_id
        _add(case, "failure", one.rows.trace.summary, rule, "\n\n".join(map(_told, new)))
    elif failing:
        _add(case, "skipped", f"known: {one.rows.trace.summary}")
    elif tone is Tone.UNSURE:
        _add(case, "skipped", f"{one.rows.trace.verdict}: {one.rows.trace.summary}")


def _judge_control(case: Element, control: ControlRow, baseline: Baseline | None) -> None:
    known = baseline is not None and baseline.knows(control.signature)
    if control.fails and not known:
        _add(case, "failure", control.explanation, control.severity, _told(control))
    elif control.fails:
        _add(case, "skipped", f"known: {control.explanation}")
    elif control.verdict != "pass":
        _add(case, "skipped", f"{control.verdict}: {control.explanation}")


def _told(row: FindingRow | ControlRow) -> str:
    """What a person reads of it, a fact a line."""
    if isinstance(row, ControlRow):
        facts = (row.explanation, row.remediation, *row.evidence)
    else:
        step = "" if row.began_step is None else f"step {row.began_step}, "
        place = f"{row.category} at {step}span {row.began_span_id}"
        facts = (place, row.description, row.advice, *row.excerpts, *row.evidence)
    return "\n".join(fact for fact in facts if fact)


def _case(suite: Element, classname: str, name: str) -> Element:
    return SubElement(
        suite, "testcase", classname=one_visible_line(classname), name=one_visible_line(name)
    )


def _add(
    case: Element, verdict: str, message: str, kind: str | None = None, text: str | None = None
) -> None:
    of_kind = {} if kind is None else {"type": one_visible_line(kind)}
    element = SubElement(case, verdict, {"message": one_visible_line(message, _MESSAGE), **of_kind})
    if text is not None:
        element.text = visible(text)


def _count(suite: Element) -> None:
    """What a build server shows before it looks into the suite."""
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
