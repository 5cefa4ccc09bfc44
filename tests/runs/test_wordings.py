"""Reports, messages and last lines read well: numbers agree, sentences end once, nothing is raw."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import investigator
from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.claims.document import Document
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted, duration, sentence, shown_time, times
from investigator.incident.remedies import REMEDIES, action_for
from investigator.rca.advice import ADVICE
from investigator.readings.faults import Fault
from investigator.readings.quoting import Quoting
from investigator.readings.templates import masked
from investigator.runs.engines import engine_named
from investigator.samples import SAMPLE_TRACES, SEEDED
from investigator.store.open import ingest_files, open_files
from investigator.traces.parquet import rows_of, write_spans
from tests.builders import span, trace
from tests.cli.conftest import Call
from tests.cli.conftest import call as call
from tests.wording import crooked, texts_of

WINDOWS = sorted(path.name for path in (SEEDED / "incidents").iterdir())
EACH = 5
"""Every fifth of the seeded traces has each of the forms of failure at least once in three runs."""


def document_of(report: object, engine: str) -> Document:
    """What a reader is shown of a report."""
    return engine_named(engine).document(report)


def ids_in(path: Path) -> list[str]:
    """The traces of a file."""
    with closing(open_files([path]).api) as api:
        return [row.trace_id for row in api.list_traces()]


def read_badly(documents: Iterator[Document]) -> list[str]:
    """What is crooked in them."""
    return [bad for one in documents for text in texts_of(one) for bad in crooked(text)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample traces in one file."""
    target = tmp_path_factory.mktemp("samples") / "traces.parquet"
    ingest_files([SAMPLE_TRACES], target)
    return target


@pytest.mark.parametrize("source", ["samples", "seeded"])
@pytest.mark.parametrize("outcome", [None, "failed"])
def test_reports_on_traces_read_well(
    samples: Path, tmp_path: Path, source: str, outcome: str | None
) -> None:
    """Findings, advice, checks, gaps and summaries, of faults of every kind."""
    path = samples if source == "samples" else SEEDED / "traces.parquet"
    ids = ids_in(path)[:: 1 if source == "samples" else EACH]

    def documents() -> Iterator[Document]:
        for trace_id in ids:
            question = RCA.model_validate({"trace_id": trace_id, "outcome": outcome})
            yield document_of(
                investigate(path, question, Settings(runs_dir=tmp_path)).report, "rca"
            )

    assert read_badly(documents()) == []


def test_reports_on_controls_read_well(samples: Path, tmp_path: Path) -> None:
    """Explanations, what was scanned, what to do."""
    settings = Settings(runs_dir=tmp_path)
    asked = (Compliance(trace_id=one) for one in ids_in(samples))
    reports = (investigate(samples, one, settings).report for one in asked)
    assert read_badly(document_of(one, "compliance") for one in reports) == []


@pytest.mark.parametrize("window", WINDOWS)
def test_dossiers_read_well(tmp_path: Path, window: str) -> None:
    """Timeline, changes, hypotheses, actions."""
    place = SEEDED / "incidents" / window
    question = Incident(snapshots=place / "snapshots")
    dossier = investigate(place / "traces.parquet", question, Settings(runs_dir=tmp_path)).report
    assert read_badly(iter([document_of(dossier, "incident")])) == []


def test_the_last_lines_of_batches_agree_with_their_numbers(
    samples: Path, tmp_path: Path, call: Call
) -> None:
    """One run is a run."""
    batch = ("rca", samples, "--all", "--runs-dir", tmp_path / "runs")
    one = call(*batch, "--filter", "name == 'parse_inventory'")
    assert "1 run:" in one.err
    many = call(*batch)
    assert re.search(r"\d+ runs:", many.err)
    assert [bad for ended in (one, many) for bad in crooked(ended.err.splitlines()[-1])] == []


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_advice_of_its_own(fault: Fault) -> None:
    """In an analysis and in an incident; it names the place, and says more than to look there."""
    told = (
        ADVICE[fault].format(span_id="s1", agent="planner"),
        REMEDIES[fault].format(component="lookup"),
    )
    assert [bad for text in told for bad in crooked(text)] == []
    assert ("s1" in told[0], "lookup" in told[1]) == (True, True)
    assert all(text.endswith(".") for text in told)


