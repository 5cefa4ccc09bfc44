"""Every control of the airline example: one conversation that breaks it, one that keeps it."""

from __future__ import annotations

import pytest

from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.controls.terms import Verdict
from investigator.ground.canonical_json import JsonValue
from tests.builders import readings
from tests.controls.policy_chat import Turn, call, chat, says, user

LIBRARY = load_library("airline-example")

ADA: JsonValue = {
    "membership": "regular",
    "payment_methods": {
        "credit_card_1": {"id": "credit_card_1"},
        "gift_card_1": {"id": "gift_card_1"},
        "certificate_1": {"id": "certificate_1"},
    },
}
GOLD: JsonValue = {"membership": "gold", "payment_methods": {}}
LEGS: list[JsonValue] = [
    {"origin": "OSL", "destination": "CDG", "flight_number": "F1", "date": "2024-05-20"},
    {"origin": "CDG", "destination": "LIS", "flight_number": "F2", "date": "2024-05-21"},
]
FLOWN: list[JsonValue] = [
    {"origin": "OSL", "destination": "LIS", "flight_number": "F1", "date": "2024-05-13"}
]
PAID: list[JsonValue] = [{"payment_id": "gift_card_1", "amount": 200}]
TRIP: dict[str, JsonValue] = {
    "reservation_id": "R1",
    "user_id": "ada_1",
    "origin": "OSL",
    "destination": "LIS",
    "flight_type": "one_way",
    "payment_history": PAID,
    "cabin": "economy",
    "insurance": "no",
    "created_at": "2024-05-01T10:00:00",
    "passengers": [{"first_name": "Ada"}, {"first_name": "Bob"}],
    "total_baggages": 2,
    "flights": LEGS,
}

HELLO = user("I am ada_1 and need help with R1.")
PROFILE = call("get_user_details", ADA, user_id="ada_1")
YES = [says("I will do this for R1. Shall I proceed?"), user("Yes, please.")]


def read(**changed: JsonValue) -> Turn:
    """The reservation is read, in this state."""
    return call("get_reservation_details", TRIP | changed, reservation_id="R1")


def book(*methods: str, passengers: int = 1, user_id: str = "ada_1", **more: JsonValue) -> Turn:
    """A booking that is paid with these methods."""
    people: list[JsonValue] = [
        {"first_name": str(i), "last_name": "Byron", "dob": "1990-04-05"} for i in range(passengers)
    ]
    paid: list[JsonValue] = [{"payment_id": m, "amount": 1} for m in methods or ("gift_card_1",)]
    told: dict[str, JsonValue] = {
        "user_id": user_id,
        "passengers": people,
        "payment_methods": paid,
        "flights": [{"flight_number": "F1", "date": "2024-05-20"}],
        "cabin": "economy",
        "total_baggages": 0,
        "nonfree_baggages": 0,
        "insurance": "no",
    }
    return call("book_reservation", {}, **(told | more))


def fly(
    *numbers: str, paid: str = "gift_card_1", gave: JsonValue = None, cabin: str = "economy"
) -> Turn:
    """A change to these flights."""
    dates = {"F1": "2024-05-20", "F2": "2024-05-21"}
    flights: list[JsonValue] = [
        {"flight_number": n, "date": dates.get(n, "2024-05-22")} for n in numbers
    ]
    return call(
        "update_reservation_flights",
        TRIP if gave is None else gave,
        reservation_id="R1",
        flights=flights,
        payment_id=paid,
        cabin=cabin,
    )


def charged(amount: int) -> JsonValue:
    """What a change gives back that cost so much."""
    more: JsonValue = {"payment_id": "gift_card_1", "amount": amount}
    return {**TRIP, "payment_history": [*PAID, more]}


def bags(total: int, *, paid_for: int) -> Turn:
    """A change to so many bags."""
    return call(BAGS, reservation_id="R1", total_baggages=total, nonfree_baggages=paid_for)


def certificate(amount: int) -> Turn:
    """A certificate of so much."""
    return call("send_certificate", "sent", user_id="ada_1", amount=amount)


