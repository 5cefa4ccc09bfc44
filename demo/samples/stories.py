"""Seven runs of small agents: five go wrong, each in another way, and two end well.

Every story is told as the agent's own tracing would have recorded it. Names and texts are made
up; none of them says what the fault is.
"""

from __future__ import annotations

import json

from demo.samples.build import (
    Call,
    Raised,
    Said,
    Step,
    Story,
    agent,
    chain,
    function,
    http,
    llm,
    retriever,
    tool,
)
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import parse_time

QUOTES = "https://quotes.example/v2/last?symbols=NRD,HLX"


def _system(text: str) -> Said:
    return Said("system", text)


def _user(text: str) -> Said:
    return Said("user", text)


def _says(text: str) -> Said:
    return Said("assistant", text)


def _asks(*calls: Call) -> Said:
    return Said("assistant", None, calls)


def _told(call: Call, text: str) -> Said:
    return Said("tool", text, answers=call.id)


def help_centre() -> Story:
    """A shop's assistant searches the help pages, finds none, and answers all the same."""
    question = "I opened my laptop 40 days ago and have Care+. Can I still send it back?"
    query = "return window opened laptop Care+ plan"
    rewrite = (
        _system("Rewrite the customer's question as a search query. Reply with the query only."),
        _user(question),
    )
    grounded = (
        _system("Answer from the help pages below, and from nothing else.\n\nHelp pages:\n"),
        _user(question),
    )
    answer = (
        "Yes. With Care+ you have 60 days to send back an opened laptop, and the restocking fee "
        "of 15 % is waived. Print a label from your order page and drop the parcel off."
    )
    steps = (
        llm(rewrite, _says(query), ms=412),
        retriever(query, (), ms=38),
        llm(grounded, _says(answer), ms=1320),
    )
    return Story(
        "help-centre",
        "shop-assistant",
        parse_time("2026-03-02T09:14:07.120Z"),
        agent("help_centre_agent", question, answer, *steps),
    )


_FLIGHTS = function(
    "search_flights",
    "Flights between two airports on a day (YYYY-MM-DD).",
    origin="string",
    destination="string",
    date="string",
)
_HOTELS = function("search_hotels", "Hotels in a city from a day on.", city="string", date="string")
_TRIP_FLIGHT = Call(
    "call_7f21", "search_flights", {"origin": "LIS", "destination": "OSL", "date": "2026-02-30"}
)
_TRIP_HOTEL = Call("call_7f22", "search_hotels", {"city": "Oslo", "date": "2026-02-28"})
_TRIP_ERROR = "Error: ValueError: day is out of range for month"
_TRIP_HOTELS = json.dumps({"hotels": [{"name": "Fjordgata 9", "price_eur": 118}]})
_TRIP_TALK = (
    _system("You plan trips. Use the tools; never invent flights or prices."),
    _user("Lisbon to Oslo for the last two days of February, flight and hotel please."),
    _asks(_TRIP_FLIGHT),
    _told(_TRIP_FLIGHT, _TRIP_ERROR),
    _asks(_TRIP_HOTEL),
    _told(_TRIP_HOTEL, _TRIP_HOTELS),
    _says(
        "No airline flies from Lisbon to Oslo at the end of February. For the nights there I "
        "found Fjordgata 9 at 118 EUR."
    ),
)


def trip_planner() -> Story:
    """A trip planner asks for flights on 30 February; the search raises."""
    talk = _TRIP_TALK
    trace = (
        "Traceback (most recent call last):\n"
        '  File "tools/flights.py", line 31, in search_flights\n'
        '    day = datetime.strptime(date, "%Y-%m-%d")\n'
        "ValueError: day is out of range for month\n"
    )
    raised = Raised("ValueError", "day is out of range for month", trace)
    tools = (_FLIGHTS, _HOTELS)
    steps = (
        llm(talk[:2], talk[2], ms=903, tools=tools),
        tool(_TRIP_FLIGHT, None, ms=4, raised=raised),
        llm(talk[:4], talk[4], ms=688, tools=tools),
        tool(_TRIP_HOTEL, _TRIP_HOTELS, ms=231),
        llm(talk[:6], talk[6], ms=1104, tools=tools),
    )
    return Story(
        "trip-planner",
        "trip-planner",
        parse_time("2026-03-02T11:02:44.006Z"),
        agent("trip_agent", talk[1].content or "", talk[-1].content, *steps),
    )