@pytest.mark.parametrize("error_type", ["ValueError", "HTTP 503", "slow", "known_failure", "?"])
def test_failures_that_are_no_fault_have_advice_too(error_type: str) -> None:
    """By what the error calls itself."""
    told = action_for(f"shop | lookup | {error_type}")
    assert "lookup" in told
    assert list(crooked(told)) == []


ERRORS = {
    "printed": "BadRequestError: Error code: 400 - {'error': {'message': \"Unknown field: 'x'\"}}",
    "JSON": '400 Bad Request: {"error": {"code": 7, "message": "no such field: total"}}',
    "a list": 'HTTP 422: {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}',
    "no message": "ClientError: {'code': 'E_INTERNAL', 'status': 3}",
    "cut": "Error code: 404 - {'type': 'error', 'error': {'message': 'model: nova-9 not fo",
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_that_holds_a_record_is_told_by_its_message(name: str) -> None:
    """And its template, by which it is known again, is words as well."""
    told = Quoting(Redactor()).error(ERRORS[name])
    assert "{" not in told
    assert "{" not in masked(told)
    assert told.strip(" :")


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("kind", ["LLM", "TOOL", "RETRIEVER", "CHAIN"])
def test_reports_on_one_trace_of_one_step_read_well(tmp_path: Path, name: str, kind: str) -> None:
    """Every number in them is one, and the error holds a record."""
    source = tmp_path / "one.parquet"
    failed = span("a", kind=kind, status="ERROR", message=ERRORS[name])
    write_spans(rows_of(trace(failed)), source)
    settings = Settings(runs_dir=tmp_path / "runs")
    analysis = investigate(source, RCA(outcome="failed"), settings).report
    dossier = investigate(source, Incident(), settings).report
    controls = investigate(source, Compliance(), settings).report
    told = ((analysis, "rca"), (dossier, "incident"), (controls, "compliance"))
    assert read_badly(document_of(report, engine) for report, engine in told) == []


@given(st.integers(0, 10**7), st.sampled_from(["trace", "tool call", "span of a run"]))
def test_a_count_agrees_with_its_noun(number: int, noun: str) -> None:
    """One is one, all else are many."""
    assert counted(number, noun).endswith(noun) == (number == 1)
    assert list(crooked(f"failed {times(number)} in {counted(number, 'trace')}")) == []


@given(st.floats(0.001, 10**10))
def test_a_duration_has_three_significant_digits(ms: float) -> None:
    """Whatever its unit."""
    number, unit = duration(ms).split(" ")
    assert unit in ("ms", "s", "min", "h")
    digits = number.replace(",", "").replace(".", "").lstrip("0").rstrip("0")
    assert len(digits) <= 3 or (unit == "h" and "." not in number)


@given(st.text("ab .…!?;:", min_size=1, max_size=20).filter(lambda t: t.strip(" .;:")))
def test_a_sentence_ends_once(text: str) -> None:
    """However it came in."""
    told = sentence(text)
    assert re.search(r"[.!?…]$", told)
    assert not told.endswith((" .", "..", "….", "?.", "!."))
    assert sentence(told) == told


def test_times_are_shown_to_the_millisecond() -> None:
    """And those without a fraction as they are."""
    assert shown_time("2026-04-08T06:00:52.480062079Z") == "2026-04-08T06:00:52.480Z"
    assert shown_time("2026-04-08T06:00:52Z") == "2026-04-08T06:00:52Z"


_COUNTS = re.compile(r"^len\(|\b(?:count|total|sent|attempts|left_out|undated)\b")
_NOUNS = re.compile(r"^ (?:[a-z-]+ ){0,2}?(?!bytes|breaks|times)[a-z]{3,}s\b")
_AGREES = re.compile(r"^(?:counted|times)\(|^[A-Z_]+$|^bounds\.")


def test_no_text_counts_without_agreeing() -> None:
    """Whatever counts things in a text goes through `counted`, in all of the package."""
    found = [
        f"{path.name}:{part.lineno} {ast.unparse(part)} {ast.unparse(after)}"
        for path in Path(investigator.__file__).parent.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for part, after in zip(text.values, text.values[1:], strict=False)
        if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant)
        if _COUNTS.search(ast.unparse(part.value)) and not _AGREES.search(ast.unparse(part.value))
        if isinstance(after.value, str) and _NOUNS.search(after.value)
    ]
    assert found == []