CANCEL = call("cancel_reservation", TRIP, reservation_id="R1")
BAGS = "update_reservation_baggages"
PEOPLE = "update_reservation_passengers"
CERTIFICATE = call("send_certificate", "sent", user_id="ada_1", amount=100)
HAND_OVER = call("transfer_to_human_agents", "done", summary="…")
ELSEWHERE: JsonValue = TRIP | {"flights": [LEGS[0]]}
TWO = call("get_user_details", {"reservations": ["R1", "R2"]}, user_id="ada_1")
OTHER = call("get_reservation_details", TRIP | {"reservation_id": "R2"}, reservation_id="R2")
SEARCH = call("search_direct_flight", LEGS, origin="OSL", destination="CDG")
LATE = user("My flight was delayed, I want compensation.")
SORRY = says("I am sorry, I cannot help.")

CASES: dict[str, tuple[list[Turn], list[Turn]]] = {
    "airline.user-gave-id": ([user("Cancel R1"), read(), CANCEL], [HELLO, read(), CANCEL]),
    "airline.booking-for-the-speaker": ([user("Book me"), book()], [HELLO, book()]),
    "airline.confirmed-first": (
        [HELLO, says("Which card?"), user("The gift card."), book()],
        [HELLO, *YES, book()],
    ),
    "airline.one-call-at-a-time": ([HELLO, says("", read(), PROFILE)], [HELLO, read(), PROFILE]),
    "airline.no-reply-with-call": ([HELLO, says("I look.", read())], [HELLO, says("Hm."), read()]),
    "airline.read-before-change": ([HELLO, CANCEL], [HELLO, read(), CANCEL]),
    "airline.passenger-limit": ([HELLO, book(passengers=6)], [HELLO, book(passengers=5)]),
    "airline.booking-payment-mix": (
        [HELLO, book("certificate_1", "certificate_2")],
        [HELLO, book("certificate_1", "credit_card_1", "gift_card_1", "gift_card_2")],
    ),
    "airline.booking-payment-on-file": (
        [HELLO, PROFILE, book("credit_card_9")],
        [HELLO, PROFILE, book("credit_card_1", "certificate_1")],
    ),
    "airline.change-payment": (
        [HELLO, PROFILE, read(), fly("F1", paid="certificate_1")],
        [HELLO, PROFILE, read(), fly("F1", paid="credit_card_1")],
    ),
    "airline.basic-economy-fixed": (
        [HELLO, read(cabin="basic_economy"), fly("F1", "F3")],
        [HELLO, read(cabin="basic_economy"), fly("F1", "F2")],
    ),
    "airline.route-unchanged": (
        [HELLO, read(), fly("F1", gave=ELSEWHERE)],
        [HELLO, read(), fly("F1", "F2")],
    ),
    "airline.cancel-allowed": (
        [HELLO, read(insurance="yes"), user("My plans changed."), CANCEL],
        [HELLO, read(insurance="yes"), user("I am ill."), CANCEL],
    ),
    "airline.passenger-count-unchanged": (
        [HELLO, read(), call(PEOPLE, reservation_id="R1", passengers=[{"first_name": "Ada"}])],
        [HELLO, read(), call(PEOPLE, reservation_id="R1", passengers=TRIP["passengers"])],
    ),
    "airline.bags-only-added": (
        [HELLO, read(), call(BAGS, reservation_id="R1", total_baggages=1)],
        [HELLO, read(), call(BAGS, reservation_id="R1", total_baggages=3)],
    ),
    "airline.compensation-eligible": (
        [HELLO, user("Compensate me."), PROFILE, read(), CERTIFICATE],
        [HELLO, user("Compensate me."), PROFILE, read(cabin="business"), CERTIFICATE],
    ),
    "airline.no-proactive-compensation": (
        [HELLO, says("I can offer you a certificate.")],
        [HELLO, user("I want compensation."), says("I can offer you a certificate.")],
    ),
    "airline.nothing-after-hand-over": ([HELLO, HAND_OVER, CANCEL], [HELLO, CANCEL, HAND_OVER]),
    "airline.hand-over-with-cause": ([HELLO, HAND_OVER], [HELLO, read(), HAND_OVER]),
    "airline.case-looked-at": (
        [user("Cancel my flight."), SORRY],
        [user("Cancel my flight."), read(), SORRY],
    ),
    "airline.reservation-found-for-the-user": (
        [user("I am ada_1. I don't have the reservation number."), SORRY],
        [user("I am ada_1. I don't have the reservation number."), PROFILE, SORRY],
    ),
    "airline.all-reservations-read": (
        [user("Cancel all my flights."), TWO, read(), SORRY],
        [user("Cancel all my flights."), TWO, read(), OTHER, SORRY],
    ),
    "airline.profile-is-readable": (
        [HELLO, says("I am unable to access your gift card balance.")],
        [HELLO, PROFILE, says("I cannot check the balance of another bank, only your profile.")],
    ),
    "airline.tier-from-profile": (
        [HELLO, says("As a gold member you have three bags.")],
        [HELLO, says("If you are a gold member, you have three bags."), PROFILE],
    ),
    "airline.profile-before-booking": ([HELLO, book()], [HELLO, PROFILE, book()]),
    "airline.booking-free-bags": (
        [HELLO, PROFILE, book(total_baggages=3, nonfree_baggages=0, passengers=2)],
        [HELLO, PROFILE, book(total_baggages=3, nonfree_baggages=1, passengers=2)],
    ),
    "airline.change-free-bags": (
        [HELLO, PROFILE, read(), bags(3, paid_for=3)],
        [HELLO, PROFILE, read(), bags(3, paid_for=1)],
    ),
    "airline.bags-asked-for": (
        [HELLO, book(total_baggages=2)],
        [HELLO, user("With two bags."), book(total_baggages=2)],
    ),
    "airline.insurance-offered": (
        [HELLO, says("Which cabin?"), book()],
        [HELLO, says("Do you want insurance?"), user("No."), book()],
    ),
    "airline.passengers-as-given": (
        [HELLO, user("For 0 Byron."), book()],
        [HELLO, user("For 0 Byron, born April 5, 1990."), book()],
    ),
    "airline.flights-looked-up": ([HELLO, book()], [HELLO, SEARCH, book()]),
    "airline.named-reservation": (
        [user("I am ada_1. Cancel my trip."), read(), says("Sure?"), user("Yes."), CANCEL],
        [user("I am ada_1. Cancel my trip."), read(), says("R1?"), user("Yes."), CANCEL],
    ),
    "airline.cabin-as-asked": (
        [HELLO, read(), fly("F1", "F3", cabin="business")],
        [HELLO, read(), user("To business, please."), fly("F1", "F2", cabin="business")],
    ),
    "airline.charge-told-first": (
        [HELLO, read(), says("It costs more."), fly("F1", "F3", gave=charged(1080))],
        [HELLO, read(), says("That is $1,080."), fly("F1", "F3", gave=charged(1080))],
    ),
    "airline.not-flown": ([HELLO, read(flights=FLOWN), CANCEL], [HELLO, read(), CANCEL]),
    "airline.cancel-reason": (
        [HELLO, read(), says("Sure?"), user("Yes."), CANCEL],
        [HELLO, read(), says("What is the reason?"), user("None."), CANCEL],
    ),
    "airline.cancelled-where-due": (
        [user("I am ada_1, cancel R1."), read(cabin="business"), SORRY],
        [user("I am ada_1, cancel R1."), read(cabin="business"), CANCEL],
    ),
    "airline.cabin-change-is-possible": (
        [HELLO, says("Basic economy cannot be upgraded.")],
        [HELLO, says("Basic economy flights cannot be changed, but you can upgrade.")],
    ),
    "airline.same-cabin-for-all": (
        [HELLO, says("Upgrading just one passenger to business will cost $90.")],
        [HELLO, says("Upgrading both passengers to business will cost $180.")],
    ),
    "airline.compensation-amount": (
        [HELLO, LATE, read(), certificate(200)],
        [HELLO, LATE, read(), certificate(100)],
    ),
    "airline.compensation-after-change": (
        [HELLO, LATE, read(), certificate(100)],
        [HELLO, LATE, read(), CANCEL, certificate(100)],
    ),
}


