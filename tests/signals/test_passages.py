"""Passages that are out of date or cut short, and what is no fault of a passage."""

from __future__ import annotations

import json

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.faults import Fault
from investigator.traces.model import Span
from tests.builders import span, trace
from tests.signals.steps import faults, only

WHOLE = "The warranty of a kettle runs for two years from the day on which it was bought."
ENDED = "1969-12-31"
"""A day before the spans of these tests, whose times count from the first of January 1970."""


def _search(*passages: tuple[str, dict[str, JsonValue]], name: str = "search", at: int = 0) -> Span:
    """A retriever that found these passages, with the metadata of each."""
    found: dict[str, JsonValue] = {}
    for index, (content, metadata) in enumerate(passages):
        base = f"retrieval.documents.{index}.document."
        found[f"{base}id"] = f"{name}-{index}"
        found[f"{base}content"] = content
        found[f"{base}metadata"] = json.dumps(metadata)
    return span(name, kind="RETRIEVER", start_ms=at, end_ms=at + 1, attributes=found)


@pytest.mark.parametrize(
    "metadata",
    [
        {"valid_until": ENDED},
        {"expires": ENDED + "T00:00:00Z"},
        {"end_date": ENDED},
        {"status": "Superseded"},
        {"lifecycle": "deprecated"},
        {"superseded_by": "warranty-2026"},
    ],
)
def test_a_passage_that_says_so_itself_is_out_of_date(metadata: dict[str, JsonValue]) -> None:
    """A date until which it held, a status, a successor."""
    signal = only(trace(_search((WHOLE, metadata))))
    assert (signal.fault, signal.origin_id) == (Fault.STALE_RETRIEVAL, "search")


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"valid_until": "2031-01-01"},
        {"valid_until": "further notice"},
        {"status": "published"},
        {"superseded_by": ""},
        {"created": ENDED},
        {"year": 1969},
    ],
)
def test_an_old_passage_may_hold_all_the_same(metadata: dict[str, JsonValue]) -> None:
    """Only what ends a passage's time ends it."""
    assert not faults(trace(_search((WHOLE, metadata))))


def test_one_passage_that_holds_is_enough() -> None:
    """The model can read which one that is."""
    assert not faults(trace(_search((WHOLE, {"status": "expired"}), (WHOLE, {}))))


CUT = (WHOLE[:30], WHOLE[4:34], WHOLE[8:38])


def test_passages_that_all_stop_at_one_short_length_are_cut() -> None:
    """Two and more, in mid-sentence."""
    signal = only(trace(_search(*((text, {}) for text in CUT))))
    assert (signal.fault, "30 characters" in signal.summary) == (Fault.CUT_RETRIEVAL, True)


@pytest.mark.parametrize(
    "texts",
    [
        CUT[:1],
        (WHOLE, WHOLE),
        ("Two years.", "One year."),
        (CUT[0], WHOLE[4:24], WHOLE),
        ((WHOLE * 3)[:200], (WHOLE * 3)[10:210]),
    ],
    ids=["one passage", "whole", "short and whole", "of several lengths", "long enough"],
)
def test_other_passages_are_not_cut(texts: tuple[str, ...]) -> None:
    """A short passage may be all there is; a long one says something though it is cut."""
    assert not faults(trace(_search(*((text, {}) for text in texts))))


def test_a_better_search_makes_good_a_bad_one() -> None:
    """In the same loop, later, and not bad in the same way."""
    stale = _search((WHOLE, {"status": "expired"}))
    better = _search((WHOLE, {}), name="again", at=5)
    worse = _search((WHOLE, {"status": "retired"}), name="again", at=5)
    assert only(trace(stale, better)).recovered_by == "again"
    assert faults(trace(stale, worse)) == ["stale_retrieval", "stale_retrieval"]
