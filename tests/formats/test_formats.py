"""One run gives the same trace values in whatever format it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.formats import CELLS, decoded, held
from investigator.formats.registry import decode
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.openinference import (
    TokenCounts,
    input_messages_of,
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_definitions_of,
    tool_io_of,
)
from tests.formats import same_run
from tests.formats.same_run import SAME, facts

Lacking = dict[str, object]

NO_EXCEPTION: Lacking = {"exception": (None, None)}
NO_DOCUMENTS: Lacking = {"documents": ()}
NO_OFFER: Lacking = {"offered": ()}
ROOT_IS_A_CHAIN: Lacking = {"kinds": {**SAME.kinds, "support": "CHAIN"}}

# format, the run in it, and the facts that the format has no word for
TABLE: list[tuple[str, JsonValue, Lacking]] = [
    ("OpenInference", same_run.OPENINFERENCE, {}),
    ("gen_ai, current", same_run.GENAI, {}),
    ("gen_ai, message events and old names", same_run.GENAI_EVENTS, NO_OFFER),
    ("OpenLLMetry", same_run.OPENLLMETRY, NO_DOCUMENTS),
    ("Langfuse", same_run.LANGFUSE, NO_EXCEPTION),
    ("MLflow, schema 2", same_run.MLFLOW_2, {}),
    ("MLflow, schema 3", same_run.MLFLOW_3, {}),
    ("MLflow, schema 4", same_run.MLFLOW_4, {}),
    ("MLflow, OTLP spans", same_run.MLFLOW_OTLP, {}),
    ("MLflow, search_traces row", same_run.MLFLOW_ROW, {}),
    ("LangSmith, flat runs", same_run.LANGSMITH, {**ROOT_IS_A_CHAIN, **NO_EXCEPTION}),
    ("LangSmith, child_runs", same_run.LANGSMITH_NESTED, {**ROOT_IS_A_CHAIN, **NO_EXCEPTION}),
]


@pytest.mark.parametrize(
    ("document", "lacking"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_run_is_the_same_in_every_format(document: JsonValue, lacking: Lacking) -> None:
    """Kinds, messages, tools, documents, tokens, session and error survive; the rest is absent."""
    assert facts(decode(document, stem="run"))._asdict() == SAME._asdict() | lacking


@pytest.mark.parametrize("document", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_nothing_that_a_search_for_keys_finds_is_lost(document: JsonValue, tmp_path: Path) -> None:
    """The benchmark's own count of the raw JSON finds no fact that was not decoded."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(document))
    there, found = held(document), decoded(file)
    assert (there["spans"], there["… with messages"], there["tool calls"]) == (5, 1, 2)
    assert {cell: there[cell] for cell in CELLS if found[cell] < there[cell]} == {}


def test_a_transcript_says_what_was_said_and_called() -> None:
    """It has messages and tool calls; no agent, parents, documents, tokens, times or offers."""
    spans = decode(same_run.CHAT, stem="run")
    assert {span.trace_id for span in spans} == {same_run.TRACE}
    assert [span.kind.value for span in spans] == ["UNKNOWN", "UNKNOWN", "LLM", "TOOL"]
    assert input_messages_of(spans[0]) + input_messages_of(spans[1]) == SAME.asked
    assert output_messages_of(spans[2]) == SAME.answered
    assert spans[2].text("llm.model_name") == SAME.model
    io = tool_io_of(spans[3])
    assert io is not None
    assert (io.name, io.arguments, io.result) == SAME.tool
    for span in spans:
        assert (span.parent_id, span.start_ns, span.latency_ms) == (None, None, None)
        assert token_counts_of(span) == TokenCounts(None, None, None)
        assert tool_definitions_of(span) == ()
        assert retrieval_chunks_of(span) == ()


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_runs_one_a_line_are_the_same_run(suffix: str, tmp_path: Path) -> None:
    """In any order of the lines, as bulk exports have them."""
    assert isinstance(same_run.LANGSMITH, dict)
    runs = same_run.LANGSMITH["runs"]
    assert isinstance(runs, list)
    file = tmp_path / f"runs{suffix}"
    file.write_text("\n".join(json.dumps(run) for run in reversed(runs)))
    items = list(read_source([file]))
    spans = [span for item in items if isinstance(item, Decoded) for span in item.spans]
    assert len(items) == 5
    assert facts(tuple(spans)) == facts(decode(same_run.LANGSMITH, stem="run"))
