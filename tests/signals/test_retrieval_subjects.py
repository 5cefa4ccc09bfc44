"""What was found can be empty, dropped, off the subject or another's; in spans and in exports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Trace
from tests.builders import readings, span, trace
from tests.signals.runs import FORMS, Called, Run

EACH_FORM = pytest.mark.parametrize("form", FORMS)
SOURCE = pytest.mark.parametrize("source", ["spans", "langfuse"])

TURTLE = "Turtle: to draw a polygon with n sides repeat forward, then right 360 divided by n."
PENS = "Turtle pen colours and widths are set before the first step is made."
QUESTION = "How do I draw a hexagon with the turtle?"
CAKES = (
    "Sponge cakes rise best in a warm oven; whisk butter and sugar until pale before folding in "
    "sifted flour, vanilla and beaten eggs, then bake golden and cool upon racks overnight.",
    "Buttercream icing needs soft butter, powdered sugar, cream plus lemon zest for freshness.",
)
Step = tuple[str, str, JsonValue, JsonValue]


def _docs(*texts: str, **metadata: JsonValue) -> list[JsonValue]:
    return [{"id": f"d{i}", "content": t, "metadata": metadata} for i, t in enumerate(texts)]


def _signals(source: str, steps: Sequence[Step]) -> list[Signal]:
    """The signals of a chain of steps (kind, name, input, output) as one source writes it."""
    found = _langfuse(steps) if source == "langfuse" else _spans(steps)
    return [s for s in detect(readings(found)) if s.open and s.strength >= 0.5]


def _langfuse(steps: Sequence[Step]) -> Trace:
    observations: list[JsonValue] = [
        {"id": name, "traceId": "t", "type": kind if kind != "CHAIN" else "SPAN", "name": name,
         "input": given, "output": put_out, "startTime": f"2026-01-01T00:00:0{i}Z",
         "endTime": f"2026-01-01T00:00:0{i}.5Z"}
        for i, (kind, name, given, put_out) in enumerate(steps)
    ]  # fmt: skip
    spans = decode({"id": "t", "name": "t", "observations": observations}, stem="t")
    return Trace("t", spans)


def _spans(steps: Sequence[Step]) -> Trace:
    return trace(*(
        span(name, kind=kind, start_ms=i, end_ms=i + 1, attributes=_attributes(kind, given, out))
        for i, (kind, name, given, out) in enumerate(steps)
    ))  # fmt: skip


def _attributes(kind: str, given: JsonValue, out: JsonValue) -> Mapping[str, JsonValue]:
    held: dict[str, JsonValue] = {"input.value": _text(given), "output.value": _text(out)}
    if kind == "RETRIEVER" and isinstance(out, list):
        for i, one in enumerate(out):
            assert isinstance(one, dict)
            held |= {
                f"retrieval.documents.{i}.document.{key}": _text(value)
                for key, value in one.items()
            }
    return held


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@SOURCE
@pytest.mark.parametrize("kept", [{"documents": []}, []])
def test_a_filter_that_drops_everything_is_the_fault(source: str, kept: JsonValue) -> None:
    """It was given what would have answered."""
    given: JsonValue = {"documents": _docs(TURTLE, PENS), "threshold": 0.5}
    steps: list[Step] = [
        ("RETRIEVER", "search", QUESTION, _docs(TURTLE, PENS)),
        ("CHAIN", "filter", given, kept),
        ("CHAIN", "fallback", {"documents": []}, "No relevant documentation found."),
    ]
    assert [(s.fault, s.origin_id) for s in _signals(source, steps)] == [
        (Fault.DROPPED_RETRIEVAL, "filter")
    ]


@SOURCE
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"documents": _docs(*CAKES)}, {"documents": []}),
        ({"documents": _docs(TURTLE, PENS)}, {"documents": _docs(TURTLE)}),
        ({"documents": _docs(TURTLE, PENS)}, {"violations": [], "errors": []}),
        ({"numbers": [1, 2]}, {"primes": []}),
        ({"documents": []}, {"documents": []}),
    ],
    ids=["nothing served", "kept one", "found no trouble", "no passages", "given none"],
)
def test_what_keeps_nothing_for_a_reason_dropped_nothing(
    source: str, given: JsonValue, kept: JsonValue
) -> None:
    """A filter may be right, and not every step is one."""
    steps: list[Step] = [
        ("RETRIEVER", "search", QUESTION, _docs(TURTLE, PENS)),
        ("CHAIN", "filter", given, kept),
    ]
    faults = [s.fault for s in _signals(source, steps)]
    assert Fault.DROPPED_RETRIEVAL not in faults


@SOURCE
def test_passages_that_have_no_word_of_the_question_are_off_its_topic(source: str) -> None:
    """One shared stem is enough, and so is another language."""
    off: Step = ("RETRIEVER", "search", QUESTION, _docs(*CAKES))
    on: Step = ("RETRIEVER", "again", QUESTION, _docs(CAKES[0], TURTLE))
    german: Step = ("RETRIEVER", "search", "Wie zeichne ich mit der Schildkröte ein Sechseck, "
                    "und wie wird das für die Wände?", _docs(*CAKES))  # fmt: skip
    assert [s.fault for s in _signals(source, [off])] == [Fault.OFF_TOPIC_RETRIEVAL]
    assert _signals(source, [on]) == []
    assert _signals(source, [german]) == []
    assert _signals(source, [off, on]) == []


@SOURCE
@pytest.mark.parametrize(
    ("query", "passages"),
    [
        ("When is INV-1042 due?", _docs("INV-1024 is due in May.", "INV-1024 and INV-1019.")),
        ("What did we promise to Globex?",
         _docs("We promise to answer within a day.", customer="Initech")),
    ],
)  # fmt: skip
def test_passages_of_another_are_the_wrong_subject(
    source: str, query: str, passages: list[JsonValue]
) -> None:
    """By the number that was asked for, or by whose they are."""
    found = _signals(source, [("RETRIEVER", "search", query, passages)])
    assert [s.fault for s in found] == [Fault.WRONG_SUBJECT]


@SOURCE
@pytest.mark.parametrize(
    ("query", "passages"),
    [
        ("When is INV-1042 due?", _docs("INV-1024 is due in May.", "INV-1042 is due in June.")),
        ("When is INV-1042 due?", _docs("Invoices are due after 30 days.")),
        ("What did we promise to Initech?", _docs("We promise an answer.", customer="Initech")),
        ("What did we promise in general?", _docs("We promise an answer.", customer="Initech")),
    ],
)
def test_passages_that_may_be_the_right_ones_are_left_alone(
    source: str, query: str, passages: list[JsonValue]
) -> None:
    """One of them is, they name none, or nobody in particular was asked about."""
    assert _signals(source, [("RETRIEVER", "search", query, passages)]) == []


@EACH_FORM
def test_a_record_of_another_is_the_wrong_subject(form: str) -> None:
    """In an envelope, in a list, in a record within it."""
    asked = Called("get_order", {"order_id": "ord-1042"}, "")
    for result in (
        '{"order_id": "ord-1024", "state": "sent"}',
        '{"data": [{"order_id": "ord-1024"}, {"order_id": "ord-1019"}]}',
        '{"order": {"id": "ord-1024"}, "state": "sent"}',
    ):
        run = Run("Where is ord-1042?", [[Called("get_order", asked.arguments, result)]], "Sent.")
        assert run.open(form) == ["wrong_subject"]


@EACH_FORM
@pytest.mark.parametrize(
    "call",
    [
        Called("get_order", {"order_id": "ord-1042"}, '{"order_id": "ORD1042", "state": "sent"}'),
        Called("get_order", {"order_id": "ord-1042"}, '{"orderId": "7", "ref": "ord-1042"}'),
        Called("find_orders", {"customer_id": "c-17"}, '[{"order_id": "ord-9"}]'),
        Called("create_order", {"order_id": "draft-1"}, '{"order_id": "ord-9"}'),
        Called("get_order", {"request_id": "r-1"}, '{"request_id": "r-2"}'),
    ],
    ids=["spelling", "named elsewhere", "another name", "made anew", "no thing"],
)
def test_an_answer_about_what_was_asked_is_no_wrong_subject(form: str, call: Called) -> None:
    """Spelled otherwise, under another name, or made by the call."""
    assert "wrong_subject" not in Run("Where is it?", [[call]], "Sent.").open(form)


@pytest.mark.parametrize(
    ("query_model", "index", "wrong"),
    [
        ("text-embedding-3-small", {"index.embedding_model": "text-embedding-ada-002"}, True),
        ("e5-large", {"metadata": '{"embedding_model": "bge-base"}'}, True),
        ("e5-large", {"retrieval.documents.0.document.metadata": '{"embed_model": "bge"}'}, True),
        ("vendor/e5-large", {"index.embedding_model": "e5-large"}, False),
        ("e5-large", {"query.embedding_model": "bge-base"}, False),
        ("e5-large", {}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["embedding.model_name", "gen_ai.request.model"])
def test_a_query_is_embedded_as_its_index_was(
    key: str, query_model: str, index: Mapping[str, JsonValue], wrong: bool
) -> None:
    """Where both models are told and differ, the query's embedding began it."""
    embedded = span("e", kind="EMBEDDING", attributes={key: query_model})
    found = span("r", kind="RETRIEVER", start_ms=2, attributes={
        "retrieval.documents.0.document.content": TURTLE, **index})  # fmt: skip
    signals = [(s.fault, s.origin_id, s.span_id) for s in detect(readings(trace(embedded, found)))]
    assert signals == ([(Fault.MISMATCHED_EMBEDDING, "e", "r")] if wrong else [])


@EACH_FORM
@pytest.mark.parametrize("empty", ['{"rows": [], "rowCount": 0}', "(0 rows)", '{"count": 0}'])
def test_an_answer_from_nothing_but_an_empty_result_is_a_retrieval_failure(
    form: str, empty: str
) -> None:
    """Told as nothing it may be true, and with something else found it may not matter."""
    looked = Called("query_sales", {"sql": "SELECT total FROM sales"}, empty)
    asked, answer = "What were the sales in May?", "The sales in May were 4.2 million."
    assert Run(asked, [[looked]], answer).open(form) == ["empty_retrieval"]
    assert Run(asked, [[looked]], "There were no sales in May.").open(form) == []
    other = Called("read_report", {"month": "May"}, "Sales: 4.2 million")
    assert Run(asked, [[looked], [other]], answer).open(form) == []
