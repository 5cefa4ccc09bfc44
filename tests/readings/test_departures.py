"""Two runs of one task side by side: the first departure, and what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.departures import Compared, Ground, compared
from investigator.readings.reading import Readings
from tests.builders import readings, span, trace
from tests.signals.scripts import FORMS, Said, gives, place, says, system, user

TOLD = system("You help customers of a shop. Look things up before you answer.")
ASKED = user("Where is my order ORD-1001, and can you refund the 71.50 EUR?")
TOOLS = ("get_order", "refund", "search", "get_policy")
Arguments = Mapping[str, JsonValue]


def looks(
    number: int, tool: str, result: str, *, prefix: str = "call", text: str = "", **arguments: str
) -> list[Said]:
    """A call and what came back."""
    call_id = f"{prefix}_{number}f3a"
    return [says(text, (call_id, tool, arguments)), gives(call_id, result)]


def run(*parts: Said | Sequence[Said], asked: Said = ASKED, told: Said = TOLD) -> list[Said]:
    """A run: what it was told and asked, then its parts."""
    found = [told, asked]
    for part in parts:
        found += [part] if isinstance(part, dict) else list(part)
    return found


SHIPPED = '{"order_id": "ORD-1001", "status": "shipped", "total": 71.5}'
POLICY = '{"days": 30, "fee": 0}'
DONE = '{"ok": true, "refund_id": "RF-55812"}'
SAID = says("Your order ORD-1001 was shipped, and I have refunded the 71.50 EUR.")
GOOD = run(
    looks(1, "get_order", SHIPPED, order_id="ORD-1001"),
    looks(2, "get_policy", POLICY, topic="refunds"),
    looks(3, "refund", DONE, order_id="ORD-1001", amount="71.50"),
    SAID,
)


@dataclass(frozen=True)
class Case:
    """A failed run, the message at which it departs from the good one, and what departs."""

    failed: Sequence[Said]
    at: int | None
    ground: Ground | None
    good: Sequence[Said] = tuple(GOOD)


ORDER = looks(1, "get_order", SHIPPED, order_id="ORD-1001")
ABOUT = looks(2, "get_policy", POLICY, topic="refunds")
PAID = looks(3, "refund", DONE, order_id="ORD-1001", amount="71.50")
ERROR = "Error: 503 Service Unavailable"

DEPARTURES = {
    "another amount": Case(
        run(ORDER, ABOUT, looks(3, "refund", DONE, order_id="ORD-1001", amount="17.50"),
            says("Your order ORD-1001 was shipped, and I have refunded 17.50 EUR.")),
        6, Ground.ACT,
    ),
    "another order": Case(
        run(ORDER, ABOUT, looks(3, "refund", DONE, order_id="ORD-1002", amount="71.50"), SAID),
        6, Ground.ACT,
    ),
    "another tool": Case(
        run(ORDER, ABOUT, looks(3, "search", "[]", query="refund"), says("I can't refund it.")),
        6, Ground.ACT,
    ),
    "a tool that fails": Case(
        run(looks(1, "get_order", ERROR, order_id="ORD-1001"), says("The shop can't be reached.")),
        3, Ground.RESULT,
    ),
    "a tool that finds nothing": Case(
        run(looks(1, "get_order", "[]", order_id="ORD-1001"), says("There is no such order.")),
        3, Ground.RESULT,
    ),
    "another value that an act rests on": Case(
        run(looks(1, "get_order", SHIPPED.replace("71.5", "715"), order_id="ORD-1001"), ABOUT,
            looks(3, "refund", DONE, order_id="ORD-1001", amount="715"),
            says("Your order ORD-1001 was shipped, and I have refunded 715 EUR.")),
        3, Ground.RESULT,
    ),
    "a field of another type": Case(
        run(looks(1, "get_order", SHIPPED.replace("71.5", '"n/a"'), order_id="ORD-1001"),
            says("I can't read what you paid.")),
        3, Ground.RESULT,
    ),
    "an act left out": Case(
        run(ORDER, ABOUT, says("Your order ORD-1001 was shipped. A colleague will refund it.")),
        6, Ground.ACT,
    ),
    "an answer with another figure": Case(
        run(ORDER, ABOUT, PAID,
            says("Your order ORD-1001 was shipped, and I have refunded the 17.50 EUR.")),
        8, Ground.ACT,
    ),
    "an answer that says the contrary": Case(
        run(ORDER, ABOUT, PAID,
            says("Your order ORD-1001 was not shipped, and I have refunded the 71.50 EUR.")),
        8, Ground.ACT,
    ),
    "a run that stops": Case(run(ORDER, ABOUT), 4, Ground.ACT),
    "a retry that fails for good": Case(
        run(ORDER, ABOUT, looks(3, "refund", ERROR, order_id="ORD-1001", amount="71.50"),
            looks(4, "refund", ERROR, order_id="ORD-1001", amount="71.50"),
            says("I could not refund it.")),
        7, Ground.RESULT,
    ),
    "a look-up left out for which the answer differs": Case(
        run(ORDER, looks(3, "refund", DONE, order_id="ORD-1001", amount="71.50"),
            says("Your order ORD-1001 was shipped, and I have refunded 71.50 EUR within 14 days.")),
        4, Ground.ACT,
    ),
    "another prompt": Case(
        run(ORDER, says("Your order ORD-1001 was shipped."),
            told=system("You help customers of a shop. Never refund anything.")),
        2, Ground.SETUP,
    ),
}  # fmt: skip

NEW_IDS = run(
    looks(1, "get_order", SHIPPED, prefix="toolu", order_id="ORD-1001"),
    looks(2, "get_policy", POLICY, prefix="toolu", topic="refunds"),
    looks(3, "refund", DONE.replace("55812", "90211"), prefix="toolu", order_id="ORD-1001",
          amount="71.50"),
    SAID,
)  # fmt: skip
ALIKE = {
    "the same": Case(GOOD, None, None),
    "other ids": Case(NEW_IDS, None, None),
    "other times and measures": Case(
        run(looks(1, "get_order", '{"at": "2026-03-01T10:00:00Z", "took_ms": 31, "total": 71.5}',
                  order_id="ORD-1001"), SAID),
        None, None,
        run(looks(1, "get_order", '{"at": "2026-04-02T11:30:09Z", "took_ms": 8, "total": 71.5}',
                  order_id="ORD-1001"), SAID),
    ),
    "other words": Case(
        run(ORDER, ABOUT, PAID,
            says("ORD-1001 has been shipped. The 71.50 EUR have been refunded to you.")),
        None, None,
    ),
    "words on the way": Case(
        run(looks(1, "get_order", SHIPPED, text="Let me look at that.", order_id="ORD-1001"),
            ABOUT, PAID, SAID),
        None, None,
    ),
    "another spelling of numbers": Case(
        run(ORDER, ABOUT, looks(3, "refund", DONE, order_id="ord-1001", amount="71.5"), SAID),
        None, None,
    ),
    "a retry that worked": Case(
        run(looks(1, "get_order", ERROR, order_id="ORD-1001"),
            looks(4, "get_order", SHIPPED, order_id="ORD-1001"), ABOUT, PAID, SAID),
        None, None,
    ),
    "a retry of the good run": Case(
        GOOD, None, None,
        run(looks(1, "get_order", ERROR, order_id="ORD-1001"),
            looks(4, "get_order", SHIPPED, order_id="ORD-1001"), ABOUT, PAID, SAID),
    ),
    "look-ups in another order": Case(run(ABOUT, ORDER, PAID, SAID), None, None),
    "parallel calls in another order": Case(
        run([says("", ("a1", "get_policy", {"topic": "refunds"}),
                  ("a2", "get_order", {"order_id": "ORD-1001"})),
             gives("a1", POLICY), gives("a2", SHIPPED)], PAID, SAID),
        None, None,
        run([says("", ("b1", "get_order", {"order_id": "ORD-1001"}),
                  ("b2", "get_policy", {"topic": "refunds"})),
             gives("b1", SHIPPED), gives("b2", POLICY)], PAID, SAID),
    ),
    "a look-up more": Case(
        run(ORDER, looks(5, "search", '["help"]', query="shipping"), ABOUT, PAID, SAID), None, None
    ),
    "a query in other words": Case(
        run(looks(1, "search", '["returns within 30 days"]', query="return policy of the shop"),
            says("You can return it within 30 days.")),
        None, None,
        run(looks(1, "search", '["returns within 30 days"]', query="the shop's return policy"),
            says("You can return it within 30 days.")),
    ),
    "a request in other words": Case(
        run(ORDER, ABOUT, PAID, SAID,
            asked=user("Please tell me where order ORD-1001 is and refund my 71.50 EUR.")),
        None, None,
    ),
}  # fmt: skip


def beside(form: str, case: Case) -> Compared:
    """The two runs of a case, in a form."""
    ours, theirs = (FORMS[form](one, TOOLS) for one in (case.failed, case.good))
    return compared(readings(ours), readings(theirs))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", DEPARTURES)
def test_the_first_departure_is_found(form: str, name: str) -> None:
    """By its step and by what departs there, in whatever form the runs were recorded."""
    case = DEPARTURES[name]
    assert case.at is not None
    found = beside(form, case).first
    assert found is not None
    spans = {place(form, case.at)}
    if case.ground is Ground.RESULT and form in ("requests", "genai"):
        spans = {place(form, case.at - 1)}  # without tool spans the call stands on its request
    assert (found.ground, found.span.span_id in spans) == (case.ground, True), found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ALIKE)
def test_runs_that_came_to_the_same_have_no_departure(form: str, name: str) -> None:
    """Ids, times, order, tries and wordings are a run's own."""
    found = beside(form, ALIKE[name])
    assert found.other_task is None
    assert found.first is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["the same", "other ids", "other words", "words on the way"])
