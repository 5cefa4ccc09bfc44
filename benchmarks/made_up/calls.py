"""Made-up runs about calls: how they fail, pair up, end, are claimed, repeated, refused and read.

Wordings, tools and envelopes are written as other authors would, not after the detectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from benchmarks.made_up.case import Case, Said, asks, calls, gives, says, sick, system, user, well
from investigator.ground.canonical_json import JsonValue

TOOL_FAULTS = (
    "exception timeout tool_timeout rate_limit auth not_found http_error rejected_request"
    " misconfigured connection parse_error wrong_query failed_code missing_capability bad_arguments"
    " unsupported_input ignored_tool_error claimed_act empty_retrieval resource_exhausted"
    " schema_mismatch unknown_tool failed_retrieval unsupported_claim"
)
CITIES = ("Leipzig", "Porto", "Gdansk", "Lyon", "Bergamo", "Tampere")
NAMES = ("Okafor", "Lindqvist", "Marchetti", "Dubois", "Yilmaz", "Novak")


def _record(**fields: JsonValue) -> str:
    return json.dumps(fields)


def _large(r: Random, **fields: JsonValue) -> str:
    rows: list[JsonValue] = [{"line": n, "text": f"entry {r.random():.6f}"} for n in range(600)]
    return json.dumps({"trace": rows, **fields})


def failures(r: Random) -> Iterator[Case]:
    """1: a failure inside a structured result, and results that only look like one."""
    city, number = r.choice(CITIES), r.randint(1000, 9999)
    message = r.choice(
        ("upstream connect failure", "quota service offline", "ledger is locked by another job",
         "could not obtain a lease", "shard 4 is not reachable")
    )  # fmt: skip
    envelopes = {
        "mcp": _record(content=[{"type": "text", "text": message}], isError=True),
        "json-rpc": _record(jsonrpc="2.0", id=4, error={"code": -32001, "message": message}),
        "ok": _record(ok=False, error=message),
        "success": _record(success=False, detail=message),
        "status": _record(status="failed", data=None, message=message),
        "exit code": _record(exit_code=2, stdout="", stderr=message),
        "returncode": _record(returncode=1, output=message),
        "nested": _record(result={"error": {"type": "Unavailable", "detail": message}}),
        "graphql": _record(data=None, errors=[{"message": message, "path": ["stock"]}]),
        "lambda": _record(statusCode=502, body=_record(message="Internal server error")),
        "problem": _record(type="about:blank", title="Service Unavailable", status=503),
        "text in blocks": _record(content=[{"type": "text", "text": f"Error: {message}"}]),
        "json in json": _record(output=_record(success=False, reason=message)),
        "large": _large(r, ok=False, error=message),
        "large mcp": _record(
            content=[{"type": "text", "text": "x" * 25_000}, {"type": "text", "text": message}],
            isError=True,
        ),
        "shell": f"bash: line 1: stockctl-{number}: command not found",
        "shell 2": f"cat: /srv/stock/{city.lower()}.csv: Permission denied",
        "git": "fatal: not a git repository (or any of the parent directories): .git",
        "curl": "curl: (7) Failed to connect to stock.internal port 443: Connection refused",
        "postgres": 'ERROR:  relation "stock_levels" does not exist\nLINE 1: select qty from stock',
        "mysql": "ERROR 1054 (42S22): Unknown column 'qty_now' in 'field list'",
        "oracle": "ORA-00942: table or view does not exist",
        "sqlite": "sqlite3.OperationalError: no such column: qty_now",
        "gateway page": "<html><head><title>504 Gateway Time-out</title></head><body><center>"
        "<h1>504 Gateway Time-out</h1></center></body></html>",
        "challenge": "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
        "<noscript>Enable JavaScript and cookies to continue</noscript></body></html>",
        "login": "<html><head><title>Sign in</title></head><body><form action='/login'>"
        "<input name='user'><input type='password' name='pw'></form></body></html>",
    }
    ask = user(f"How many units of article {number} do we have in {city}?")
    head = system("You answer questions about stock with the tools that you have.")
    lie = says(f"There are {r.randint(12, 90)} units of article {number} in {city}.")
    for kind, result in envelopes.items():
        tool = "run_sql" if kind in ("postgres", "mysql", "oracle", "sqlite") else "stock_level"
        tool = "shell" if kind.startswith(("shell", "git", "curl")) else tool
        asked = calls(tool, article=number, place=city)
        yield sick(kind, TOOL_FAULTS, (2, 3, 4), head, ask, asked, gives(result), lie)
    yield from _no_failures(r, head, ask, number, city)


def _no_failures(r: Random, head: Said, ask: Said, number: int, city: str) -> Iterator[Case]:
    asked = calls("stock_level", article=number, place=city)
    units = r.randint(12, 90)
    right = says(f"There are {units} units of article {number} in {city}.")
    for kind, result in {
        "null error": _record(ok=True, error=None, units=units),
        "no errors": _record(data={"units": units}, errors=[]),
        "error rate": _record(units=units, error_rate=0.02, failed=0),
        "exit zero": _record(exit_code=0, stdout=f"{units}", stderr=""),
        "a warning": _record(units=units, warnings=["counted two days ago"]),
    }.items():
        yield well(kind, head, ask, asked, gives(result), right)
    site = f"https://shop.example/{city.lower()}"
    links = user(f"Which of {site} and {site}/sale are dead links?")
    checked = asks(
        "",
        ("a", "fetch_url", {"url": site}),
        ("b", "fetch_url", {"url": f"{site}/sale"}),
    )
    dead = gives(_record(status=404, body="<html><title>404 Not Found</title></html>"), "b")
    for words in (f"{site}/sale is dead (404).", f"Only {site}/sale: that page does not exist."):
        yield well("dead link", head, links, checked, gives(_record(status=200), "a"), dead,
                   says(words))  # fmt: skip
    tests = user("Run the tests and tell me which fail.")
    report = _record(exit_code=1, stdout=f"FAILED test_{city.lower()} - assert 1 == 2\n1 failed")
    yield well("failing test", head, tests, calls("shell", command="pytest"), gives(report),
               says(f"One test fails: test_{city.lower()}."))  # fmt: skip


def pairing(r: Random) -> Iterator[Case]:
    """2: calls and results pair up."""
    one, two = r.sample(CITIES, 2)
    head = system("You are a travel helper.")
    ask = user(f"What is the weather in {one} and in {two}?")
    both = asks("", ("w1", "get_weather", {"city": one}), ("w2", "get_weather", {"city": two}))
    sunny, rain = gives(f"{one}: 21 degrees, sunny", "w1"), gives(f"{two}: 12 degrees, rain", "w2")
    guess = says(f"{one} has 21 degrees and sun, {two} about the same.")
    yield sick("dropped parallel call", "unanswered_call", (2,), head, ask, both, sunny, guess)
    stray = gives(f"{two}: 12 degrees, rain", "w9")
    yield sick("stray result", "mismatched_result unanswered_call", (2, 3, 4, 5), head, ask, both,
               sunny, stray, says(f"{one}: 21 degrees, {two}: 12 degrees."))  # fmt: skip
    twice = asks("", ("w1", "get_weather", {"city": one}), ("w1", "get_weather", {"city": two}))
    yield sick("one id twice", "mismatched_result unanswered_call", (2, 3, 4, 5), head, ask, twice,
               sunny, gives(f"{two}: 12 degrees, rain", "w1"), says(f"{one}: 21."))  # fmt: skip
    fine = says(f"{one}: 21 degrees and sun; {two}: 12 degrees and rain.")
    yield well("both answered", head, ask, both, sunny, rain, fine)
    yield well("other order", head, ask, both, rain, sunny, fine)
    yield well("one after the other", head, ask, calls("get_weather", "", "w1", city=one), sunny,
               calls("get_weather", "", "w2", city=two), rain, fine)  # fmt: skip


def endings(r: Random) -> Iterator[Case]:
    """3: abnormal end of a model call."""
    head = system("You summarise documents.")
    city = r.choice(CITIES)
    ask = user(f"Summarise what the harbour report says about {city}.")
    part = says(f"The harbour of {city} handled")
    for reason in ("content_filter", "SAFETY", "RECITATION", "refusal", "guardrail_intervened",
                   "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "content_filtered"):  # fmt: skip
        yield sick(reason, "blocked_output", (2,), head, ask, part, ended={2: reason})
    for reason in ("MALFORMED_FUNCTION_CALL", "malformed_function_call", "malformed_tool_use"):
        yield sick(reason, "malformed_call", (2,), head, ask, says(""), ended={2: reason})
    for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length"):
        yield sick(reason, "truncated_output", (2,), head, ask, part, ended={2: reason})
    for reason in ("stop", "end_turn", "STOP"):
        yield sick(f"empty, {reason}", "empty_output", (2,), head, ask, says(""), ended={2: reason})
    yield sick("pause", "incomplete_run blocked_output truncated_output", (2,), head, ask,
               says("Let me look into this."), ended={2: "pause_turn"})  # fmt: skip
    whole = says(f"The harbour of {city} handled nine million tons, a tenth more than before.")
    for reason in ("stop", "end_turn", "STOP", "stop_sequence", "COMPLETE", "eos", "FINISHED"):
        yield well(reason, head, ask, whole, ended={2: reason})
    found = calls("open_report", city=city)
    for reason in ("tool_calls", "tool_use", "function_call", "STOP"):
        yield well(f"call, {reason}", head, ask, found, gives(str(whole["content"])), whole,
                   ended={2: reason, 4: "stop"})  # fmt: skip


def claims(r: Random) -> Iterator[Case]:
    """4: said, not done."""
    name, number = r.choice(NAMES), r.randint(10_000, 99_999)
    desk = system("You are a service desk. Tools: cancel_order, send_mail, read_file, search_code.")
    offered = ("cancel_order", "send_mail", "read_file", "search_code")
    ask = user(f"Please cancel order {number} for {name} and let me know.")
    for text in (
        f"I've gone ahead and cancelled order {number}. Anything else?",
        f"Done - order {number} has been cancelled.",
        f"Your order {number} was successfully cancelled, and {name} has been informed.",
        f"All set! I have cancelled the order {number} for {name}.",
    ):
        case = sick("claimed without a call", "claimed_act", (2,), desk, ask, says(text))
        yield _offering(case, offered)
    look = user("Does any file of this project still use the old logger?")
    for text in (
        "I checked every file and none of them uses the old logger.",
        "I've searched the whole code base: the old logger is gone.",
        "After reviewing all the files, I can confirm that nothing uses it any more.",
        "I went through each module carefully and found no use of the old logger.",
    ):
        case = sick("claimed look", "claimed_act unsupported_answer", (2,), desk, look, says(text))
        yield _offering(case, offered)
    refused = gives(_record(success=False, error=f"order {number} is already shipped"))
    cancel = calls("cancel_order", order=number)
    for text in (
        f"I've cancelled order {number} for you.",
        f"Order {number} has been cancelled as requested.",
        f"Good news: the order {number} is now cancelled.",
    ):
        yield sick("claimed after a failure", TOOL_FAULTS, (2, 3, 4), desk, ask, cancel, refused,
                   says(text))  # fmt: skip
    for text in (
        "<tool_call>" + _record(name="cancel_order", arguments={"order": number}) + "</tool_call>",
        f'cancel_order(order="{number}")',
        "```json\n" + _record(tool="cancel_order", parameters={"order": number}) + "\n```",
        _record(action="cancel_order", action_input={"order": number}),
    ):
        yield _offering(sick("written call", "written_call", (2,), desk, ask, says(text)), offered)
    own = (
        'Action: read_file\nAction Input: {"path": "log.py"}\nObservation: import structlog\n'
        "Final Answer: it is gone."
    )
    case = sick("own observation", "invented_observation", (2,), desk, look, says(own))
    yield _offering(case, offered)
    worked = gives(_record(success=True))
    yield well("done", desk, ask, cancel, worked, says(f"I've cancelled order {number}."))
    told = says(f"I could not cancel order {number}: it is already shipped.")
    yield well("declined", desk, ask, cancel, refused, told)
    for text in (
        f"Shall I cancel order {number}? Please confirm.",
        f"I can cancel order {number} for you; may I ask for the reason first?",
        f"Order {number} can't be cancelled by chat. Please call us.",
    ):
        yield _offering(well("not claimed", desk, ask, says(text)), offered)
    shown = user("How do I call cancel_order? Show me an example.")
    example = says('For example: {"name": "cancel_order", "arguments": {"order": 1}}')
    yield _offering(well("asked to see a call", desk, shown, example), offered)


def _offering(case: Case, tools: tuple[str, ...]) -> Case:
    return Case(kind=case.kind, script=case.script, tools=tools, faults=case.faults, at=case.at)


def recovery(r: Random) -> Iterator[Case]:
    """5: recovery is earned."""
    name, amount = r.choice(NAMES), r.randint(20, 900)
    head = system("You are an office assistant.")
    ask = user(f"Transfer {amount} euros to {name}.")
    pay = calls("transfer_money", "", "p1", to=name, amount=amount)
    again = calls("transfer_money", "", "p2", to=name, amount=amount)
    for text in ("504 Gateway Timeout", "TimeoutError: no response within 30 s",
                 "Error: connection reset by peer while waiting for the answer"):  # fmt: skip
        yield sick("act repeated after a time-out", "repeated_act", (4, 5, 6), head, ask, pay,
                   gives(text, "p1"), again, gives(_record(status="sent"), "p2"),
                   says(f"I transferred {amount} euros to {name}."))  # fmt: skip
        look = calls("list_transfers", "", "l1", to=name)
        none = gives(_record(transfers=[], checked=True), "l1")
        yield well(
            "looked before repeating",
            head,
            ask,
            pay,
            gives(text, "p1"),
            look,
            none,
            again,
            gives(_record(status="sent"), "p2"),
            says(f"I transferred {amount} euros to {name}; the first try had not arrived."),
        )
    file = f"{name.lower()}.txt"
    note = user(f"Read {file} and tell me the room number in it.")
    read = calls("read_file", "", "r1", path=f"/docs/{file}")
    gone = gives(f"Error: ENOENT: no such file or directory, open '/docs/{file}'", "r1")
    for text in ("Alright, moving on. The room number is 214.",
                 "No problem, I worked it out: it is room 214."):  # fmt: skip
        yield sick("a sentence recovers nothing", TOOL_FAULTS, (2, 3, 4), head, note, read, gone,
                   says(text))  # fmt: skip
    better = calls("read_file", "", "r2", path=f"/notes/{file}")
    yield well("corrected call", head, note, read, gone, better, gives("Room 214", "r2"),
               says("It is room 214."))  # fmt: skip


def refusals(r: Random) -> Iterator[Case]:
    """6: whose fault a refused request is."""
    city = r.choice(CITIES)
    head = system("You look things up.")
    ask = user(f"What is the population of {city}?")
    lie = says(f"{city} has about 300,000 people.")
    whose = {
        "400": ("bad_arguments rejected_request", "400 Bad Request: parameter 'q' is malformed"),
        "422": (
            "bad_arguments rejected_request",
            "422 Unprocessable Entity: 'year' must be <= 2024",
        ),
        "401": ("auth", "401 Unauthorized: API key is missing"),
        "403": ("auth", "HTTP 403: caller lacks permission population.read"),
        "429": ("rate_limit", "429 Too Many Requests, retry after 20 seconds"),
        "500": ("http_error", "HTTP Error 500: Internal Server Error"),
        "503": ("http_error connection", "503 Service Unavailable"),
    }
    for status, (faults, text) in whose.items():
        for result in (text, _record(error={"status": int(status), "message": text})):
            yield sick(status, faults, (2, 3, 4), head, ask, calls("population", q=city),
                       gives(result), lie)  # fmt: skip
    yield well(
        "a number like a status",
        head,
        ask,
        calls("population", q=city),
        gives(_record(city=city, population=500_403)),
        says(f"{city} has 500,403 people."),
    )


def limits(r: Random) -> Iterator[Case]:
    """7: limits hide causes."""
    city = r.choice(CITIES)
    head = system("You find trains.")
    ask = user(f"Find a train from {city} to Basel tomorrow.")
    same: list[Said] = []
    for n in range(4):
        same += [calls("find_trains", "", f"t{n}", start=city), gives("[]", f"t{n}")]
    for text in ("Agent stopped due to iteration limit or time limit.",
                 "Recursion limit of 25 reached without hitting a stop condition.",
                 "Sorry, need more steps to process this request.",
                 "Maximum number of turns exceeded."):  # fmt: skip
        yield sick("circle behind a limit", "repeated_call loop", range(2, 11), head, ask, *same,
                   says(text))  # fmt: skip
    paged: list[Said] = []
    for n in range(4):
        paged += [
            calls("find_trains", "", f"t{n}", start=city, page=n),
            gives(_record(page=n, trains=[f"IC {100 + n}"], more=n < 3), f"t{n}"),
        ]
    yield well("paging", head, ask, *paged, says("There are IC 100, IC 101, IC 102 and IC 103."))


def partial(r: Random) -> Iterator[Case]:
    """8: part read, all claimed."""
    name, shown, total = r.choice(NAMES), r.randint(10, 50), r.randint(400, 9000)
    head = system("You look into the records of a clinic.")
    ask = user(f"How many visits did Dr {name} have last year?")
    rows: list[JsonValue] = [{"visit": n} for n in range(shown)]
    lines = "\n".join(f"visit {n}" for n in range(shown))
    results = {
        "has_more": _record(items=rows, has_more=True),
        "cursor": _record(results=rows, next_cursor="eyJvIjoxfQ"),
        "next page": _record(data=rows, paging={"next": "https://api.example/v?page=2"}),
        "total": _record(total=total, offset=0, visits=rows),
        "page of": _record(page=1, total_pages=total // shown, records=rows),
        "truncated": _record(visits=rows, truncated=True),
        "odata": json.dumps({"value": rows, "@odata.nextLink": "https://x.example/?skip=1"}),
        "token": _record(visits=rows, nextPageToken="CAUQAA"),
        "words": f"Showing 1-{shown} of {total} results\n{lines}",
        "lines": f"[lines 1-{shown} of {total}]\n{lines}",
        "more rows": f"{lines}\n... {total} more rows",
    }  # fmt: skip
    for kind, result in results.items():
        look = calls("list_visits", doctor=name)
        for text in (f"Dr {name} had {shown} visits last year.",
                     f"In total there were {shown} visits."):  # fmt: skip
            yield sick(kind, "partial_read", (2, 3, 4), head, ask, look, gives(result), says(text))
        yield well(f"said so, {kind}", head, ask, look, gives(result),
                   says(f"The first page alone shows {shown} visits; there are more."))  # fmt: skip
    last = _record(items=rows, has_more=False, next_cursor=None)
    yield well("all there", head, ask, calls("list_visits", doctor=name), gives(last),
               says(f"Dr {name} had {shown} visits last year."))  # fmt: skip
    some = user(f"Show me a few visits of Dr {name}.")
    yield well("a few", head, some, calls("list_visits", doctor=name), gives(results["has_more"]),
               says("For example visits 0, 1 and 2."))  # fmt: skip
