"""An acquittal is earned: each check is met by a sound run, and each has what breaks it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from investigator.formats.chat import FORMAT
from investigator.rca.acquittal import Acquittal
from investigator.rca.calibration import acquittal_confidence
from investigator.signals.detect import detect
from investigator.traces.model import Span, Trace
from tests.builders import readings

Message = dict[str, Any]

SYSTEM: Message = {"role": "system", "content": "You book trains. Use your tools."}


def user(text: str) -> Message:
    """Words of a person."""
    return {"role": "user", "content": text}


def says(text: str) -> Message:
    """Words of the assistant."""
    return {"role": "assistant", "content": text}


def calls(tool: str, number: int = 1, **arguments: object) -> Message:
    """A call, with the id `c<number>`."""
    function = {"name": tool, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [_call(number, function)]}


def _call(number: int, function: dict[str, str]) -> Message:
    return {"id": f"c{number}", "type": "function", "function": function}


def gives(text: str, number: int = 1) -> Message:
    """The result of the call with that id."""
    return {"role": "tool", "tool_call_id": f"c{number}", "content": text}


SOUND = (
    SYSTEM,
    user("Book me a seat on the 08:15 to Bergen."),
    calls("book_seat", train="08:15", to="Bergen"),
    gives('{"seat": "14C", "price": 349}'),
    says("I have booked seat 14C on the 08:15 to Bergen for 349 kroner."),
)


def acquittal(messages: Sequence[Message]) -> Acquittal:
    """Of a chat log."""
    spans = [
        one for one in FORMAT.decode({"messages": list(messages)}, "t") if isinstance(one, Span)
    ]
    subject = readings(Trace(spans[0].trace_id, spans))
    return Acquittal(subject, detect(subject))


def unmet(messages: Sequence[Message]) -> list[str]:
    """The names of the checks that are not met."""
    return [check.name for check in acquittal(messages).checks if not check.met]


def test_a_sound_run_passes_every_check() -> None:
    """And each says what was looked at."""
    found = acquittal(SOUND)
    assert (found.earned, found.missing) == (True, ())
    assert all(check.looked_at for check in found.checks)


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        (SOUND[:-1], "there is an answer"),
        ((*SOUND[:-1], says("")), "there is an answer"),
        ((*SOUND[:-1], says("TERMINATE")), "there is an answer"),
        (
            (*SOUND[:2], says('<tool_call>{"name": "book_seat", "arguments": {}}</tool_call>')),
            "there is an answer",
        ),
        ((*SOUND[:1], *SOUND[2:]), "the request can be read"),
        ((SYSTEM, user("Забронируйте место в поезде."), *SOUND[2:]), "the request can be read"),
        ((SYSTEM, user("Bitte buche mir einen Platz in dem Zug."), *SOUND[2:]),
         "the request can be read"),
        (
            (*SOUND[:4], calls("find_fare", 2), calls("find_meal", 3), gives("none", 2), SOUND[4]),
            "every call was answered",
        ),
        (
            (*SOUND[:4], calls("list_trains", 2), gives('{"trains": [], "has_more": true}', 2),
             SOUND[4]),
            "what came in parts was read to its end",
        ),
        ((*SOUND[:-1], says("Seat 14C is booked for 512 kroner.")), "its figures are borne out"),
        (
            (*SOUND[:2], calls("find_seat"), gives('{"seat": "14C"}'),
             says("I have booked seat 14C on the 08:15.")),
            "its acts are borne out",
        ),
        (
            (*SOUND[:2], says("I have checked all trains, and the 08:15 is full, sorry.")),
            "what it says that it checked was looked at",
        ),
        (
            (*SOUND[:-1], says("The seat 14C is locked by another process, so I could not do it.")),
            "its obstacles are borne out",
        ),
        (
            (*SOUND[:2], says("I will book the seat on the 08:15 now.")),
            "what it announced was done",
        ),
        ((*SOUND[:2], says("Bergen is a fine town.")), "what it announced was done"),
        (
            (*SOUND[:2], calls("find_seat"), gives('{"seat": "14C"}'), says("Seat 14C is free.")),
            "what was asked is done, or declined with a reason",
        ),
        (
            (*SOUND[:2], calls("find_seat"), gives('{"free": 0}'),
             says("Unfortunately there is no seat left on the 08:15."),
             user("Then book me a seat on the 09:15."), says("You are welcome, have a good day.")),
            "what was asked is done, or declined with a reason",
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_check(messages: Sequence[Message], name: str) -> None:
    """One thing is wrong, and it is named."""
    assert name in unmet(messages)


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((*SOUND[:2], says("Gladly. For which day?")), id="asks back"),
        pytest.param(
            (*SOUND[:2], calls("find_seat"), gives('{"free": 0}'),
             says("Unfortunately there is no seat left on the 08:15.")),
            id="declines with a reason",
        ),
        pytest.param(
            (SYSTEM, user("Wie viele Plätze sind in dem Zug um 08:15 noch frei?"),
             calls("find_seats"), gives('{"free": 23}'), says("Es sind noch 23 Plätze frei.")),
            id="a question in another language, answered with what was observed",
        ),
        pytest.param(
            (SYSTEM, user("How many seats are left on both trains?"), calls("find_seats"),
             gives('{"first": 23, "second": 40}'), says("There are 63 seats left.")),
            id="a sum of what was observed",
        ),
        pytest.param(
            (*SOUND[:4], says("You have seat 14C for 349 kroner. "
                              "If there is an error, or if it was booked twice, tell me.")),
            id="a condition claims neither trouble nor an act",
        ),
        pytest.param(
            (*SOUND[:2], calls("find_seat"), gives('{"free": 0}'),
             says("It is full. I will transfer you to a human agent."),
             calls("transfer_to_human_agent", 2, summary="full"), gives("Transfer successful", 2)),
            id="a hand-over that was announced is made",
        ),
        pytest.param(
            (*SOUND[:2], calls("find_seat"), gives('{"free": 0}'),
             says("Unfortunately there is no seat left on the 08:15."),
             user("What a pity. Thanks anyway."), says("You are welcome, have a good day.")),
            id="declines in the course of a conversation",
        ),
    ],
)  # fmt: skip
def test_sound_runs_of_other_kinds(messages: Sequence[Message]) -> None:
    """What looks like a breach and is none."""
    assert unmet(messages) == []


def test_changes_in_a_conversation_make_an_acquittal_less_sure() -> None:
    """What a user wants comes out bit by bit; who changes nothing does no harm on the way."""
    again = (*SOUND, user("Thanks a lot, that is all."), says("You are welcome, good trip!"))
    looks = [
        calls("find_seat") if one is SOUND[2] else one
        for one in again
        if "booked" not in str(one["content"])
    ]
    sure, unsure, idle = map(acquittal_confidence, map(acquittal, (SOUND, again, looks)))
    assert unsure < 0.5 < min(sure, idle)