def market_brief() -> Story:
    """A market brief needs quotes; the quote service throttles, then goes away."""
    call = Call("call_c410", "get_quotes", {"symbols": ["NRD", "HLX"]})
    schema = function("get_quotes", "Last traded prices.", symbols="array")
    raised = Raised("HTTPStatusError", f"503 Service Unavailable for {QUOTES}")
    requests = (
        http(QUOTES, 429, ms=61),
        http(QUOTES, 429, ms=58),
        http(QUOTES, 429, ms=63),
        http(QUOTES, 503, ms=2009),
    )
    talk = (
        _system("Write the morning brief. Every price must come from get_quotes."),
        _user("Morning brief for NRD and HLX."),
        _asks(call),
        _told(call, "HTTPStatusError: 503 Service Unavailable"),
        _says("I could not write the brief: prices are not available at the moment."),
    )
    steps = (
        llm(talk[:2], talk[2], ms=755, tools=(schema,)),
        tool(call, None, *requests, ms=1500, raised=raised),
        llm(talk[:4], talk[4], ms=640, tools=(schema,)),
    )
    return Story(
        "market-brief",
        "market-desk",
        parse_time("2026-03-03T06:30:00.518Z"),
        agent("brief_agent", talk[1].content or "", talk[-1].content, *steps),
    )


def stock_count() -> Story:
    """A stock keeper's tool answers with JSON that stops in the middle."""
    call = Call("call_19ab", "inventory_lookup", {"sku": "A-1009"})
    schema = function("inventory_lookup", "Stock of an article, by warehouse.", sku="string")
    cut = '{"sku": "A-1009", "warehouses": [{"id": "north", "on_hand": 41}, {"id": "sou'
    problem = "Unterminated string starting at: line 1 column 73 (char 72)"
    raised = Raised("json.decoder.JSONDecodeError", problem)
    talk = (
        _system("You answer stock questions from inventory_lookup, summed over all warehouses."),
        _user("How many of A-1009 do we have?"),
        _asks(call),
        _told(call, cut),
        _says("We have 41 of A-1009 in stock."),
    )
    steps = (
        llm(talk[:2], talk[2], ms=512, tools=(schema,)),
        tool(call, cut, ms=87),
        chain("parse_inventory", cut, None, raised=raised),
        llm(talk[:4], talk[4], ms=498, tools=(schema,)),
    )
    return Story(
        "stock-count",
        "warehouse",
        parse_time("2026-03-03T14:21:09.877Z"),
        agent("stock_agent", talk[1].content or "", talk[-1].content, *steps),
    )


def meeting_notes() -> Story:
    """A note taker is told to reply with one JSON object and replies with prose."""
    call = Call("call_5e03", "fetch_transcript", {"meeting": "2026-03-04-platform"})
    schema = function("fetch_transcript", "The transcript of a meeting.", meeting="string")
    spoken = json.dumps(
        {
            "lines": [
                {"who": "Ines", "text": "We ship the importer on the 12th, not before."},
                {"who": "Tomasz", "text": "Then I write the migration note by Friday."},
            ]
        }
    )
    talk = (
        _system(
            "Summarise the meeting. Respond only with a JSON object with the keys "
            '"decisions", "owners" and "due". Do not add any other text.'
        ),
        _user("Notes of 2026-03-04-platform, please."),
        _asks(call),
        _told(call, spoken),
        _says(
            "Sure! Here is what happened in the meeting:\n\n"
            "**Decisions**\n- The importer ships on the 12th.\n\n"
            "**Next steps**\n- Tomasz writes the migration note by Friday."
        ),
    )
    steps = (
        llm(talk[:2], talk[2], ms=571, tools=(schema,)),
        tool(call, spoken, ms=144),
        llm(talk[:4], talk[4], ms=1267, tools=(schema,)),
    )
    return Story(
        "meeting-notes",
        "note-taker",
        parse_time("2026-03-04T16:05:31.240Z"),
        agent("notes_agent", talk[1].content or "", talk[-1].content, *steps),
    )