def test_ids_and_words_are_not_even_told_besides(form: str, name: str) -> None:
    """Where only these differ, there is nothing to tell."""
    assert beside(form, ALIKE[name]).beside is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "asked",
    [
        "What is the capital of France?",
        "Where is my order ORD-1001, and can you refund the 12 EUR?",
    ],
)
def test_another_task_is_not_compared(form: str, asked: str) -> None:
    """Asked something else, or about another amount: a difference would say nothing."""
    case = Case(run(looks(1, "search", "[]", query="x"), SAID, asked=user(asked)), None, None)
    found = beside(form, case)
    assert found.other_task is not None
    assert found.first is None


def test_a_model_call_that_fails_for_good_departs() -> None:
    """It is no step of the conversation, and the first departure all the same."""
    good = trace(
        span("agent", kind="AGENT"),
        span("m1", parent="agent", kind="LLM", attributes={"output.value": "It is 71."}),
    )
    failed = trace(
        span("agent", kind="AGENT"),
        span("m1", parent="agent", kind="LLM", status="ERROR", message="429 quota exceeded"),
    )
    found = compared(readings(failed), readings(good)).first
    assert found is not None
    assert (found.ground, found.span.span_id) == (Ground.RESULT, "m1")


def test_a_search_that_finds_other_passages_departs_where_the_answer_does() -> None:
    """The answer rests on them."""

    def of(passage: str, answer: str) -> Compared:
        def runs(text: str, said: str) -> Readings:
            return readings(
                trace(
                    span("agent", kind="AGENT"),
                    span(
                        "r", parent="agent", kind="RETRIEVER", name="search", start_ms=1,
                        attributes={"retrieval.documents.0.document.content": text},
                    ),
                    span("m", parent="agent", kind="LLM", start_ms=2, attributes={
                        "input.value": "How long?", "output.value": said}),
                )
            )  # fmt: skip

        return compared(runs(passage, answer), runs("A ticket lasts 90 minutes.", "90 minutes."))

    found = of("A ticket lasts 45 minutes.", "45 minutes.").first
    assert found is not None
    assert (found.ground, found.span.span_id) == (Ground.FOUND, "r")
