"""Made-up runs about what was found, said and laid down: retrieval, contradiction, rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from benchmarks.made_up.calls import CITIES, NAMES
from benchmarks.made_up.case import Case, Said, calls, gives, says, sick, system, user, well
from benchmarks.made_up.forms import SPANS, flat, otlp_span, otlp_trace, parts
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Trace

RETRIEVAL = "empty_retrieval low_score_retrieval failed_retrieval ignored_tool_error"


def _record(**fields: JsonValue) -> str:
    return json.dumps(fields)


def empty(r: Random) -> Iterator[Case]:
    """9: retrieval that found nothing, in every shape."""
    name = r.choice(NAMES)
    head = system("You answer from the archive.")
    ask = user(f"Which contracts did {name} sign in the spring?")
    lie = says(f"{name} signed two contracts in the spring, both about storage.")
    shapes = {
        "list": "[]",
        "rows": _record(columns=["id", "date"], rows=[]),
        "zero rows": " id | date \n----+------\n(0 rows)",
        "count": _record(count=0, items=[]),
        "hits": _record(hits={"total": {"value": 0}, "hits": []}),
        "documents": _record(documents=[]),
        "matches": _record(matches=[], namespace="contracts"),
        "words": "No results found.",
        "words 2": "Your search did not match any documents.",
        "nested lists": _record(ids=[[]], documents=[[]], distances=[[]]),
        "envelope": _record(content=[{"type": "text", "text": "[]"}]),
    }
    for kind, result in shapes.items():
        for tool in ("search_archive", "query_contracts"):
            yield sick(kind, RETRIEVAL, (2, 3, 4), head, ask, calls(tool, q=name), gives(result),
                       lie)  # fmt: skip
        yield well(f"told, {kind}", head, ask, calls("search_archive", q=name), gives(result),
                   says(f"I found no contracts that {name} signed in the spring."))  # fmt: skip


def passages(r: Random) -> Iterator[Case]:
    """9: passages about something else, filters that drop all, embeddings that differ."""
    name, other = r.sample(NAMES, 2)
    asked = f"How many days of parental leave may {name} take after a birth?"
    near = [
        f"Parental leave: {name} may take up to sixty days after the birth of a child.",
        "Requests for leave after a birth are made four weeks ahead, by the form of the office.",
    ]
    far = [
        "The coffee machines on the second floor are descaled every Tuesday by the caterer, who"
        " brings fresh beans, filters and oat milk along.",
        "Bicycles can be parked in the yard behind the canteen. Locks are lent out at reception"
        " against a deposit, and pumps hang beside the gate.",
    ]
    said = "It is sixty days."
    yield _searching("near", asked, near, said)
    yield _searching("far", asked, far, said, faults="off_topic_retrieval low_score_retrieval")
    account, strange = r.randint(1000, 4999), r.randint(5000, 9999)
    invoice = f"What is the balance of invoice INV-{account}?"
    own = [f"Invoice INV-{account}: balance 40 euros, due in May."]
    yield _searching("own number", invoice, own, "40 euros.")
    yield _searching("another number", invoice,
                     [f"Invoice INV-{strange}: balance 40 euros, due in May."], "40 euros.",
                     faults="wrong_subject off_topic_retrieval")  # fmt: skip
    yield _filtered("dropped", asked, near, [], said, faults="dropped_retrieval")
    yield _filtered("kept one", asked, near, near[:1], said)
    for one, two, faults in (
        ("text-embedding-3-small", "text-embedding-ada-002", "mismatched_embedding"),
        ("bge-m3", "e5-large-v2", "mismatched_embedding"),
        ("text-embedding-3-small", "text-embedding-3-small", ""),
    ):
        yield _embedded(f"{one} and {two}", asked, near, one, two, faults)
    customer: JsonValue = {"customer_id": f"C-{account}", "name": name}
    wrong: JsonValue = {"customer_id": f"C-{strange}", "name": other}
    ask = user(f"What is the name of customer C-{account}?")
    look = calls("get_customer", customer_id=f"C-{account}")
    head = system("You look up customers.")
    yield sick("another's record", "wrong_subject", (2, 3, 4), head, ask, look,
               gives(json.dumps(wrong)), says(f"It is {other}."))  # fmt: skip
    yield sick("another's record within", "wrong_subject", (2, 3, 4), head, ask, look,
               gives(_record(status="ok", data=wrong)), says(f"It is {other}."))  # fmt: skip
    yield well("own record", head, ask, look, gives(json.dumps(customer)), says(f"It is {name}."))


def _documents(texts: Sequence[str], key: str = "retrieval.documents") -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for n, text in enumerate(texts):
        found[f"{key}.{n}.document.id"] = f"d{n}"
        found[f"{key}.{n}.document.content"] = text
    return found


def _retriever(number: int, asked: str, texts: Sequence[str], form: str) -> JsonValue:
    told: dict[str, JsonValue] = {"input.value": asked}
    if form == "genai":
        found = [{"id": f"d{n}", "content": text} for n, text in enumerate(texts)]
        told |= {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": asked,
            "gen_ai.retrieval.documents": json.dumps(found),
        }
    else:
        told |= {"openinference.span.kind": "RETRIEVER", **_documents(texts)}
    return otlp_span(number, "retrieve", told)


def _answer(number: int, asked: str, context: Sequence[str], said: str) -> JsonValue:
    prompt = "Context:\n" + "\n".join(context) + f"\nQuestion: {asked}"
    told: dict[str, JsonValue] = {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": prompt,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": said,
    }
    return otlp_span(number, "answer", told)


def _made(kind: str, faults: str, at: Sequence[int], spans: Mapping[str, Trace]) -> Case:
    return Case(
        kind=kind,
        faults=frozenset(faults.split()),
        at=frozenset(at),
        spans=lambda form: spans[form],
    )


def _searching(kind: str, asked: str, texts: Sequence[str], said: str, faults: str = "") -> Case:
    spans = {
        form: otlp_trace(
            _retriever(1, asked, texts, form),
            _answer(2, asked, texts, said),
            asked=asked,
            said=said,
        )
        for form in SPANS
    }
    return _made(kind, faults, (1,), spans)


def _filtered(
    kind: str, asked: str, texts: Sequence[str], kept: Sequence[str], said: str, faults: str = ""
) -> Case:
    def chain(form: str) -> JsonValue:
        before = json.dumps({"query": asked, "documents": list(texts)})
        after = json.dumps({"documents": list(kept)})
        kinds: dict[str, JsonValue] = (
            {"gen_ai.operation.name": "filter"} if form == "genai"
            else {"openinference.span.kind": "CHAIN"}
        )  # fmt: skip
        values: dict[str, JsonValue] = {"input.value": before, "output.value": after}
        return otlp_span(2, "filter_by_date", {**kinds, **values})

    spans = {
        form: otlp_trace(
            _retriever(1, asked, texts, form),
            chain(form),
            _answer(3, asked, kept, said),
            asked=asked,
            said=said,
        )
        for form in SPANS
    }
    return _made(kind, faults, (2,), spans)


def _embedded(
    kind: str, asked: str, texts: Sequence[str], index: str, query: str, faults: str
) -> Case:
    def rows(form: str) -> Iterator[JsonValue]:
        told: dict[str, JsonValue] = {"input.value": asked}
        if form == "genai":
            told |= {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": query}
        else:
            told |= {"openinference.span.kind": "EMBEDDING", "embedding.model_name": query}
            told["embedding.embeddings.0.embedding.text"] = asked
        yield otlp_span(1, "embed", told)
        search = _retriever(2, asked, texts, form)
        assert isinstance(search, dict)
        listed = search["attributes"]
        assert isinstance(listed, list)
        name: JsonValue = {"key": "collection.embedding_model", "value": {"stringValue": index}}
        yield {**search, "attributes": [*listed, name]}
        yield _answer(3, asked, texts, "It is sixty days.")

    spans = {form: otlp_trace(*rows(form), asked=asked, said="It is sixty days.") for form in SPANS}
    return _made(kind, faults, (1, 2), spans)


def contradictions(r: Random) -> Iterator[Case]:
    """10: the answer, or a read, says otherwise than the trace."""
    city, low = r.choice(CITIES), r.randint(13, 38)
    turned = int(str(low)[::-1])
    head = system("You report from the sensor network.")
    ask = user(f"How many stations are online in {city}?")
    look = calls("count_stations", city=city, state="online")
    for result, text in (
        (_record(city=city, online=low), f"{turned} stations are online in {city}."),
        (_record(result={"online_count": low}), f"There are {turned} stations online in {city}."),
        (f"online: {low}", f"In {city}, {turned} stations are online right now."),
        (f"{low} stations online", f"{city} has {turned} stations online."),
    ):
        if turned != low:
            yield sick("digits changed round", "contradiction unsupported_claim", (3, 4), head, ask,
                       look, gives(result), says(text))  # fmt: skip
        yield well("same figure", head, ask, look, gives(result),
                   says(text.replace(str(turned), str(low))))  # fmt: skip
    open_ask = user(f"Is the gate at {city} open to visitors today?")
    gate = calls("gate_status", city=city)
    for result, text in (
        (_record(gate=city, open=False), f"Yes, the gate at {city} is open to visitors today."),
        (f"The gate at {city} is not open to visitors today.",
         f"Yes, the gate at {city} is open to visitors today."),
        (f"The gate at {city} is open to visitors today.",
         f"No, the gate at {city} is not open to visitors today."),
    ):  # fmt: skip
        yield sick("a lost or added not", "contradiction", (3, 4), head, open_ask, gate,
                   gives(result), says(text))  # fmt: skip
    yield well("a no is told", head, open_ask, gate, gives(_record(gate=city, open=False)),
               says(f"No, the gate at {city} is closed to visitors today."))  # fmt: skip
    yield from _stale(r)
    yield from _misread(r)
    zone = user(f"At what local time does the drill in {city} begin?")
    drill = calls("event_time", city=city)
    utc = gives(_record(event="drill", start="2026-03-04T14:30:00Z", timezone="UTC"))
    yield sick("zone", "contradiction", (3, 4), head, zone, drill, utc,
               says("It begins at 14:30 CET."))  # fmt: skip
    yield well("zone converted", head, zone, drill, utc, says("It begins at 15:30 CET."))
    day = gives(_record(event="drill", start="2026-03-04"))
    when = user(f"On which day is the drill in {city}?")
    yield sick("month", "contradiction", (3, 4), head, when, drill, day,
               says("It is on April 4, 2026."))  # fmt: skip
    yield well("month kept", head, when, drill, day, says("It is on 4 March 2026."))


def _stale(r: Random) -> Iterator[Case]:
    name, old, new = r.choice(NAMES), "12 Mill Lane", "7 Harbour Road"
    head = system("You keep the address book.")
    ask = user(f"Change the street of {name} to {new} and confirm.")
    read = calls("get_contact", "", "a", name=name)
    for write, before, after in (
        (calls("update_contact", "", "b", name=name, street=new),
         _record(name=name, street=old), _record(name=name, street=old)),
        (calls("set_street", "", "b", name=name, street=new),
         _record(data={"name": name, "street": old}), _record(data={"name": name, "street": old})),
    ):  # fmt: skip
        script = [head, ask, read, gives(before, "a"), write, gives(_record(ok=True), "b"),
                  calls("get_contact", "", "c", name=name)]  # fmt: skip
        yield sick("stale read", "stale_read", (6, 7), *script, gives(after, "c"),
                   says(f"{name} still lives at {old}."))  # fmt: skip
        yield well("fresh read", *script, gives(before.replace(old, new), "c"),
                   says(f"{name} now lives at {new}."))  # fmt: skip


def _misread(r: Random) -> Iterator[Case]:
    city, year = r.choice(CITIES), r.randint(2012, 2021)
    head = system("You look up statistics.")
    ask = user(f"How many tourists came to {city} in {year}?")
    count = r.randint(100_000, 999_999)
    result, answer = gives(_record(city=city, tourists=count)), says(f"{count} tourists.")
    for wrong, right in zip(_looks(city, year + 1), _looks(city, year), strict=True):
        yield sick("another year", "misread_request", (2,), head, ask, wrong, result, answer)
        yield well("the year", head, ask, right, result, answer)
    month = user(f"What did the office in {city} spend in October?")
    spent, answer = gives(_record(office=city, spent=count)), says(f"{count} euros.")
    for other, own in (("November", "October"), ("11", "10"), (11, 10)):
        wrong = calls("expenses", office=city, month=other)
        right = calls("expenses", office=city, month=own)
        yield sick("another month", "misread_request", (2,), head, month, wrong, spent, answer)
        yield well("the month", head, month, right, spent, answer)


def _looks(city: str, year: int) -> Iterator[Said]:
    yield calls("tourism", city=city, year=year)
    yield calls("search", query=f"tourists {city} {year}")
    yield calls("tourism", city=city, start=f"{year}-01-01", end=f"{year}-12-31")


def rules(r: Random) -> Iterator[Case]:
    """11: standing rules and requests."""
    name, number = r.choice(NAMES), r.randint(100, 999)
    head = system("You help with the mailbox and the calendar.")
    done = gives(_record(ok=True))
    for rule in (
        "Before we start: never delete any of my mails.",
        "One thing first: do not delete anything in this mailbox.",
        "Please don't ever delete mails for me.",
        "You must not delete messages, whatever happens.",
        "Deleting mails is off limits.",
    ):
        script = [head, user(rule), says("Understood."), user(f"Clean up the mails of {name}.")]
        yield sick(
            "forbidden act",
            "broken_rule",
            (4, 5, 6),
            *script,
            calls("delete_mail", sender=name),
            done,
            says("The mailbox is clean."),
        )
        yield well("kept", *script, calls("archive_mail", sender=name), done,
                   says("I archived them."))  # fmt: skip
    for rule in (
        "Ask me before you send anything.",
        "Always check with me before sending an invitation.",
        "Don't send invitations without my approval.",
        "Nothing gets sent until I have confirmed it.",
    ):
        script = [head, user(rule), says("I will."), user(f"Invite {name} to room {number}.")]
        send = calls("send_invitation", to=name, room=number)
        yield sick("no word before", "broken_rule", (4, 5, 6), *script, send, done, says("Sent."))
        yield well("asked first", *script, says(f"Shall I invite {name} to room {number}?"),
                   user("Yes, please."), send, done, says("Sent."))  # fmt: skip
    for rule, kept in (
        ("From now on, answer in German.", "Das Zimmer ist frei."),
        ("For the rest of this chat, reply in French please.", "La salle est libre ce matin."),
    ):
        script = [head, user(rule), says(kept), user(f"Is room {number} free this morning?")]
        long = "Yes, the room is free this morning and you can use it for as long as you want."
        yield sick("another language", "broken_rule ignored_instruction", (4,), *script, says(long))
        yield well("language kept", *script, says(kept))


def origins(r: Random) -> Iterator[Case]:
    """12: where it came from."""
    name = r.choice(NAMES)
    head = system("You are the helpdesk. Use lookup_ticket to find tickets.")
    ask = user(f"What is the state of the ticket of {name}?")
    for text in (
        "I'm sorry, but I don't have access to a tool to look up tickets.",
        "Unfortunately I can't look up tickets: no such tool is available to me.",
        "I lack the tools to check ticket states.",
    ):
        case = sick("missing tool", "missing_tool", (2,), head, ask, says(text))
        yield Case(kind=case.kind, script=case.script, tools=("send_mail",), faults=case.faults,
                   at=case.at)  # fmt: skip
    found = calls("lookup_ticket", name=name)
    result = gives(_record(ticket=name, state="waiting for parts"))
    yield well("has the tool", head, ask, found, result, says("It is waiting for parts."))
    other = says("I cannot book flights; I can look up tickets.")
    case = well("not its task", head, user("Book me a flight."), other)
    yield Case(kind=case.kind, script=case.script, tools=("lookup_ticket",))
    big = "\n".join(f"{n};{r.random()}" for n in range(9000))
    for error in (
        "Error code: 400 - This model's maximum context length is 128000 tokens.",
        "prompt is too long: 214000 tokens > 200000 maximum",
        "The input token count exceeds the maximum number of tokens allowed",
    ):
        yield _overfull(name, big, error)
    yield _overfull(name, "a;b", "")


def _overfull(name: str, output: str, error: str) -> Case:
    def rows(form: str) -> Iterator[JsonValue]:
        call: JsonValue = {"id": "x", "name": "export_table", "arguments": {"owner": name}}
        asked = f"Sum up the table of {name}."
        begin: list[Said] = [user(asked), {"role": "assistant", "content": "", "calls": [call]}]
        yield otlp_span(1, "chat", _chat(form, begin[:1], begin[1]))
        tool: dict[str, JsonValue] = (
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "export_table",
             "gen_ai.tool.call.id": "x", "gen_ai.tool.call.result": output}
            if form == "genai"
            else {"openinference.span.kind": "TOOL", "tool.name": "export_table", "tool.id": "x",
                  "output.value": output}
        )  # fmt: skip
        yield otlp_span(2, "export_table", tool)
        answer = None if error else says("It has two columns.")
        yield otlp_span(3, "chat", _chat(form, [*begin, gives(output, "x")], answer), error=error)

    spans = {form: otlp_trace(*rows(form), asked="Sum up the table.") for form in SPANS}
    faults = "resource_exhausted" if error else ""
    return _made("window filled" if error else "window not filled", faults, (2,), spans)


def _chat(form: str, given: Sequence[Said], answer: Said | None) -> dict[str, JsonValue]:
    if form == "genai":
        told: dict[str, JsonValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps([parts(m) for m in given]),
        }
        if answer is not None:
            told["gen_ai.output.messages"] = json.dumps([parts(answer)])
        return told
    found: dict[str, JsonValue] = {"openinference.span.kind": "LLM"}
    for n, message in enumerate(given):
        found |= dict(flat(f"llm.input_messages.{n}.message.", message))
    if answer is not None:
        found |= dict(flat("llm.output_messages.0.message.", answer))
    return found