def judged(control_id: str, *turns: Turn) -> Verdict:
    """The verdict of one control on a conversation."""
    control = LIBRARY.get(control_id)
    assert control is not None
    return evaluate(control, readings(chat(*turns))).verdict


def test_every_control_has_its_cases() -> None:
    """A new control comes with a conversation that breaks it and one that keeps it."""
    assert {control.control_id for control in LIBRARY.controls} == set(CASES)


@pytest.mark.parametrize("control_id", CASES)
def test_a_breach_fails_and_the_rest_passes(control_id: str) -> None:
    """The two conversations differ in little but the breach."""
    broken, kept = CASES[control_id]
    assert judged(control_id, *broken) is Verdict.FAIL
    assert judged(control_id, *kept) is Verdict.PASS


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([read(cabin="business"), CANCEL], Verdict.PASS),
        ([read(created_at="2024-05-15T10:00:00"), CANCEL], Verdict.PASS),
        ([read(), user("You cancelled my flight!"), CANCEL], Verdict.PASS),
        ([read(), user("Can you cancel my flight?"), CANCEL], Verdict.FAIL),
        ([CANCEL], Verdict.INSUFFICIENT_EVIDENCE),
        ([read()], Verdict.NOT_APPLICABLE),
    ],
)
def test_each_reason_to_cancel_is_known(turns: list[Turn], expected: Verdict) -> None:
    """Without the reservation nothing can be said; without a cancellation nothing is asked."""
    assert judged("airline.cancel-allowed", HELLO, *turns) is expected


