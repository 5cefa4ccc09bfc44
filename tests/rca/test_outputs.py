"""What a scope says becomes an answer in code: cited ids become references, or gaps."""

from __future__ import annotations

import pytest

from investigator.claims.leads import said
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.rca.case import RCACase
from investigator.rca.outputs import RCAAnswer, RCADraft, RCAFinding, RCAOutputs
from investigator.runtime.actions import ActionKind
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Trace
from tests.builders import REDACTOR, span, trace
from tests.rca.running import DEFAULT
from tests.signals.steps import agent, tool

TRACE = trace(agent(name="planner"), tool("t", error="TimeoutError: no answer", at=1), span("x"))
OUTPUTS = RCAOutputs(RCACase.of(TRACE, DEFAULT, REDACTOR))


def cited(found: Trace = TRACE) -> dict[str, str]:
    """Every span of the trace, read: in order e1 (`x`), e2 (`agent`), e3 (`t`)."""
    refs = (span_evidence(one).model_dump(mode="json") for one in found.spans)
    return {f"e{number}": canonical_json(ref) for number, ref in enumerate(refs, 1)}


def finding(
    id_: str = "f", *evidence: str, span_id: str = "t", confidence: float = 0.8
) -> RCAFinding:
    """A finding that cites these ids."""
    return RCAFinding(
        id=id_,
        category="tool_failure",
        span_id=span_id,
        description=f"what {id_} says",
        confidence=confidence,
        evidence=evidence,
    )


def draft(*findings: RCAFinding, gaps: tuple[str, ...] = ()) -> RCADraft:
    """An output of these findings."""
    return RCADraft(findings=findings, gaps=gaps, summary="so it is")


def resolved(*findings: RCAFinding, ids: dict[str, str] | None = None) -> RCAAnswer:
    """The answer that an output of these findings becomes."""
    text = OUTPUTS.resolve(draft(*findings), cited() if ids is None else ids)
    return RCAAnswer.model_validate_json(text)


def test_ids_become_references_each_once() -> None:
    """In the order in which they were cited; the agent is that of the span."""
    answer = resolved(finding("f", "e2", "e1", "e2"))
    (found,) = answer.findings
    ids = cited()
    assert found.evidence_refs == tuple(
        EvidenceRef.model_validate_json(ids[short_id]) for short_id in ("e2", "e1")
    )
    assert (found.agent, found.confidence, answer.gaps) == ("agent", 0.8, ())


def test_an_id_that_was_never_given_is_a_gap() -> None:
    """The finding stands on what is left."""
    answer = resolved(finding("f", "e1", "e77"))
    assert answer.gaps == ("finding f: evidence 'e77' does not resolve",)
    assert len(answer.findings[0].evidence_refs) == 1


def test_a_reference_whose_content_is_other_now_is_a_gap() -> None:
    """An id is not enough: the hash must be that of the trace."""
    other = trace(agent(name="other"), tool("t", error="other", at=1), span("x"))
    answer = resolved(finding("f", "e2", "e3"), ids=cited(other))
    assert answer.findings == ()
    assert answer.gaps[-1] == "finding f has no evidence: what f says"
    assert len(answer.gaps) == 3


def test_what_a_planner_calls_a_gap_stays_one() -> None:
    """Before those that code adds."""
    text = OUTPUTS.resolve(draft(finding("f"), gaps=("not looked at y",)), {})
    assert RCAAnswer.model_validate_json(text).gaps == (
        "not looked at y",
        "finding f has no evidence: what f says",
    )


@pytest.mark.parametrize(("evidence", "confidence"), [(("e1",), 0.49), (("e1", "e2"), 0.8)])
def test_confidence_is_what_the_references_bear(
    evidence: tuple[str, ...], confidence: float
) -> None:
    """Two independent ones for a half or more."""
    assert resolved(finding("f", *evidence)).findings[0].confidence == confidence


def test_an_unknown_span_is_refused_in_a_draft_and_a_gap_at_the_end() -> None:
    """The finding then stands at the first place that it cites; without one it is dropped."""
    said = (finding("good", "e1"), finding("bad", "e2", span_id="nowhere"))
    told = "finding bad: no span or step 'nowhere' in the trace"
    assert OUTPUTS.problems(draft(*said), cited()) == [told]
    answer = resolved(*said)
    assert [found.span_id for found in answer.findings] == ["t", "agent"]
    assert answer.gaps == (told,)
    assert resolved(finding("bad", span_id="nowhere")).findings == ()


def test_an_unknown_category_makes_the_whole_output_invalid() -> None:
    """The planner can repair it, so it is told which there are."""
    bad = finding("bad", "e1").model_copy(update={"category": "bad_luck"})
    with pytest.raises(ValueError, match="finding bad: no category 'bad_luck'; there are: "):
        resolved(finding("good", "e1"), bad)


def test_of_a_draft_that_was_cut_off_the_rest_is_kept() -> None:
    """Nobody can repair it any more."""
    bad = finding("bad", "e1").model_copy(update={"category": "bad_luck"})
    cut_off = draft(finding("good", "e1"), bad)
    answer = RCAAnswer.model_validate_json(OUTPUTS.salvage(cut_off, cited()))
    assert [found.description for found in answer.findings] == ["what good says"]


def test_a_childs_evidence_is_cited_anew_by_its_parent() -> None:
    """Under the parent's ids, and it resolves to the same references."""
    answer = OUTPUTS.resolve(draft(finding("f", "e1", "e2")), cited())
    parents: dict[str, str] = {}

    def cite(ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:  # noqa: ARG001
        short_id = f"p{len(parents)}"
        parents[short_id] = canonical_json(ref)
        return short_id

    shown = OUTPUTS.present(answer, cite)
    assert isinstance(shown, dict)
    assert "excerpt_hash" not in canonical_json(shown)
    again = OUTPUTS.resolve(draft(finding("f", "p0", "p1")), parents)
    assert again == answer


def test_a_turn_is_its_action_as_json() -> None:
    """Both sorts of output have one form."""
    for kind in (ActionKind.SYNTHESIZE, ActionKind.FINALIZE):
        assert said(kind, draft()).startswith(f'{{"action":{{"type":"{kind}","output":')
