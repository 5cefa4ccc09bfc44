"""The seeded set: what is in it, that it follows from its seed, and that it tells no truth."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from demo.agent.export import decoded
from demo.agent.faults.catalogue import FORMS
from demo.agent.generate import Seeded, generate, write
from demo.agent.manifest import TRACES, Kind, read_manifest
from investigator.formats.source_files import Unreadable, read_source
from investigator.rca.report import Label
from investigator.samples import SEEDED
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import messages_of, tool_io_of
from investigator.traces.parquet import row_of


@pytest.fixture(scope="module")
def seeded() -> Seeded:
    """The set of seed 0, made anew."""
    return generate(0)


@pytest.fixture(scope="module")
def spans() -> list[Span]:
    """The spans of the shipped set."""
    return _spans(SEEDED / TRACES)


def _spans(path: Path) -> list[Span]:
    found: list[Span] = []
    for item in read_source([path]):
        assert not isinstance(item, Unreadable), item
        found += item.spans
    return found


def _rows(spans: list[Span]) -> list[object]:
    return sorted(map(row_of, spans), key=str)


def test_the_shipped_set_is_the_one_of_seed_0(seeded: Seeded, spans: list[Span]) -> None:
    """Ids, times and contents: `python -m demo.agent -o` writes the same again."""
    assert read_manifest(SEEDED) == seeded.manifest
    assert _rows(decoded(seeded.runs)) == _rows(spans)
    for window in seeded.windows:
        place = SEEDED / window.told.folder
        assert _rows(decoded(window.runs)) == _rows(_spans(place / TRACES))
        for path, text in window.snapshots.items():
            assert (place / "snapshots" / path).read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_a_set_is_written_as_it_was_made(seeded: Seeded, tmp_path: Path) -> None:
    """The files of a written set are byte for byte those that are shipped."""
    write(seeded, tmp_path)
    shipped = {p.relative_to(SEEDED) for p in SEEDED.rglob("*") if p.suffix == ".json"}
    assert {p.relative_to(tmp_path) for p in tmp_path.rglob("*.json")} == shipped
    assert all((tmp_path / p).read_bytes() == (SEEDED / p).read_bytes() for p in shipped)


def test_another_seed_has_other_ids_and_contents(seeded: Seeded) -> None:
    """No trace id is shared by two seeds."""
    other = generate(1)
    ids = {ran.trace_id for ran in seeded.runs}
    assert ids.isdisjoint(ran.trace_id for ran in other.runs)


def test_every_label_has_six_forms_and_every_form_three_runs() -> None:
    """Each of the five labels fails in at least six ways, each of them in at least three runs."""
    manifest = read_manifest(SEEDED)
    faulty = [one for one in manifest.traces if one.kind is Kind.FAULTY]
    runs = Counter((one.label, one.form) for one in faulty)
    assert set(runs.values()) == {3}
    forms = Counter(label for label, _ in runs)
    assert set(forms) == {label.value for label in Label}
    assert min(forms.values()) >= 6
    kinds = Counter(one.kind for one in manifest.traces)
    assert kinds[Kind.HEALTHY] >= 20
    assert kinds[Kind.RECOVERED] >= 20
    assert len(manifest.traces) >= 120


def test_no_span_names_its_label_or_its_form(spans: list[Span]) -> None:
    """What is true of a trace stands in the manifest alone."""
    text = json.dumps([row_of(span) for span in spans]).lower()
    told = {*(label.value for label in Label), *(kind.value for kind in Kind)}
    told |= {form.name for form in FORMS if "_" in form.name}
    told |= {"ground truth", "demo/agent", "faults/", "seeded"}
    assert sorted(word for word in told if word in text) == []


def test_the_origin_is_a_span_of_its_trace(spans: list[Span]) -> None:
    """Faulty and recovered runs say where it began; healthy ones have nothing to say."""
    known = {(span.trace_id, span.span_id) for span in spans}
    for one in read_manifest(SEEDED).traces:
        if one.kind is Kind.HEALTHY:
            assert one.origin_span_id is None
        else:
            assert (one.trace_id, one.origin_span_id) in known


def test_spans_carry_what_an_instrumented_agent_writes(spans: list[Span]) -> None:
    """Kinds, messages, tools, token counts, documents with scores, sessions and exceptions."""
    kinds = {span.kind for span in spans}
    assert kinds >= {
        SpanKind.AGENT,
        SpanKind.CHAIN,
        SpanKind.LLM,
        SpanKind.TOOL,
        SpanKind.RETRIEVER,
        SpanKind.GUARDRAIL,
    }
    assert all(span.text("session.id") for span in spans)
    asked = [span for span in spans if span.kind is SpanKind.LLM]
    assert all(messages_of(span) for span in asked)
    assert all("temperature" in (span.text("llm.invocation_parameters") or "") for span in asked)
    answered = [span for span in asked if span.text("output.value")]
    assert all(span.attributes["llm.token_count.total"] for span in answered)
    called = [span for span in spans if span.kind is SpanKind.TOOL]
    assert all((io := tool_io_of(span)) and io.name and io.arguments for span in called)
    assert any(span.events and span.events[0].name == "exception" for span in spans)
    found = [s for s in spans if "retrieval.documents.0.document.score" in s.attributes]
    assert found


def test_a_failed_run_need_not_look_failed(spans: list[Span]) -> None:
    """Status is what an application would set: some failures end without any error status."""
    failed = {span.trace_id for span in spans if span.status.value == "ERROR"}
    faulty = {one.trace_id for one in read_manifest(SEEDED).traces if one.kind is Kind.FAULTY}
    assert faulty - failed
    recovered = {one.trace_id for one in read_manifest(SEEDED).traces if one.kind is Kind.RECOVERED}
    assert recovered & failed
