"""Which traces fail, by what signature, and which messages say the same."""

from __future__ import annotations

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.incident.digest import digest
from investigator.incident.signature import Signature
from investigator.readings.templates import likeness, masked, template_words
from investigator.traces.model import Trace
from tests.builders import QUOTE, exception_event, readings, span, trace
from tests.incident.windows import TIMEOUT, run
from tests.signals.steps import agent, llm, tool


def test_a_failing_tool_is_named_with_its_service_and_error() -> None:
    """The signature has a stable text, and the failure its evidence and time."""
    (found,) = digest(readings(run(3, error=TIMEOUT))).occurrences
    assert found.signature == Signature("support", "search", "timeout")
    assert found.signature.text == "support | search | timeout"
    assert found.template == "TimeoutError: request # to <url> timed out"
    assert found.at_ns == (3 * 60_000 + 600) * 1_000_000
    assert found.span_id == "tool"


def test_a_failure_made_good_leaves_the_trace_healthy() -> None:
    """A closed signal is no failure."""
    again = trace(
        agent(),
        llm("m", calls=[("search", "{}")]),
        tool("x", at=2, error=TIMEOUT),
        tool("y", at=4),
    )
    assert digest(readings(again)).occurrences == ()
    assert not digest(readings(again)).failing


def test_a_root_that_ended_badly_fails_its_trace() -> None:
    """Also where everything below was made good."""
    odd = trace(
        span("root", kind="CHAIN", status="ERROR", end_ms=9, message="HTTP status 500"),
        span("a", parent="root", kind="CHAIN", start_ms=1, status="ERROR", message="boom"),
        span("b", parent="root", kind="CHAIN", start_ms=2, status="OK"),
    )
    found = digest(readings(odd))
    assert found.root_failed
    assert found.primary is not None
    assert found.primary.signature == Signature("", "root", "HTTP 500")


def test_an_exception_of_no_known_fault_is_named_by_its_class() -> None:
    """The type of the error is what the error calls itself."""
    event = exception_event("shop.errors.StockError", "item 12 is gone")
    booked = trace(span("book", kind="TOOL", status="ERROR", events=[event]))
    (found,) = digest(readings(booked)).occurrences
    assert found.signature.error_type == "StockError"


def test_a_tool_without_a_span_of_its_own_is_named() -> None:
    """Where calls are only messages of the model, the signature still names the tool."""
    told = {
        "llm.input_messages.1.message.role": "tool",
        "llm.input_messages.1.message.name": "refund",
        "llm.input_messages.1.message.content": "Error: rate limit reached, 429",
    }
    chat = trace(
        agent(),
        llm("m1", at=1, calls=[("refund", "{}")]),
        llm("m2", "Sorry.", at=3, attributes=told),
    )
    assert Signature("", "refund", "rate_limit") in digest(readings(chat)).signatures


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("user 8412 has no plan", "user # has no plan"),
        ("id 0f8fad5b-d9cb-469f-a165-70867728950e: gone", "id #: gone"),
        ("cannot open '/var/x y.txt'", "cannot open <text>"),
        ("cannot open /var/log/a.txt", "cannot open <path>"),
        ("KeyError: 'total'", "KeyError: <text>"),
        ("it doesn't and can't", "it doesn't and can't"),
        ("mail a.b@c.example bounced", "mail [REDACTED:email] bounced"),
        ("", ""),
    ],
)
def test_what_varies_in_a_message_is_masked(text: str, template: str) -> None:
    """Numbers, ids, quoted words, links and paths are not part of a template."""
    assert masked(QUOTE.error(text)) == template


def test_a_template_is_bounded_and_without_secrets() -> None:
    """Odd text does no harm: huge, secret, or no text at all."""
    key = "sk-proj-" + "a1B2c3D4" * 5
    assert key not in masked(QUOTE.error(f"401 invalid key {key}"))
    assert len(masked(QUOTE.error("x/ " * 500_000))) <= 500
    assert masked("\ud800 7").endswith(" #")
    assert likeness(template_words(""), template_words("")) == 1.0


def test_an_empty_trace_has_a_digest() -> None:
    """Nothing is invented for it."""
    found = digest(readings(Trace("t", ())))
    assert (found.start_ns, found.latency_ms, found.root_evidence) == (None, None, None)
    assert not found.failing
    assert found.facts == ()


def test_odd_spans_have_a_digest_too() -> None:
    """Lone surrogates, wrong types and text that is no JSON do not stop it."""
    odd: dict[str, JsonValue] = {
        "llm.model_name": 7,
        "llm.invocation_parameters": "{" * 5_000,
        "metadata": '{"version": NaN, "\ud800": {}}',
        "app.version\ud800": ["1", None],
        "service.name": {"a": "\ud800"},
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "\ud800 be brief",
        "llm.tools.0.tool.json_schema": 3,
        "deployment.commit": "x" * 100_000,
    }
    spans = [
        span("a\ud800", kind="LLM", name="\ud800 1", status="ERROR", attributes=odd),
        span("b", kind="TOOL", name="", status="ERROR", message="\x00\n" * 9, attributes=odd),
    ]
    found = digest(readings(trace(*spans)))
    assert found.failing
    assert all(len(fact.shown) < 200 for fact in found.facts)
