"""What is lacking of a trace is lacking for every engine: one definition, not one an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from investigator.controls.required_evidence import RequiredEvidence, missing_evidence
from investigator.ground.canonical_json import JsonValue
from investigator.rca.acquittal import Acquittal
from investigator.traces.model import Span, Trace
from tests.builders import readings, span

CONTENT = (
    RequiredEvidence.MESSAGES,
    RequiredEvidence.USER_MESSAGE,
    RequiredEvidence.FINAL_ANSWER,
    RequiredEvidence.TOOL_ARGUMENTS,
    RequiredEvidence.TOOL_RESULTS,
    RequiredEvidence.RETRIEVAL_CHUNKS,
    RequiredEvidence.TIMESTAMPS,
    RequiredEvidence.COMPLETE_TREE,
)
"""The kinds that an acquittal rests on too; names of models and counts of tokens are not."""

ASKED = "llm.input_messages.0.message.content"
ANSWERED = "llm.output_messages.0.message.content"
DOCUMENT = "retrieval.documents.0.document.content"

WHOLE = (
    span("root", kind="AGENT", start_ms=0, end_ms=90),
    span(
        "model",
        parent="root",
        kind="LLM",
        start_ms=1,
        end_ms=80,
        attributes={
            "llm.input_messages.0.message.role": "user",
            ASKED: "Where is the parcel?",
            "llm.output_messages.0.message.role": "assistant",
            ANSWERED: "It is in Lyon.",
        },
    ),
    span(
        "tool",
        parent="root",
        kind="TOOL",
        start_ms=2,
        end_ms=3,
        attributes={"tool.name": "track", "input.value": '{"id":"P1"}', "output.value": "Lyon"},
    ),
    span(
        "search",
        parent="root",
        kind="RETRIEVER",
        start_ms=4,
        end_ms=5,
        attributes={"retrieval.documents.0.document.id": "d", DOCUMENT: "Parcels rest in Lyon."},
    ),
)
PLACES = (
    *(("model", ASKED), ("model", ANSWERED), ("search", DOCUMENT)),
    *(("tool", "input.value"), ("tool", "output.value")),
)
CUTS = {
    "absent": None,
    "hidden": "__REDACTED__",
    "hidden in part": "It went to __REDACTED__.",
    "cut at its end": "Lyon… [truncated]",
    "cut with a count": "Lyon ... 1,204 more characters",
}


def changed(span_id: str, change: Callable[[Span], Span]) -> list[Span]:
    return [change(one) if one.span_id == span_id else one for one in WHOLE]


def told(key: str, text: str | None) -> Callable[[Span], Span]:
    """A change of one attribute; without a text it is gone."""

    def change(one: Span) -> Span:
        kept: dict[str, JsonValue] = {k: v for k, v in one.attributes.items() if k != key}
        return replace(one, attributes=kept if text is None else {**kept, key: text})

    return change


LINKS = {
    "no root": list(WHOLE[1:]),
    "no parent": changed("tool", lambda one: replace(one, parent_id="gone")),
    "an id twice": [*WHOLE, replace(WHOLE[2], name="another")],
    "a cycle": changed("root", lambda one: replace(one, parent_id="tool")),
    "no start": changed("tool", lambda one: replace(one, start_ns=None)),
    "no end": changed("model", lambda one: replace(one, end_ns=None)),
    "ends before it starts": changed("tool", lambda one: replace(one, end_ns=0)),
    "no answer of the model": changed(
        "model",
        lambda one: told("llm.output_messages.0.message.role", None)(told(ANSWERED, None)(one)),
    ),
    "nothing at all": [],
}
FAMILY = {
    **{
        f"{key} of {span_id} {how}": changed(span_id, told(key, text))
        for span_id, key in PLACES
        for how, text in CUTS.items()
    },
    **LINKS,
}


def verdicts(spans: list[Span] | tuple[Span, ...]) -> tuple[bool, bool]:
    """Whether the trace is complete for an acquittal, and for a control that asks for all."""
    read = readings(Trace("t", spans))
    checked = {check.name: check for check in Acquittal(read, []).checks}
    assert (checked["the trace is complete"].missing is None) == (not read.gaps)
    return not read.gaps, not missing_evidence(read, CONTENT)


def test_a_whole_trace_is_complete_for_every_engine() -> None:
    assert verdicts(WHOLE) == (True, True)


@pytest.mark.parametrize("name", FAMILY)
def test_a_cut_trace_is_incomplete_for_every_engine(name: str) -> None:
    """Whatever was cut from it, and however that shows."""
    assert verdicts(FAMILY[name]) == (False, False)
