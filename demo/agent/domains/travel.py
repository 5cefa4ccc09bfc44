"""A trip planner: trains and fares from services, notes on stations from a store."""

from __future__ import annotations

import re
from random import Random

from demo.agent.documents import Document
from demo.agent.domain import Domain, Habits, Library, Need, Slips
from demo.agent.model import Call, Talk
from demo.agent.records import checked
from demo.agent.tools import Arguments, Parameter, Tool, fetched
from investigator.ground.canonical_json import JsonValue

_INSTRUCTIONS = """You plan train trips for the customers of Meridian Rail.
Keep replies under 70 words. Write in English.
Always give the price with its currency code, for example "42.00 EUR".
Do not mention Skyhop or any other airline."""

_CITIES = ("Lyon", "Torino", "Basel", "Girona", "Leuven")
_STATION = {"Lyon": "Part-Dieu", "Torino": "Porta Susa", "Basel": "SBB", "Girona": "Central",
            "Leuven": "Main"}  # fmt: skip
_CLASSES = ("standard", "first")
_TRIP = re.compile(r"from (\w+) to (\w+) on (\d{4}-\d\d-\d\d)")
_LOCKERS = re.compile(r"lockers? (?:is|are) on (level \d)")
_PRICE = re.compile(r"\d+\.\d\d? EUR")


def _documents(level: int, expires_on: str) -> tuple[Document, ...]:
    return tuple(
        document
        for number, city in enumerate(_CITIES)
        for document in (
            Document(
                f"st-{city.lower()}-1",
                f"{city} {_STATION[city]} station: luggage lockers are on level "
                f"{(number + level) % 5}, open from 06:00 to 22:00.",
                {"station": city, "expires_on": expires_on},
            ),
            Document(
                f"st-{city.lower()}-2",
                f"{city} station: taxis and trams leave from the east side of the square.",
                {"station": city, "expires_on": expires_on},
            ),
        )
    )


def _trains(path: str) -> JsonValue:
    rng = Random(path)
    origin, destination, day = path.split("/")
    return {
        "train_id": f"{rng.choice(['IC', 'EC', 'TR'])}{rng.randrange(100, 999)}",
        "origin": origin,
        "destination": destination,
        "departure": f"{day}T{rng.randrange(6, 20):02d}:{rng.randrange(10, 59)}:00",
        "duration_minutes": rng.randrange(60, 400),
    }


def _fare(path: str) -> JsonValue:
    rng = Random(path)
    train_id, travel_class = path.split("/")
    price = round(rng.uniform(20, 180), 2)
    return {"train_id": train_id, "class": travel_class, "price": price, "currency": "EUR"}


def _question(rng: Random) -> str:
    origin, destination = rng.sample(_CITIES, 2)
    day = f"2026-{rng.randrange(4, 9):02d}-{rng.randrange(1, 29):02d}"
    return (
        f"Which train goes from {origin} to {destination} on {day} in {rng.choice(_CLASSES)} "
        f"class, what does it cost, and where are the luggage lockers at {destination} station?"
    )


def _trip(talk: Talk) -> tuple[str, str, str]:
    found = _TRIP.search(talk.question)
    assert found is not None
    return found[1], found[2], found[3]


def _trip_arguments(talk: Talk) -> Arguments:
    origin, destination, day = _trip(talk)
    return {"origin": origin, "destination": destination, "day": day}


def _fare_arguments(talk: Talk) -> Arguments:
    train = talk.record("search_trains") or talk.record("search_coaches")
    wanted = next(c for c in _CLASSES if f"{c} class" in talk.question)
    return {"train_id": train.get("train_id"), "travel_class": wanted}


