"""One run gives the same trace values in whatever format it was written."""

from __future__ import annotations

import pytest

from investigator.canonical import JsonValue
from investigator.traces.decode.sniff import decode
from tests.traces import same_run
from tests.traces.same_run import SAME, facts

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
