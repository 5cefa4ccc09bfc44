"""A session of several traces is asked as one, from files and from a live Phoenix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from investigator import (
    RCA,
    Compliance,
    ComplianceReport,
    Settings,
    UsageError,
    investigate,
    read_record,
    replay_run,
    resume_run,
    verify_run,
)
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.cli.conftest import Call, call
from tests.connectors.phoenix.scripted import ScriptedPhoenix, holds, named

__all__ = ["call"]

RULE = """\
version: ours
description: Ours.
controls:
  - control_id: ours.yes-first
    title: A plain yes before an order is cancelled
    description: The user says yes first.
    severity: high
    applies_when: {called: [cancel_order]}
    required_evidence: []
    check: {code: {name: confirmation_before, params: {calls: [cancel_order], within_messages: 9}}}
    remediation_template: Ask before {span_id}.
"""
Message = tuple[str, str]
Step = tuple[str, str, str | None, str, int, dict[str, Any]]
ASKED: list[Message] = [("user", "Please cancel order A-7.")]
OFFERED = [*ASKED, ("assistant", "I would cancel order A-7. Shall I proceed?")]
AGREED = [*OFFERED, ("user", "Yes, please go ahead.")]
TALK: dict[str, list[Message]] = {"turn-1": ASKED, "turn-2": AGREED}
"""What the model is given in each trace: all that was said so far."""
SAID = {"turn-1": "I would cancel order A-7. Shall I proceed?", "turn-2": "I cancel order A-7 now."}
CALLS = {"turn-2": ("cancel_order", '{"order_id": "A-7"}', '{"status": "cancelled"}')}
KEYS = {"parquet": "session.id", "otlp": "gen_ai.conversation.id"}
_SECOND = 1_000_000_000


def _attributes(trace_id: str, key: str, session: str) -> dict[str, Any]:
    found: dict[str, Any] = {key: session, "llm.model_name": "m-2024-01-01"}
    for place, (role, text) in enumerate(TALK[trace_id]):
        found[f"llm.input_messages.{place}.message.role"] = role
        found[f"llm.input_messages.{place}.message.content"] = text
    found["llm.output_messages.0.message.role"] = "assistant"
    found["llm.output_messages.0.message.content"] = SAID[trace_id]
    return found


def _steps(key: str, session: str) -> list[Step]:
    """Trace, span, parent, kind, second and attributes of each step; ids recur in the traces."""
    steps: list[Step] = []
    for place, trace_id in enumerate(TALK):
        at = 100 * place
        steps.append((trace_id, "root", None, "AGENT", at, {key: session, "agent.name": "desk"}))
        steps.append((trace_id, "llm", "root", "LLM", at + 1, _attributes(trace_id, key, session)))
        made = CALLS.get(trace_id)
        if made is not None:
            asked = {"tool.name": made[0], "input.value": made[1], "output.value": made[2]}
            steps.append((trace_id, "tool", "root", "TOOL", at + 2, asked))
    return steps


def parquet(folder: Path, session: str = "conv-42") -> Path:
    """Phoenix's names, and ids that recur in each trace."""
    spans = [
        span(
            s,
            trace_id=t,
            parent=p,
            kind=kind,
            start_ms=at * 1000,
            end_ms=at * 1000 + 500,
            attributes=more,
        )
        for t, s, p, kind, at, more in reversed(_steps(KEYS["parquet"], session))
    ]
    spans.append(span("alone", trace_id="other", attributes={"session.id": "conv-77"}))
    path = folder / "session.parquet"
    write_spans(spans, path)
    return path


