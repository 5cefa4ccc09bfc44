"""Reports as SARIF 2.1.0: what code scanning takes in, with fingerprints that last.

A result is a finding or a control that failed or needs a look; its place is the file of the
traces, and, as a logical location, the trace and the span.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, TypeAlias
from urllib.parse import quote

from investigator.claims.rows import ControlRow, FindingRow, lasting
from investigator.ground.visible import visible
from investigator.reports.baseline import Baseline
from investigator.reports.run_report import RunReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "investigatorSignature/v1"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
"""The level of a control that fails, by its severity."""
_UNKNOWN_SOURCE = "traces"

_Json: TypeAlias = dict[str, Any]


def sarif_of(reports: Sequence[RunReport], version: str, baseline: Baseline | None = None) -> str:
    """The reports as one log of one run of the tool, whose version is told."""
    rules: dict[str, _Json] = {}
    results = [result for one in reports for result in _results(one, rules, baseline)]
    failed = [one for one in reports if one.rows is None]
    driver = {
        "name": "Phoenix-RLM Investigator",
        "semanticVersion": version,
        "rules": list(rules.values()),
    }
    invocation: _Json = {"executionSuccessful": not failed}
    if failed:
        invocation["toolExecutionNotifications"] = [_notification(one) for one in failed]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _results(one: RunReport, rules: dict[str, _Json], baseline: Baseline | None) -> Iterator[_Json]:
    if one.rows is None:
        return
    rows: tuple[FindingRow | ControlRow, ...] = (*one.rows.findings, *one.rows.controls)
    for row in rows:
        if isinstance(row, ControlRow) and row.verdict in ("pass", "not_applicable"):
            continue
        name = row.control_id if isinstance(row, ControlRow) else row.category
        rule_id = visible(f"{one.engine}/{name}")
        rules.setdefault(rule_id, _rule(rule_id, row))
        state = {} if baseline is None else {"baselineState": _state(row, baseline)}
        yield {
            "ruleId": rule_id,
            "ruleIndex": list(rules).index(rule_id),
            **_judged(row),
            "message": {"text": _message(row)},
            "locations": [_location(one, row)],
            "partialFingerprints": {FINGERPRINT: _hash(lasting(row.signature))},
            **state,
            "properties": _properties(one, row),
        }


def _rule(rule_id: str, row: FindingRow | ControlRow) -> _Json:
    title = row.title if isinstance(row, ControlRow) else row.category.replace("_", " ")
    return {"id": rule_id, "shortDescription": {"text": visible(title)}}


def _judged(row: FindingRow | ControlRow) -> _Json:
    """The kind and the level: what fails is an error or its severity's, the rest is for a look."""
    if not row.fails:
        review = {"kind": "review", "level": "none"}
        return review if isinstance(row, ControlRow) else {"kind": "fail", "level": "note"}
    severity = row.severity if isinstance(row, ControlRow) else "high"
    return {"kind": "fail", "level": _LEVELS.get(severity, "warning")}


def _message(row: FindingRow | ControlRow) -> str:
    if isinstance(row, ControlRow):
        parts = [row.title, row.explanation, row.remediation]
    else:
        parts = [row.description, row.advice]
    return visible("\n\n".join(part for part in parts if part))


def _location(one: RunReport, row: FindingRow | ControlRow) -> _Json:
    span_id = row.span_id if isinstance(row, ControlRow) else row.began_span_id
    name = "/".join(part for part in (row.trace_id, span_id) if part) or one.subject
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(one.source)},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": visible(name), "kind": "member"}],
    }


def _uri(source: str | None) -> str:
    """The source as a relative reference, or as the URI that it is."""
    if not source:
        return _UNKNOWN_SOURCE
    if "://" in source:
        return quote(source, safe=":/?#[]@!$&'()*+,;=-._~", errors="replace")
    path = quote(PurePath(source).as_posix(), safe="/", errors="replace")
    return f"file://{path}" if path.startswith("/") else path


def _state(row: FindingRow | ControlRow, baseline: Baseline) -> str:
    return "unchanged" if baseline.knows(row.signature) else "new"


def _properties(one: RunReport, row: FindingRow | ControlRow) -> _Json:
    known: _Json = {
        "signature": visible(row.signature),
        "confidence": row.confidence,
        "evidence": [visible(ref) for ref in row.evidence],
        "runId": one.run_id,
    }
    if isinstance(row, FindingRow):
        known |= {"fault": row.fault, "step": row.began_step, "agent": row.began_agent}
        known["excerpts"] = [visible(text) for text in row.excerpts]
    return {name: _shown(value) for name, value in known.items() if value not in (None, [])}


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def _notification(one: RunReport) -> _Json:
    text = f"{one.subject}: {one.error or f'the run ended as {one.status}'}"
    return {"level": "error", "message": {"text": visible(text)}}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
