"""A circle is told where it began, and a limit behind which it stands is only its end."""

from __future__ import annotations

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.traces.model import Span, Trace
from tests.builders import readings, span, trace
from tests.signals.scripts import FORMS, gives, place, says, told, user
from tests.signals.steps import agent, chat, llm, tool

LIMIT = "Recursion limit of 25 reached without hitting a stop condition"


def _turn(number: int, work: bool) -> list[Span]:
    """One agent's turn: it hands the case to the other, after a look at it or at once."""
    here, there = ("billing", "desk") if number % 2 else ("desk", "billing")
    at, own = 10 * number, f"a{number}"
    holder = span(
        own, parent="root", kind="AGENT", name=here, start_ms=at, end_ms=at + 9,
        attributes={"agent.name": here},
    )  # fmt: skip
    looked = [
        llm(f"w{number}", calls=[("look", f'{{"n": {number}}}')], at=at + 1, parent=own),
        tool(f"x{number}", f"entry {number}", at=at + 2, parent=own, name="look",
             arguments=f'{{"n": {number}}}'),
    ]  # fmt: skip
    handing = f"transfer_to_{there}"
    return [
        holder,
        *(looked if work else []),
        llm(f"l{number}", calls=[(handing, "{}")], at=at + 3, parent=own),
        tool(f"t{number}", f"Transferred to {there}", at=at + 4, parent=own, name=handing),
    ]


def _swarm(turns: int, *, work: bool = False, limit: bool = False) -> Trace:
    root = span(
        "root",
        end_ms=999,
        status="ERROR" if limit else "UNSET",
        message=LIMIT if limit else "",
    )
    return trace(root, *(one for number in range(turns) for one in _turn(number, work)))


def _first(found: Trace) -> tuple[Fault, str]:
    signals = [s for s in detect(readings(found)) if s.open]
    first = max(signals, key=lambda signal: signal.strength)
    return first.fault, first.origin_id


@pytest.mark.parametrize("limit", [True, False])
def test_two_agents_that_hand_back_and_forth_are_a_circle(limit: bool) -> None:
    """It begins where the second handed the case straight back."""
    assert _first(_swarm(8, limit=limit)) == (Fault.LOOP, "l1")


def test_handing_back_after_work_is_no_circle() -> None:
    """Each agent did its part."""
    assert not detect(readings(_swarm(6, work=True)))


def test_one_way_there_and_back_is_no_circle() -> None:
    """A desk asks a colleague, who has nothing to add."""
    assert not detect(readings(_swarm(2)))


ASKS = "Please share the code that caused the error, so that we can analyse it."


def test_the_same_words_again_and_again_are_a_circle_in_a_group_chat() -> None:
    """Nobody learned anything in between."""
    turns = [("Lead", "Find the bug."), *[("Tester", ASKS), ("Expert", "We need to see it.")] * 3]
    found = [s for s in detect(readings(chat(*turns))) if s.fault is Fault.LOOP]
    assert [signal.origin_id for signal in found] == ["step-3"]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_same_words_to_the_same_person_are_a_circle(form: str) -> None:
    """A nudge by a machine is no news: the user is a script that says `continue`."""
    script = [user("Find the bug."), says(ASKS), says(ASKS), says(ASKS)]
    assert told(form, *script) == [("loop", place(form, 2))]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_waiting_for_something_that_changes_is_no_circle(form: str) -> None:
    """The same words, and each time another state of the job."""
    script = [user("Deploy it.")]
    for number, state in enumerate(("queued", "running at 40 %", "running at 90 %", "done")):
        script += [says("", (f"c{number}", "status", {})), gives(f"c{number}", state)]
        script += [says("The deployment is under way, I am looking again.")] if number < 3 else []
    assert not told(form, *script, says("It is deployed."), tools=["status"])


def test_a_slip_that_was_mended_is_closed_and_a_habit_is_not() -> None:
    """Two equal failures before a success are made good, three are not."""

    def calls(count: int) -> Trace:
        failed = [
            one
            for number in range(count)
            for one in (
                llm(f"l{number}", calls=[("book", '{"at": 1}')], at=10 * number),
                tool(f"t{number}", error="no table", at=10 * number + 1, name="book",
                     arguments='{"at": 1}'),
            )
        ]  # fmt: skip
        last = llm("l9", calls=[("book", '{"at": 2}')], at=90)
        done = tool("t9", "booked", at=91, name="book", arguments='{"at": 2}')
        return trace(agent(), *failed, last, done, llm("end", "Booked for two.", at=95))

    repeated = {
        count: [s.open for s in detect(readings(calls(count))) if s.fault is Fault.REPEATED_CALL]
        for count in (2, 3)
    }
    assert repeated == {2: [False], 3: [True]}
