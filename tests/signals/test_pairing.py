"""Calls and results pair up, in every form in which a run is recorded."""

from __future__ import annotations

import pytest

from tests.signals.scripts import FORMS, gives, place, says, told, user

WITH_RESULTS = sorted(FORMS)
REQUESTS = ("tree", "requests", "genai")
ASK = user("Compare the totals of the two tables.")
BOTH = says("", ("c1", "query", {"table": "a"}), ("c2", "query", {"table": "b"}))
ANSWER = says("Table a holds 120; table b could not be read.")


@pytest.mark.parametrize("form", WITH_RESULTS)
def test_a_parallel_call_that_was_dropped_is_told_where_it_was_asked_for(form: str) -> None:
    """One of two calls came back, and the model went on."""
    found = told(form, ASK, BOTH, gives("c1", '{"total": 120}'), ANSWER, tools=["query"])
    assert found == [("unanswered_call", place(form, 1))]


@pytest.mark.parametrize("form", WITH_RESULTS)
def test_calls_that_all_came_back_in_any_order_are_fine(form: str) -> None:
    """Parallel calls end when they end."""
    back = [gives("c2", '{"total": 7}'), gives("c1", '{"total": 120}')]
    assert not told(form, ASK, BOTH, *back, says("120 and 7."), tools=["query"])


@pytest.mark.parametrize("form", WITH_RESULTS)
def test_a_call_with_which_the_run_ends_waits_for_nobody(form: str) -> None:
    """A person approves it later, or it hands the answer in."""
    first = says("", ("c1", "query", {"table": "a"}))
    last = says("", ("c2", "submit_report", {"total": 120}))
    assert not told(form, ASK, first, gives("c1", "120"), last, tools=["query", "submit_report"])


@pytest.mark.parametrize("form", REQUESTS)
def test_one_id_for_two_calls_is_told(form: str) -> None:
    """The second result answers the first call, too."""
    turns = [
        says("", ("c1", "query", {"table": "a"})),
        gives("c1", "120"),
        says("", ("c1", "query", {"table": "b"})),
        gives("c1", "7"),
    ]
    faults = {fault for fault, _ in told(form, ASK, *turns, says("120 and 7."), tools=["query"])}
    assert faults == {"mismatched_result"}


@pytest.mark.parametrize("form", REQUESTS)
def test_a_name_in_place_of_an_id_is_none(form: str) -> None:
    """Some providers have no ids, and instrumentation writes the tool's name there."""
    turns = [
        says("", ("query", "query", {"table": "a"})),
        gives("query", "120"),
        says("", ("query", "query", {"table": "b"})),
        gives("query", "120"),
    ]
    assert not told(form, ASK, *turns, says("120 and 120."), tools=["query"])


@pytest.mark.parametrize("form", ["requests", "genai"])
def test_a_result_that_no_call_asked_for_is_told(form: str) -> None:
    """The request holds a result under an id that nobody used."""
    turns = [says("", ("c1", "query", {"table": "a"})), gives("c1", "120"), gives("c9", "7")]
    found = told(form, ASK, *turns, says("120 and 7."), tools=["query"])
    assert found == [("mismatched_result", place(form, 4))]