def test_members_may_be_compensated_too() -> None:
    """Whatever they fly; but only where they asked."""
    gold = call("get_user_details", GOLD, user_id="ada_1")
    asked = [HELLO, user("I'd like a voucher."), gold, read(), CERTIFICATE]
    assert judged("airline.compensation-eligible", *asked) is Verdict.PASS
    assert judged("airline.compensation-eligible", HELLO, gold, CERTIFICATE) is Verdict.FAIL


def test_a_user_who_asks_for_a_person_is_handed_over() -> None:
    """Without a look at the case."""
    turns = [user("I want a human agent!"), HAND_OVER]
    assert judged("airline.hand-over-with-cause", *turns) is Verdict.PASS


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([read(cabin="business", flights=FLOWN), SORRY], Verdict.PASS),
        ([read(created_at="2024-05-15T10:00:00"), SORRY], Verdict.FAIL),
        ([read(insurance="yes"), user("I am ill."), SORRY], Verdict.FAIL),
        ([read(insurance="yes"), user("My plans changed."), SORRY], Verdict.PASS),
        ([read(), SORRY], Verdict.PASS),
    ],
)
def test_what_is_due_follows_from_the_same_terms(turns: list[Turn], expected: Verdict) -> None:
    """Who was refused what the terms give was wronged; who was refused rightly was not."""
    asked = user("I am ada_1. Please cancel R1.")
    assert judged("airline.cancelled-where-due", asked, *turns) is expected


def test_bags_are_counted_by_the_cabin_that_was_changed_before() -> None:
    """The reservation that a change gives back may still show the old one."""
    raised = fly("F1", "F2", cabin="business")
    turns = [HELLO, PROFILE, read(), raised]
    assert judged("airline.change-free-bags", *turns, bags(4, paid_for=0)) is Verdict.PASS
    assert judged("airline.change-free-bags", *turns, bags(5, paid_for=0)) is Verdict.FAIL


def test_flights_may_change_once_the_cabin_was_raised() -> None:
    """Basic economy that was upgraded before is basic economy no more."""
    turns = [HELLO, read(cabin="basic_economy"), fly("F1", "F2"), fly("F1", "F3")]
    assert judged("airline.basic-economy-fixed", *turns) is Verdict.PASS


def test_a_round_trip_leads_back() -> None:
    """Without the way back it is another trip."""
    there: JsonValue = TRIP | {"flight_type": "round_trip"}
    turns = [HELLO, read(flight_type="round_trip"), fly("F1", "F2", gave=there)]
    assert judged("airline.route-unchanged", *turns) is Verdict.FAIL
    back: JsonValue = {"origin": "LIS", "destination": "OSL"}
    home = {**TRIP, "flight_type": "round_trip", "flights": [*LEGS, back]}
    turns = [HELLO, read(flight_type="round_trip"), fly("F1", "F2", gave=home)]
    assert judged("airline.route-unchanged", *turns) is Verdict.PASS