def _answer(talk: Talk) -> str:
    train = talk.record("search_trains") or talk.record("search_coaches")
    fare = talk.record("get_fare")
    origin, destination, _ = _trip(talk)
    about = (line for line in talk.context.splitlines() if f"] {destination}" in line)
    lockers = next(filter(None, map(_LOCKERS.search, about)), None)
    luggage = (
        f"The luggage lockers at {destination} are on {lockers[1]}."
        if lockers
        else f"I found nothing about luggage lockers at {destination}."
    )
    return (
        f"Take train {train.get('train_id')} from {origin} to {destination}: it leaves at "
        f"{str(train.get('departure'))[11:16]} and takes {train.get('duration_minutes')} minutes. "
        f"A ticket costs {fare.get('price')} {fare.get('currency')}. {luggage}"
    )


def _foreign(talk: Talk) -> str:
    train, fare = talk.record("search_trains"), talk.record("get_fare")
    origin, destination, _ = _trip(talk)
    return (
        f"Prenez le train {train.get('train_id')} de {origin} à {destination} : il part à "
        f"{str(train.get('departure'))[11:16]} et le billet coûte {fare.get('price')} "
        f"{fare.get('currency')}. Les consignes pour les bagages sont dans la gare."
    )


_TRIP_PARAMETERS = (
    Parameter("origin", "string", "City of departure"),
    Parameter("destination", "string", "City of arrival"),
    Parameter("day", "string", "Day of travel", pattern=r"\d{4}-\d\d-\d\d"),
)

TRAVEL = Domain(
    agent="trip-planner",
    host="api.meridian.example",
    instructions=_INSTRUCTIONS,
    tools=(
        Tool(
            "search_trains",
            "The best train between two cities on a day.",
            _TRIP_PARAMETERS,
            fetched("/trains/{origin}/{destination}/{day}"),
        ),
        Tool(
            "search_coaches",
            "The best coach between two cities on a day, for when no train is found.",
            _TRIP_PARAMETERS,
            fetched("/coaches/{origin}/{destination}/{day}"),
        ),
        Tool(
            "get_fare",
            "The price of a train in a class.",
            (
                Parameter("train_id", "string", "Such as IC512", pattern=r"[A-Z]{2}\d{3}"),
                Parameter("travel_class", "string", "The class", choices=_CLASSES),
            ),
            fetched("/fares/{train_id}/{travel_class}"),
        ),
    ),
    needs=(
        Need("search_trains", _trip_arguments, "search_coaches"),
        Need("get_fare", _fare_arguments),
    ),
    routes={"/trains/": _trains, "/coaches/": _trains, "/fares/": _fare},
    question=_question,
    answer=_answer,
    sorry=lambda tool: (
        "I am sorry, I could not get the "
        + ("fare" if tool == "get_fare" else "train connection")
        + " for your trip. Please try again later."
    ),
    slips=Slips(
        unknown_tool="book_hotel",
        misfit=lambda talk: Call(
            "get_fare", {"train_id": _trip(talk)[1], "travel_class": "standard"}
        ),
        forbidden="Alternatively, Skyhop flies there in about an hour.",
        off_task="A good pasta needs plenty of salted water. Cook the noodles until they are firm, "
        "keep a cup of the liquid and stir it into the sauce with olive oil.",
        careless=lambda text: _PRICE.sub("about forty", text),
        foreign=_foreign,
    ),
    habits=Habits(spans_http=True),
    library=Library(
        collection="station-notes",
        documents=_documents(2, "2027-03-31"),
        old=_documents(4, "2022-12-31"),
        where=lambda question: {"station": _TRIP.search(question)[2]},  # type: ignore[index]
        elsewhere={"station": "Antwerpen"},
        limit=2,
    ),
    readers={
        "search_trains": checked(
            "Train",
            {
                "train_id": "str",
                "origin": "str",
                "destination": "str",
                "departure": "str",
                "duration_minutes": "int",
            },
        ),
        "get_fare": checked(
            "Fare", {"train_id": "str", "class": _CLASSES, "price": "number", "currency": ("EUR",)}
        ),
    },
)
