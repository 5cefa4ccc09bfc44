"""The traces of a session are one trace, in which each span says which trace it is of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.evidence import EvidenceIndex, evidence_of
from investigator.traces.model import Span, Trace
from investigator.traces.session_trace import SESSION_KEYS, session_trace, sessions_of
from tests.builders import span

NAMES = st.sampled_from(["a", "b", "c", "d"])


def turn(trace_id: str, *span_ids: str, at: int | None = 0, said: str = "hm") -> Trace:
    """A trace of spans below its first one."""
    first, *others = span_ids
    known = {"input.value": said}
    spans = [span(first, trace_id=trace_id, start_ms=at, end_ms=at, attributes=known)]
    spans += [span(s, trace_id=trace_id, parent=first, start_ms=at, end_ms=at) for s in others]
    return Trace(trace_id, spans)


def ids(spans: tuple[Span, ...]) -> list[str]:
    return [one.span_id for one in spans]


def test_the_traces_follow_each_other_in_time() -> None:
    """Also where they overlap; those without times come last, by their ids."""
    late, early = turn("x", "a", "b", at=50), turn("y", "c", "d", at=10)
    timeless = [turn(f"t{n}", f"e{n}", at=None) for n in (10, 9)]
    joined = session_trace("s", [late, *timeless, early])
    assert (joined.trace_id, joined.trace_ids) == ("s", ("y", "x", "t9", "t10"))
    assert ids(joined.spans) == ["c", "d", "a", "b", "e9", "e10"]
    assert ids(joined.roots) == ["c", "a", "e9", "e10"]


def test_an_id_that_two_traces_have_names_its_trace_in_both() -> None:
    """With the tree, the verdicts and nothing else; one that is unique stays as it is."""
    verdict = Evaluation("x", "a", "quality", Rater.PERSON, passed=False)
    whole = Evaluation("x", None, "done", Rater.CODE, passed=True)
    one = Trace("x", turn("x", "a", "b").spans, [verdict, whole])
    joined = session_trace("s", [one, turn("y", "a", "c", at=5)])
    assert ids(joined.spans) == ["x/a", "b", "y/a", "c"]
    assert [s.parent_id for s in joined.spans] == [None, "x/a", None, "y/a"]
    assert {(e.trace_id, e.span_id) for e in joined.evaluations} == {("x", "x/a"), ("x", None)}


def test_transcripts_keep_the_order_of_their_turns() -> None:
    """However long the ids become: `step-10` of the first comes before `step-1` of the second."""
    steps = [f"step-{n}" for n in range(1, 12)]

    def chat(trace_id: str) -> Trace:
        turns = [span(s, trace_id=trace_id, start_ms=None, end_ms=None) for s in steps]
        return Trace(trace_id, turns)

    joined = session_trace("s", [chat("one"), chat("two")])
    assert ids(joined.spans) == [f"{chat}/{step}" for chat in ("one", "two") for step in steps]


@given(st.lists(st.sets(NAMES, min_size=1), min_size=1, max_size=4))
def test_nothing_is_lost_and_every_reference_resolves_in_its_trace(named: list[set[str]]) -> None:
    """Whatever ids the traces share; a reference to a span with an id of its own is that of the
    single trace, and none resolves in another one."""
    traces = [turn(f"t{n}", *sorted(one), at=n) for n, one in enumerate(named)]
    joined = session_trace("s", traces)
    assert len(joined.spans) == sum(len(trace.spans) for trace in traces)
    assert not joined.duplicate_ids
    index = EvidenceIndex(joined)
    for one in joined.spans:
        for ref in evidence_of(one):
            assert ref.trace_id == one.trace_id
            assert index.problem(ref) is None
            assert index.problem(ref.model_copy(update={"trace_id": "elsewhere"})) is not None
            if "/" not in one.span_id and "/" not in (one.parent_id or ""):
                own = next(trace for trace in traces if trace.trace_id == one.trace_id)
                assert EvidenceIndex(own).problem(ref) is None


def test_a_session_of_one_trace_says_what_the_trace_says() -> None:
    """Only its name is the session's."""
    alone = turn("x", "a", "b")
    joined = session_trace("s", [alone])
    assert (joined.spans, joined.content_hash) == (alone.spans, alone.content_hash)


def test_a_session_is_named_by_any_of_the_usual_keys() -> None:
    """As text or as a number."""
    for key in SESSION_KEYS:
        assert list(sessions_of([span(attributes={key: "s"})])) == ["s"]
        assert list(sessions_of([span(attributes={key: 7})])) == ["7"]
    assert list(sessions_of([span(), span(attributes={"session.id": ""})])) == []