def weather_alert() -> Story:
    """A forecast times out once; the same call a moment later answers."""
    asked: dict[str, JsonValue] = {"place": "Ericeira", "hours": 24}
    first = Call("call_88d0", "get_forecast", asked)
    again = Call("call_88d1", "get_forecast", asked)
    schema = function("get_forecast", "Wind and rain.", place="string", hours="integer")
    forecast = json.dumps({"place": "Ericeira", "gust_kmh": 74, "rain_mm": 3.2})
    late = "get_forecast gave no answer within 5.0 s"
    talk = (
        _system("Warn of gusts above 60 km/h. If a tool fails, try it once more."),
        _user("Any wind warning for Ericeira in the next 24 hours?"),
        _asks(first),
        _told(first, f"TimeoutError: {late}"),
        _asks(again),
        _told(again, forecast),
        _says("Yes: gusts of up to 74 km/h are forecast for Ericeira within 24 hours."),
    )
    steps = (
        llm(talk[:2], talk[2], ms=467, tools=(schema,)),
        tool(first, None, ms=5000, raised=Raised("TimeoutError", late)),
        llm(talk[:4], talk[4], ms=430, tools=(schema,)),
        tool(again, forecast, ms=612),
        llm(talk[:6], talk[6], ms=702, tools=(schema,)),
    )
    return Story(
        "weather-alert",
        "weather",
        parse_time("2026-03-05T07:48:55.031Z"),
        agent("weather_agent", talk[1].content or "", talk[-1].content, *steps),
    )


_EXPENSE = Call("call_d2b6", "convert", {"amount": 640, "from": "NOK", "to": "EUR"})
_EXPENSE_RATE = json.dumps({"amount": 55.04, "currency": "EUR", "rate": 0.086})
_EXPENSE_TALK = (
    _system(
        "You check expenses against the policy.\n\nPolicy:\n"
        "Dinner while travelling: up to 60 EUR a person.\n"
        "Foreign amounts count at the rate of the day of payment."
    ),
    _user("Is a dinner for 640 NOK on 5 March within policy?"),
    _asks(_EXPENSE),
    _told(_EXPENSE, _EXPENSE_RATE),
    _says("Yes. 640 NOK were 55.04 EUR on that day, below the limit of 60 EUR a person."),
)


def expense_check() -> Story:
    """An expense question is answered from the policy and a currency rate."""
    talk = _EXPENSE_TALK
    found = (
        ("policy-4.2", 0.87, "Dinner while travelling: up to 60 EUR a person."),
        ("policy-1.5", 0.74, "Foreign amounts count at the rate of the day of payment."),
        ("policy-4.3", 0.61, "Lunch while travelling: up to 25 EUR a person."),
    )
    schema = function(
        "convert",
        "An amount in another currency at the rate of the day.",
        **{"amount": "number", "from": "string", "to": "string"},
    )
    steps: tuple[Step, ...] = (
        retriever("dinner limit while travelling, foreign currency", found, ms=44),
        llm(talk[:2], talk[2], ms=820, tools=(schema,)),
        tool(_EXPENSE, _EXPENSE_RATE, ms=96),
        llm(talk[:4], talk[4], ms=934, tools=(schema,)),
    )
    return Story(
        "expense-check",
        "expenses",
        parse_time("2026-03-05T18:20:13.654Z"),
        agent("expense_agent", talk[1].content or "", talk[-1].content, *steps),
    )


STORIES = (
    help_centre,
    trip_planner,
    market_brief,
    stock_count,
    meeting_notes,
    weather_alert,
    expense_check,
)

CHATS = {"trip-planner-chat": _TRIP_TALK, "expense-check-chat": _EXPENSE_TALK}
"""Two of the runs once more as chat transcripts, by run id: no spans, no times, no exceptions."""

EXPECTED = {
    "help-centre": ("failure", "retrieval_failure"),
    "trip-planner": ("failure", "tool_failure"),
    "market-brief": ("failure", "upstream_dependency_failure"),
    "stock-count": ("failure", "data_schema_mismatch"),
    "meeting-notes": ("failure", "instruction_failure"),
    "weather-alert": ("no_failure", None),
    "expense-check": ("no_failure", None),
    "trip-planner-chat": ("failure", "tool_failure"),
    "expense-check-chat": ("no_failure", None),
}
"""What each trace shows, by story or run id: the outcome and the primary label."""
