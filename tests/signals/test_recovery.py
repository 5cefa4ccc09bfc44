"""Recovery is earned, in every form of a run: by a corrected call or the same act confirmed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from tests.builders import readings, span, trace
from tests.signals.runs import CHAT, FORMS, Called, Run
from tests.signals.steps import agent

EACH_FORM = pytest.mark.parametrize("form", FORMS)
OFFERING_FORMS = pytest.mark.parametrize("form", [form for form in FORMS if form != CHAT])

DOWN = "Error: internal server error"
LOST = "Error: request timed out after 30 s"
LATE = Called("create_booking", {"guest": "Ann Lee", "night": "2026-05-01"}, LOST)
BOOKED = Called("create_booking", LATE.arguments, '{"booking": "b-17"}')
LISTED = Called("list_bookings", {"night": "2026-05-01"},
                '[{"id": "b-17", "guest": "Ann Lee", "night": "2026-05-01"}]')  # fmt: skip
NONE_LISTED = Called("list_bookings", {"night": "2026-05-01"}, '[{"guest": "Bo Ek"}]')


def _host(name: str, result: str = "ok, 41 GB") -> Called:
    return Called("read_report", {"host": name, "path": "/var/backup"}, result)


def _open(turns: Sequence[Sequence[Called]], question: str, form: str) -> list[str]:
    return Run(question, turns, "All is done.").open(form)


@EACH_FORM
def test_a_later_call_for_another_thing_recovers_nothing(form: str) -> None:
    """Both hosts were asked for: that one works does not answer for the other."""
    turns = [[_host("borealis", DOWN)], [_host("atlas")]]
    assert "http_error" in _open(turns, "Check atlas and borealis.", form)
    listed = [[Called("list_hosts", {}, '["atlas", "borealis"]')], *turns]
    assert "http_error" in _open(listed, "Check every host.", form)


@EACH_FORM
def test_a_call_beside_it_recovers_nothing(form: str) -> None:
    """What one turn asks for side by side is for several things."""
    turns = [[_host("borealis", DOWN), _host("atlas")]]
    assert "http_error" in _open(turns, "Check the hosts.", form)


@EACH_FORM
@pytest.mark.parametrize("corrected", [{}, {"path": "/var/backups"}, {"day": "today"}])
def test_a_retry_or_a_corrected_call_recovers(form: str, corrected: dict[str, str]) -> None:
    """The same again, with a value that was not given before, or with one more."""
    again = Called("read_report", {**_host("atlas").arguments, **corrected}, "ok, 41 GB")
    assert _open([[_host("atlas", DOWN)], [again]], "Check atlas.", form) == []


@EACH_FORM
def test_a_later_sentence_recovers_nothing(form: str) -> None:
    """Nor does another act that worked."""
    turns = [[_host("atlas", DOWN)], [Called("post_summary", {"text": "fine"}, "ok")]]
    assert "http_error" in _open(turns, "Check atlas.", form)


@OFFERING_FORMS
def test_an_argument_that_the_tool_swallowed_stays_open(form: str) -> None:
    """That it answered says nothing: it answered something else."""
    tools = {"get_log": ["server", "hours_back"]}
    swallowed = Called("get_log", {"server": "p2", "hours": "1"}, "200 rows")
    right = Called("get_log", {"server": "p2", "hours_back": "1"}, "3 rows")
    asked = "What failed on p2 in the last hour?"
    assert Run(asked, [[swallowed]], "200 did.", tools=tools).open(form) == ["bad_arguments"]
    assert Run(asked, [[swallowed], [right]], "3 did.", tools=tools).open(form) == []
    assert Run(asked, [[right]], "3 did.", tools=tools).open(form) == []


@EACH_FORM
def test_an_act_that_timed_out_is_made_good_by_a_look_that_shows_it(form: str) -> None:
    """Then it may be told as done; a look that shows something else does not make it good."""
    assert _open([[LATE], [LISTED]], "Book a night for Ann Lee.", form) == []
    told = Run("Book a night for Ann Lee.", [[LATE], [LISTED]], "I have booked it for Ann Lee.")
    assert told.open(form) == []
    assert "timeout" in _open([[LATE], [NONE_LISTED]], "Book a night for Ann Lee.", form)


@EACH_FORM
def test_an_act_done_again_after_a_time_out_is_a_fault_of_its_own(form: str) -> None:
    """It begins with whoever asked for it again."""
    run = Run("Book a night for Ann Lee.", [[LATE], [BOOKED]], "Booked.")
    assert run.open(form) == ["repeated_act"]
    (signal,) = (s for s in run.signals(form) if s.fault is Fault.REPEATED_ACT)
    spans = {one.span_id: one for one in run.trace(form).spans}
    assert spans[signal.origin_id].kind == "LLM"


@EACH_FORM
@pytest.mark.parametrize(
    "turns",
    [
        [[LATE], [NONE_LISTED], [BOOKED]],
        [[Called("create_booking", {**LATE.arguments, "idempotency_key": "k1"}, LOST)],
         [Called("create_booking", {**LATE.arguments, "idempotency_key": "k1"}, "ok")]],
        [[Called("set_price", {"item": "b-17", "price": "20"}, LOST)],
         [Called("set_price", {"item": "b-17", "price": "20"}, "ok")]],
        [[Called("list_bookings", {"night": "2026-05-01"}, LOST)], [LISTED]],
        [[LATE], [Called("create_booking", {**LATE.arguments, "night": "2026-06-01"}, "ok")]],
    ],
    ids=["looked first", "keyed", "set again", "a look", "another night"],
)  # fmt: skip
def test_what_is_safe_to_do_again_is_no_repeated_act(
    form: str, turns: Sequence[Sequence[Called]]
) -> None:
    """Who looks first, names a key, or only sets or reads does nothing twice."""
    assert "repeated_act" not in _open(turns, "Book a night.", form)


def test_a_step_of_another_name_beside_it_recovers_no_step() -> None:
    """A chain that formats does not do what the chain that validates was to do."""
    failed = span("v", parent="agent", name="validate", status="ERROR", message="KeyError: 'x'")
    other = span("f", parent="agent", name="format", start_ms=2)
    again = span("w", parent="agent", name="validate", start_ms=3)
    assert [s.open for s in detect(readings(trace(agent(), failed, other)))] == [True]
    assert [s.open for s in detect(readings(trace(agent(), failed, again)))] == [False]


@EACH_FORM
def test_a_call_that_its_tool_could_not_take_is_corrected_by_any_that_it_could(form: str) -> None:
    """Though the request names both values: the wrong one never named a thing of the tool's."""
    asked = "What is the fare of every train to Girona, AB123 for instance?"
    wrong = Called("get_fare", {"train": "Girona"}, "Error: invalid arguments: train 'Girona'")
    right = Called("get_fare", {"train": "AB123"}, "41 EUR")
    assert Run(asked, [[wrong], [right]], "It is 41 EUR.").open(form) == []
