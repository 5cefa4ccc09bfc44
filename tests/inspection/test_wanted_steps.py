"""Of a run that does not fit, what several scopes are to read stands whole in what all see."""

from __future__ import annotations

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.run_overview import TraceOutline
from investigator.runtime.tokens import estimate_tokens
from investigator.traces.model import Trace
from tests.builders import readings, span, trace
from tests.readings.test_conversation import agent, model

LONG = "The desk says at length what it will do about the parcel, number {n}. "


def run(turns: int = 30) -> Trace:
    """So many turns of some 2,000 characters."""
    spans = [agent()]
    for number in range(turns):
        said = (LONG.format(n=number) * 30).strip()
        spans.append(model(f"m{number}", number, [("user", f"question {number}")], said))
    return trace(*spans)


def test_wanted_steps_are_whole_and_the_others_cut() -> None:
    """They can be cited as read; whoever sees the overview has no need to fetch them."""
    found = readings(run())
    names = ReferenceNames(found)
    wanted = [
        step for step in found.steps if step.span_id in ("m7", "m20") and step.text[:1] == "T"
    ]
    refs = [ref for step in wanted for ref in step.evidence]
    plain = TraceOutline(found, names).within(3000, estimate_tokens)
    shown = TraceOutline(found, names, refs).within(3000, estimate_tokens)
    assert estimate_tokens(shown.text) <= 3000
    own = {names.of_step(step) for step in wanted}
    assert own <= plain.in_part
    assert not own & shown.in_part
    assert all(" ".join(step.text.split()) in " ".join(shown.text.split()) for step in wanted)


@pytest.mark.parametrize("tokens", [300, 700, 1500])
def test_a_little_room_holds_whatever_is_wanted(tokens: int) -> None:
    """What does not fit into half of it is cut like all else."""
    found = readings(run())
    refs = [ref for step in found.steps for ref in step.evidence]
    shown = TraceOutline(found, ReferenceNames(found), refs).within(tokens, estimate_tokens)
    assert estimate_tokens(shown.text) <= tokens


def test_documents_are_shown_with_their_scores() -> None:
    """That one has none says something too."""
    kept: dict[str, JsonValue] = {
        "retrieval.documents.0.document.id": "d-12",
        "retrieval.documents.0.document.content": "Paris is large",
        "retrieval.documents.0.document.score": 0.8312345,
        "retrieval.documents.1.document.id": "d-31",
        "retrieval.documents.1.document.content": "Rome is old",
    }
    found = readings(trace(agent(), span("r", parent="agent", kind="RETRIEVER", attributes=kept)))
    text = TraceOutline(found, ReferenceNames(found)).within(2000, estimate_tokens).text
    assert "(d-12 score 0.8312, d-31 without a score)" in text