def otlp(folder: Path, session: str = "conv-42") -> Path:
    """OTLP JSON with the names of the semantic conventions, ids of its own for each span."""
    spans: list[dict[str, Any]] = []
    for t, s, p, kind, at, more in _steps(KEYS["otlp"], session):
        told = {"openinference.span.kind": kind, **more}
        spans.append(
            {
                "traceId": _hex(t, 32),
                "spanId": _hex(t + s, 16),
                "parentSpanId": None if p is None else _hex(t + p, 16),
                "name": s,
                "startTimeUnixNano": str(at * _SECOND),
                "endTimeUnixNano": str(at * _SECOND + _SECOND // 2),
                "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in told.items()],
                "status": {},
            }
        )
    path = folder / "session.json"
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    return path


def _hex(text: str, digits: int) -> str:
    return text.encode().hex().ljust(digits, "0")[-digits:]


SOURCES: dict[str, Callable[[Path], Path]] = {"parquet": parquet, "otlp": otlp}


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The session in each format."""
    return SOURCES[request.param](tmp_path)


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """The library with the one rule."""
    path = tmp_path / "ours.yaml"
    path.write_text(RULE)
    return path


def settings(tmp_path: Path, run_id: str = "run") -> Settings:
    return Settings(runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache", run_id=run_id)


def test_what_was_said_in_one_trace_counts_in_the_next(
    source: Path, rule: Path, tmp_path: Path
) -> None:
    """Each message once, though each trace repeats it; evidence is of the trace that it is in."""
    question = Compliance(session_id="conv-42", controls=rule)
    result = investigate(source, question, settings(tmp_path))
    report = result.report
    assert isinstance(report, ComplianceReport)
    (control,) = report.controls_evaluated
    assert control.pass_fail.value == "pass", control.explanation
    assert (report.trace_id, len(report.trace_ids)) == ("conv-42", 2)
    assert {ref.trace_id for ref in control.evidence_refs} == {report.trace_ids[1]}
    record = read_record("run", tmp_path / "runs")
    assert record.input_ref.session_id == "conv-42"
    assert record.input_ref.trace_ids == report.trace_ids


@pytest.mark.parametrize("question", [RCA, Compliance])
def test_a_run_of_a_session_is_verified_replayed_and_resumed(
    question: Any, source: Path, tmp_path: Path
) -> None:
    """And a changed turn is seen."""
    result = investigate(source, question(session_id="conv-42"), settings(tmp_path))
    assert result.report is not None
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    assert verify_run("run", runs, cache_dir=cache).problems == ()
    assert replay_run("run", runs, cache_dir=cache).identical
    assert resume_run("run", runs, cache_dir=cache).report == result.report
    SAID["turn-1"] = "Shall I?"
    try:
        SOURCES["otlp" if source.suffix == ".json" else "parquet"](tmp_path)
    finally:
        SAID["turn-1"] = OFFERED[-1][1]
    found = verify_run("run", runs, cache_dir=cache)
    assert "session 'conv-42' in" in str(found.problems)
    assert "has changed since run" in str(found.problems)


def test_a_turn_that_comes_later_is_no_change_of_what_was_asked(tmp_path: Path) -> None:
    """The run keeps which traces it found."""
    path = parquet(tmp_path)
    investigate(path, RCA(session_id="conv-42"), settings(tmp_path))
    spans = [
        span(
            s,
            trace_id=t,
            parent=p,
            kind=kind,
            start_ms=at * 1000,
            end_ms=at * 1000 + 500,
            attributes=more,
        )
        for t, s, p, kind, at, more in _steps("session.id", "conv-42")
    ]
    late = span("late", trace_id="turn-3", start_ms=9_000_000, attributes={"session.id": "conv-42"})
    write_spans([*spans, late], path)
    assert verify_run("run", tmp_path / "runs").problems == ()
    again = investigate(path, RCA(session_id="conv-42"), settings(tmp_path, "again"))
    assert again.record.input_ref.trace_ids == ("turn-1", "turn-2", "turn-3")


def test_a_breach_is_shown_in_the_trace_that_it_is_in(rule: Path, tmp_path: Path) -> None:
    """Without the yes of the second turn; ids that recur are written with their trace."""
    agreed, TALK["turn-2"] = TALK["turn-2"], [*OFFERED, ("user", "Let me think.")]
    try:
        path = parquet(tmp_path)
    finally:
        TALK["turn-2"] = agreed
    question = Compliance(session_id="conv-42", controls=rule)
    report = investigate(path, question, settings(tmp_path)).report
    assert report is not None
    (control,) = report.controls_evaluated
    assert control.pass_fail.value == "fail"
    assert ("turn-2", "tool:turn-2/tool") not in {(r.span_id, r.ref) for r in control.evidence_refs}
    assert all(ref.trace_id == "turn-2" for ref in control.evidence_refs if "tool" in ref.ref)


def test_from_the_command_line(source: Path, tmp_path: Path, call: Call) -> None:
    """For both engines; the beginning of the id will do where no other begins so."""
    for engine in ("rca", "compliance"):
        asked = (engine, source, "--runs-dir", tmp_path / "runs", "--json")
        for name in ("conv-42", "conv-4"):
            ended = call(*asked, "--session", name)
            assert ended.code == 0, ended.err
            assert json.loads(ended.out)["trace_id"] == "conv-42"
    shown = call("runs", "list", "--runs-dir", tmp_path / "runs")
    assert shown.code == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--session", "conv-43"), "no session 'conv-43'"),
        (("--session", "conv-43"), "like it are 'conv-42'"),
        (("--session", "zzz"), "there are 'conv-"),
        (("--session", 'it\'s "x"'), "no session"),
        (("--session", ""), "session_id"),
        (("--session", "conv-42", "--trace-id", "turn-1"), "leave one out"),
        (("--session", "conv-42", "--all"), "leave one out"),
        (("--session", "conv-42", "--filter", "a.b is None"), "leave one out"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    flags: tuple[str, ...], told: str, source: Path, tmp_path: Path, call: Call
) -> None:
    """In one line, with the sessions that are like the one that was asked for."""
    ended = call("rca", source, *flags, "--runs-dir", tmp_path / "runs")
    assert ended.code == 2
    assert told in " ".join(ended.err.split())
    assert not (tmp_path / "runs").exists()


def test_a_good_run_and_a_source_without_sessions_are_refused(tmp_path: Path) -> None:
    """A good run is compared with one trace."""
    with pytest.raises(UsageError, match="a good run is compared with one trace"):
        RCA(session_id="conv-42", good="other")
    bare = tmp_path / "bare.parquet"
    write_spans([span("a", trace_id="t")], bare)
    with pytest.raises(UsageError, match="none of its traces names a session"):
        investigate(bare, RCA(session_id="conv-42"), settings(tmp_path))


def test_two_sessions_that_begin_alike_are_told_apart(tmp_path: Path, call: Call) -> None:
    """The beginning of an id that several have names none."""
    path = tmp_path / "two.parquet"
    named_so = [{"session.id": f"conv-{n}"} for n in (1, 2)]
    write_spans(
        [span("a", trace_id=f"t{n}", attributes=more) for n, more in enumerate(named_so)], path
    )
    ended = call("rca", path, "--session", "conv", "--runs-dir", tmp_path / "runs")
    assert (ended.code, "begins the ids of several sessions" in " ".join(ended.err.split())) == (
        2,
        True,
    )


def test_a_session_of_a_live_phoenix_is_frozen_with_its_traces(tmp_path: Path) -> None:
    """So it is verified and replayed with the source gone."""
    attributes = {"session.id": "conv-42"}
    spans = [
        named(
            t,
            s,
            parent_id=p,
            span_kind=kind,
            attributes={**more, **attributes},
            start_time=f"2026-03-01T10:{at // 60:02d}:{at % 60:02d}Z",
            end_time=f"2026-03-01T10:{at // 60:02d}:{at % 60:02d}.5Z",
        )
        for t, s, p, kind, at, more in _steps("session.id", "conv-42")
    ]
    with ScriptedPhoenix(holds(*spans, named("other", "x"))) as server:
        result = investigate(server.source, RCA(session_id="conv-42"), settings(tmp_path))
    assert result.report is not None
    assert result.report.trace_ids == ("turn-1", "turn-2")
    assert verify_run("run", tmp_path / "runs").problems == ()
    assert replay_run("run", tmp_path / "runs").identical
