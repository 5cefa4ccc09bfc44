"""Evidence is what was read: whole or quoted; a list says where to look, and noise adds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.claims.outputs import reference_key
from investigator.ground.canonical_json import JsonValue
from investigator.ground.redaction import Redactor
from investigator.rca.case import RCACase
from investigator.rca.outputs import RCAAnswer, RCADraft, RCAFinding, RCAOutputs
from investigator.rca.report import Outcome
from investigator.readings.reading import Readings
from investigator.runtime.citable import Citable
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.traces.evidence import EvidenceRef, evidence_of
from investigator.traces.model import Trace
from tests.builders import trace
from tests.rca.running import DEFAULT, LIST_SPANS, call, reads, run_rca, says, stated
from tests.signals.steps import agent, llm, tool

FOUND = 'Found 3 flights: LX 17 at 09:40\n and "BA 2" at 11:05, contact jane@example.com'
BOOKED = "I booked LX 17 for 09:40, as you asked for the last flight of the day."


def run() -> Trace:
    """A look, and an answer that goes against it."""
    return trace(
        agent("a", name="one"),
        llm("plan", "I look the flights up.", at=1, parent="a", calls=(("search", "{}"),)),
        tool("t", FOUND, at=2, parent="a", arguments='{"day": "2024-05-01"}'),
        llm("say", BOOKED, at=3, parent="a"),
    )


OUTPUTS = RCAOutputs(RCACase.of(run(), DEFAULT, Redactor()))
READINGS = Readings(run(), Redactor())
REFS = {ref.ref: ref for one in run().spans for ref in evidence_of(one)}
SAID, LOOKED, PLANNED = REFS["message:say:1"], REFS["tool:t"], REFS["message:plan:1"]


def seen(whole: Sequence[EvidenceRef], in_part: Sequence[EvidenceRef] = ()) -> Citable:
    """What a scope can cite: w0, w1, … seen whole, p0, … in part."""
    known = Citable()
    known.learn({f"w{n}": reference_key(ref) for n, ref in enumerate(whole)})
    parts = {f"p{n}": reference_key(ref) for n, ref in enumerate(in_part)}
    known.learn(parts, tuple(parts))
    return known


def finding(
    *evidence: str, quotes: Mapping[str, str] | None = None, confidence: float = 0.9
) -> RCAFinding:
    """A finding that cites and quotes these."""
    return RCAFinding(
        id="f1",
        category="instruction_failure",
        span_id="say",
        description="the wrong flight",
        confidence=confidence,
        evidence=evidence,
        quotes=tuple(f"{k}: {v}" for k, v in (quotes or {}).items()),
    )


def answer(one: RCAFinding, known: Citable) -> RCAAnswer:
    """What the answer of one finding becomes."""
    draft = RCADraft(findings=(one,), gaps=(), summary="")
    return RCAAnswer.model_validate_json(OUTPUTS.resolve(draft, known))


@pytest.mark.parametrize(
    "words",
    [
        "Found 3 flights: LX 17 at 09:40",
        'and "BA 2" at 11:05',
        "LX 17 at 09:40 and",
        "Found 3 flights … 11:05, contact",
        '{"day":"2024-05-01"}',
        "11:05, contact [REDACTED:email]",
    ],
)
def test_words_that_stand_there_are_a_quotation(words: str) -> None:
    """Whatever the line breaks, of the call and of what came back, as they are shown."""
    assert READINGS.quotations.quoted(LOOKED, words).ref is not None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Found 4 flights: LX 17", "does not stand there word for word"),
        ("found 3 flights: lx 17", "does not stand there word for word"),
        ("11:05 … Found 3 flights", "does not stand there word for word"),
        ("jane@example.com is the contact", "does not stand there word for word"),
        ("contact jane@example.com", "does not stand there word for word"),
        ("LX 17", "is too short to show anything"),
        ("[REDACTED:email]", "quotes what is hidden"),
        ("__REDACTED__", "quotes what is hidden"),
        (" ", "is too short to show anything"),
    ],
)
def test_what_does_not_stand_there_is_none(words: str, why: str) -> None:
    """Nor what is hidden, nor what stands anywhere."""
    assert READINGS.quotations.quoted(LOOKED, words).problem == why


def test_a_quotation_is_good_in_any_text_of_its_step() -> None:
    """A call and its result are one step to whoever reads it."""
    call_of_step = next(s for s in READINGS.steps if s.call is not None).evidence
    assert {READINGS.quotations.quoted(ref, "Found 3 flights: LX 17").ref for ref in call_of_step}
    assert all(
        READINGS.quotations.quoted(ref, "Found 3 flights: LX 17").ref in call_of_step
        for ref in call_of_step
    )


def test_what_was_seen_in_part_bears_a_claim_only_with_its_words() -> None:
    """Quoted, or read whole."""
    known = seen([SAID], [LOOKED])
    assert answer(finding("w0", "p0"), known).findings[0].confidence == 0.49
    quoted = answer(finding("w0", "p0", quotes={"p0": "LX 17 at 09:40"}), known).findings[0]
    assert quoted.confidence == 0.9
    assert quoted.evidence_refs[0] == LOOKED
    assert quoted.excerpts[0].text == "LX 17 at 09:40"
    known.learn({"w1": reference_key(LOOKED)})
    assert answer(finding("w0", "p0"), known).findings[0].confidence == 0.9


def test_a_false_quotation_is_refused_in_a_draft_and_dropped_with_a_gap_at_the_end() -> None:
    """The reference stays, without its words."""
    known = seen([SAID], [LOOKED])
    one = finding("w0", "p0", quotes={"p0": "LX 18 at 09:40 sharp"})
    told = "finding f1: the quotation of p0 does not stand there word for word"
    draft = RCADraft(findings=(one,), gaps=(), summary="")
    assert OUTPUTS.problems(draft, known) == [told]
    ended = answer(one, known)
    assert ended.gaps == (told,)
    assert (ended.findings[0].confidence, ended.findings[0].excerpts) == (0.49, ())


EVERY = [ref for ref in REFS.values() if ref not in (SAID, PLANNED)]
NOISE = st.lists(
    st.one_of(
        st.sampled_from(["p0", "p1", "p2", "p3", "e99", "tool:nowhere", "", "w0"]),
        st.integers(0, len(EVERY) - 1).map(lambda n: f"p{n}"),
    ),
    max_size=12,
)


@given(
    st.sampled_from([("w0",), ("w0", "w1"), ()]),
    NOISE,
    st.dictionaries(
        st.sampled_from(["p0", "p1", "w0"]), st.text(min_size=1, max_size=30), max_size=3
    ),
    st.floats(0, 1),
)
@settings(max_examples=120, deadline=None)
def test_the_same_claim_is_never_surer_for_the_noise_that_it_cites(
    evidence: tuple[str, ...], noise: list[str], quotes: dict[str, str], confidence: float
) -> None:
    """What was not read, or seen in part, read twice, or quoted wrongly: none of it lifts it."""
    known = seen([SAID, PLANNED], EVERY)
    plain = answer(finding(*evidence, confidence=confidence), known).findings
    noisy = answer(finding(*evidence, *noise, quotes=quotes, confidence=confidence), known).findings
    least = plain[0].confidence if plain else 0.49
    assert all(found.confidence <= max(least, 0.49) for found in noisy)
    if plain:
        assert noisy[0].confidence == plain[0].confidence


def test_a_list_of_spans_is_no_reading() -> None:
    """Its rows say where to look; nothing of it can be cited."""
    planner = ScriptedPlanner({"0": (LIST_SPANS, says("finalize", stated(evidence=["t", "s2"])))})
    report = run_rca(run(), planner=planner).report
    assert "finding f1: evidence 't' does not resolve" in report.gaps
    assert '"at":' in planner.asked[1].recent[0].result
    assert not planner.asked[1].cited


def test_a_search_shows_parts() -> None:
    """A match is citable, and bears a claim only with the words that it shows."""
    search = call("search_trace", pattern="LX 17", span_id=None, context=0, fields=None, offset=0)
    quote: JsonValue = "t: LX 17 at 09:40"
    for quotes, outcome in (([], Outcome.UNDETERMINED), ([quote], Outcome.FAILURE)):
        one = stated(span_id="say", evidence=["t", "e3"], quotes=quotes)
        turns = (search, *reads("say"), says("finalize", one))
        assert run_rca(run(), planner=ScriptedPlanner({"0": turns})).report.outcome is outcome


def test_whoever_is_advised_is_told_once_before_it_concludes() -> None:
    """What its answer would lose, and what would lift it; meanwhile the answer is its draft."""
    weak = says("finalize", stated(evidence=["e1", "e99"]))
    planner = ScriptedPlanner({"0": (*reads("t"), weak, weak)}, advised=True)
    ran = run_rca(run(), planner=planner)
    notice = planner.asked[2].notice or ""
    assert "no evidence 'e99' was read" in notice
    assert "cut from 0.9 to 0.49; cite what another step produced to keep it" in notice
    assert "finalize again to end with it as it is" in notice
    assert planner.asked[2].draft is not None
    assert ran.record.runtime_ref.usage.iterations == 3
    assert ran.report.findings[0].confidence == 0.49


def test_an_answer_that_was_sent_back_is_not_lost() -> None:
    """Where nothing valid follows, it is what the scope had worked out."""
    weak = says("finalize", stated(evidence=["e1"]))
    planner = ScriptedPlanner({"0": (*reads("t"), weak, "no", "no", "no")}, advised=True)
    report = run_rca(run(), planner=planner).report
    assert [found.description for found in report.findings][:1] == ["what f1 says"]


def test_what_its_evidence_bears_needs_no_second_turn() -> None:
    """Nobody is sent back for nothing."""
    good = says("finalize", stated(span_id="say", evidence=["e1", "e2"]))
    planner = ScriptedPlanner({"0": (*reads("t", "say"), good)}, advised=True)
    assert run_rca(run(), planner=planner).record.runtime_ref.usage.iterations == 3


def test_the_planners_order_is_kept_and_what_it_left_open_follows() -> None:
    """Also where it is surer of a later one."""
    first = stated("f1", span_id="say", confidence=0.3, evidence=["e1"])
    second = stated("f2", span_id="plan", confidence=0.9, evidence=["e1", "e2"])
    turn = says("finalize", first, second)
    report = run_rca(run(), planner=ScriptedPlanner({"0": (*reads("t", "say"), turn)})).report
    assert [found.span_id for found in report.findings][:2] == ["say", "plan"]
    assert report.outcome is Outcome.FAILURE


def test_what_the_planner_says_of_place_and_decision_is_kept() -> None:
    """Whether it decided the run, who should have caught it, and by which steps it went."""
    one = stated(
        span_id="t", decisive=True, should_have_caught="say", path=["t", "say"], evidence=["e1"]
    )
    report = run_rca(run(), planner=ScriptedPlanner({"0": (*reads("t"), says("finalize", one))}))
    found = report.report.findings[0]
    assert (found.decisive, [place.span_id for place in found.path]) == (True, ["t", "say"])
    assert found.should_have_caught is not None
    assert found.should_have_caught.span_id == "say"


def test_an_answer_that_names_what_is_not_there_takes_no_draft_away() -> None:
    """Of a scope that had worked something out, where nothing valid follows."""
    draft = says("synthesize", stated("f1", span_id="say", evidence=["e1"]))
    wrong = says("finalize", stated("f2", span_id="nowhere", evidence=["e99"]))
    turns = (*reads("t"), draft, wrong, "no", "no", "no")
    report = run_rca(run(), planner=ScriptedPlanner({"0": turns}, advised=True)).report
    assert [found.description for found in report.findings][:1] == ["what f1 says"]
