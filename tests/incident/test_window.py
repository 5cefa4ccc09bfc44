"""A window as a whole: who stands for it, what is alike, when it happened; and laws of these."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.incident.changes import detect_changes
from investigator.incident.clusters import clusters
from investigator.incident.digest import TraceDigest, digest
from investigator.incident.latency import slow_traces
from investigator.incident.selection import Why, select
from investigator.incident.suspicion import suspected_change
from investigator.incident.timeline import EVENT_LIMIT, EventKind, timeline
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Trace
from tests.builders import QUOTE, readings
from tests.incident.windows import TIMEOUT, run

ERRORS = (
    None,
    None,
    TIMEOUT,
    "429 too many requests",
    "KeyError: 'total'",
    "StockError: item 12 is gone",
    "Error: 404 page not found",
    "boom",
    "invalid json at line 3",
)


def digests(traces: Sequence[Trace]) -> list[TraceDigest]:
    """The digests of a window."""
    return [digest(readings(trace)) for trace in traces]


@st.composite
def windows(draw: st.DrawFn) -> list[Trace]:
    """Any mixture of tools, errors, models, latencies and services, some without times."""
    size = draw(st.integers(0, 14))
    return [
        run(
            draw(st.integers(0, 20)),
            trace_id=f"t{i}",
            error=draw(st.sampled_from(ERRORS)),
            tool=draw(st.sampled_from(("search", "refund", "visit"))),
            model=draw(st.sampled_from(("a", "b"))),
            seconds=draw(st.sampled_from((1.0, 2.0, 3.0, 90.0))),
            service=draw(st.sampled_from(("x", "x", "y"))),
            timed=draw(st.integers(0, 9)) > 0,
        )
        for i in range(size)
    ]


@given(windows(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_nothing_depends_on_the_order_of_the_traces(
    window: list[Trace], rng: random.Random
) -> None:
    """Representatives, clusters, changes and timeline are the same for any order."""
    one = digests(window)
    other = list(one)
    rng.shuffle(other)
    assert select(one) == select(other)
    assert clusters(one) == clusters(other)
    changes = detect_changes(one, None, QUOTE)
    assert changes == detect_changes(other, None, QUOTE)
    assert suspected_change(one, changes) == suspected_change(other, changes)
    assert timeline(one, changes) == timeline(other, changes)


@given(windows())
@settings(max_examples=60, deadline=None)
def test_every_reference_resolves_and_every_bound_holds(window: list[Trace]) -> None:
    """At most twelve, each signature and trace once; every claim has evidence in its trace."""
    found = digests(window)
    chosen = select(found)
    changes = detect_changes(found, None, QUOTE)
    events = timeline(found, changes).events
    assert len(chosen) <= 12
    assert len({one.trace_id for one in chosen}) == len(chosen)
    assert len({one.signature for one in chosen}) == len(chosen)
    assert len(events) <= EVENT_LIMIT
    assert [event.at_ns for event in events] == sorted(event.at_ns for event in events)
    cited = [one.evidence_refs for one in chosen]
    cited += [change.evidence_refs for change in changes]
    cited += [event.evidence_refs for event in events]
    assert all(cited)
    indexes = {trace.trace_id: EvidenceIndex(trace) for trace in window}
    for ref in (ref for refs in cited for ref in refs):
        assert indexes[ref.trace_id or ""].problem(ref) is None
    stands_out = any(one.failing for one in found) or bool(slow_traces(found))
    assert bool(chosen) is stands_out


def test_a_healthy_window_is_no_incident() -> None:
    """Latencies that vary as usual select nothing, and the timeline is empty."""
    rng = random.Random(3)
    found = digests([run(i, seconds=rng.lognormvariate(1, 0.5)) for i in range(60)])
    assert select(found) == ()
    assert timeline(found).events == ()


def test_one_signature_is_told_once_with_how_many_share_it() -> None:
    """The trace that stands for a failure is the first, and says how many there are."""
    found = digests([run(i, error=TIMEOUT if i > 2 else None) for i in range(10)])
    (one,) = select(found)
    assert (one.trace_id, one.why, one.shared_by) == ("t003", Why.ERROR, 7)
    assert one.why_selected.startswith("error signal: TOOL search raised")
    assert one.why_selected.endswith("7 traces share it")


def test_at_most_five_signatures_the_gravest_first() -> None:
    """Of many kinds of failure those that most traces share are chosen."""
    window = [run(i, error=TIMEOUT, tool=f"tool_{'abcdefgh'[i % 8]}") for i in range(20)]
    by_error = [one for one in select(digests(window)) if one.why is Why.ERROR]
    assert [one.signature.component for one in by_error] == [f"tool_{c}" for c in "abcde"]
    assert [one.shared_by for one in by_error] == [3, 3, 3, 3, 2]


def test_a_trace_that_stands_out_by_latency_is_chosen() -> None:
    """Slow against its own kind; the step that took longest is named."""
    window = [run(i) for i in range(12)]
    window.append(run(12, seconds=40))
    (one,) = select(digests(window))
    assert (one.trace_id, one.why) == ("t012", Why.LATENCY)
    assert one.signature.text == "support | search | slow"
    assert "40.0 s against a median of 2.0 s in 13 traces; longest in search" in one.why_selected


def test_traces_that_hung_stand_apart_even_where_latencies_vary_much() -> None:
    """A group far from all others is slow, however wide the others spread."""
    usual = [run(i, seconds=9 * 1.15**i) for i in range(16)]
    hung = [run(i, seconds=900 + i) for i in range(20, 22)]
    found = slow_traces(digests([*usual, *hung]))
    assert [one.digest.trace_id for one in found] == ["t021", "t020"]
    assert slow_traces(digests(usual)) == ()


def test_few_traces_or_small_differences_do_not_stand_out() -> None:
    """Without enough to compare with, and below a second, nothing is slow."""
    assert slow_traces(digests([run(0), run(1), run(2, seconds=99)])) == ()
    quick = [run(i, seconds=0.7) for i in range(9)]
    assert slow_traces(digests([*quick, run(9, seconds=1.6)])) == ()


def test_messages_that_say_the_same_are_one_cluster() -> None:
    """Numbers and names in a message do not split a cluster; another message does."""
    window = [run(i, error=f"TimeoutError: request {i} timed out") for i in range(4)]
    window += [run(4, error="TimeoutError: request 9 timed out again")]
    window += [run(5, error="StockError: nothing is left")]
    found = clusters(digests(window))
    assert [(c.name, c.count) for c in found.by_template] == [
        ("TimeoutError: request # timed out", 5),
        ("StockError: nothing is left", 1),
    ]
    assert [(c.signature.error_type, c.count) for c in found.by_signature] == [
        ("timeout", 5),
        ("StockError", 1),
    ]


def test_the_timeline_tells_the_story_in_order() -> None:
    """Healthy, changed, failing, healthy again."""
    window = [run(i) for i in range(5)]
    window += [run(i, model="m2", error=TIMEOUT) for i in range(5, 9)]
    window += [run(i, model="m3") for i in range(9, 12)]
    found = digests(window)
    told = timeline(found, detect_changes(found, None, QUOTE))
    assert [(event.timestamp, event.kind) for event in told.events] == [
        ("1970-01-01T00:05:00Z", EventKind.FIRST_FAILURE),
        ("1970-01-01T00:05:00Z", EventKind.CHANGE),
        ("1970-01-01T00:05:00.6Z", EventKind.FIRST_SEEN),
        ("1970-01-01T00:08:00.6Z", EventKind.LAST_SEEN),
        ("1970-01-01T00:09:00Z", EventKind.CHANGE),
        ("1970-01-01T00:09:00Z", EventKind.RECOVERY),
    ]
    assert told.gaps == ()


def test_traces_without_times_are_left_out_of_the_timeline_with_a_gap() -> None:
    """No time is invented for them; they are still chosen."""
    found = digests([run(i, error=TIMEOUT, timed=False) for i in range(3)])
    assert timeline(found).events == ()
    assert timeline(found).gaps == ("3 of 3 traces have no times; no event names them",)
    assert len(select(found)) == 1


def test_a_large_window_is_quick() -> None:
    """Five thousand digests: everything after them takes a few seconds at most."""
    window = [
        run(i, error=f"TimeoutError: {'abcdefghij'[i % 10] * 9} {i}" if i % 3 else None)
        for i in range(50)
    ]
    template = digests(window)
    many = [_copy(template[i % 50], i) for i in range(5_000)]
    began = time.process_time()
    changes = detect_changes(many, None, QUOTE)
    suspected_change(many, changes)
    select(many)
    timeline(many, changes)
    assert time.process_time() - began < 10


def _copy(found: TraceDigest, place: int) -> TraceDigest:
    return replace(found, trace_id=f"t{place:05}", start_ns=place * 10**9)
