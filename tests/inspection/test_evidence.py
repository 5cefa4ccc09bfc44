"""References resolve to bytes, whatever a planner and a report were shown of them."""

from __future__ import annotations

import pytest

from investigator.traces.evidence import retrieval_evidence, unresolved_reason
from investigator.traces.openinference import retrieval_chunks_of
from tests.builders import REDACTOR, span, trace


@pytest.mark.parametrize(
    ("named", "resolves"),
    [
        ("CUST-123456:a", True),
        ("[REDACTED:customer]:a", True),
        ("[REDACTED:customer]", True),
        ("CUST-[REDACTED:number]:[REDACTED:letter]", True),
        ("CUST-123457:a", False),
        ("CUST-[REDACTED:number]:b", False),
        ("", False),
    ],
)
def test_a_document_resolves_though_its_id_is_redacted(named: str, resolves: bool) -> None:
    """By span and position; what is left of the id has to be right."""
    retriever = span(
        "r",
        kind="RETRIEVER",
        attributes={
            "retrieval.documents.0.document.id": "CUST-123456:a",
            "retrieval.documents.0.document.content": "Opening hours.",
        },
    )
    (chunk,) = retrieval_chunks_of(retriever)
    whole = retrieval_evidence(retriever, chunk, REDACTOR)
    shown = whole.model_copy(update={"ref": f"retrieval:r:0:{named}"})
    assert (unresolved_reason(shown, trace(retriever)) is None) == resolves
    elsewhere = shown.model_copy(update={"ref": f"retrieval:r:1:{named}"})
    assert unresolved_reason(elsewhere, trace(retriever)) is not None
    changed = shown.model_copy(update={"excerpt_hash": "0" * 64})
    assert unresolved_reason(changed, trace(retriever)) is not None
