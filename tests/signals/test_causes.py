"""The place of an error says more than its words: what kind of fault it is, where it began."""

from __future__ import annotations

import json

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Span
from tests.builders import readings, span, trace
from tests.signals.steps import agent, faults, llm, only, tool

STOCK: dict[str, JsonValue] = {
    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
    "count": {"type": "integer"},
    "store": {"type": "string", "enum": ["oslo", "bergen"]},
    "size": {"type": "number", "maximum": 100},
    "day": {"type": "string", "format": "date"},
    "note": {"type": "string", "pattern": "(?=a)b"},
}


def _offered(properties: dict[str, JsonValue] = STOCK) -> dict[str, JsonValue]:
    schema = {"name": "stock", "parameters": {"properties": properties, "required": ["sku"]}}
    held = json.dumps({"type": "function", "function": schema})
    return {"llm.tools.0.tool.json_schema": held}


def _failed_call(arguments: str, error: str) -> Signal:
    """The signal of a tool that was offered with a schema, called so, and raised."""
    ask = llm("ask", calls=[("stock", arguments)], at=1, attributes=_offered())
    return only(
        trace(agent(), ask, tool("t", name="stock", arguments=arguments, error=error, at=2))
    )


@pytest.mark.parametrize(
    "arguments",
    [
        '{"sku": "SO-12", "count": "three"}',
        '{"sku": "SO-12", "count": 1.5}',
        '{"sku": "SO-12", "count": true}',
        '{"sku": "SO-12", "store": "Paris"}',
        '{"sku": "green sofa"}',
        '{"sku": "SO-12", "size": 1e9}',
        '{"sku": "SO-12", "day": "tomorrow"}',
        '{"args": ["green sofa"], "kwargs": {}}',
    ],
)
def test_a_failed_call_that_its_schema_forbids_was_called_wrongly(arguments: str) -> None:
    """Type, choice and pattern; it began with the model that wrote it, whatever the error says."""
    signal = _failed_call(arguments, "ValueError: cannot read the stock")
    assert (signal.fault, signal.origin_id) == (Fault.BAD_ARGUMENTS, "ask")


@pytest.mark.parametrize("arguments", ['{"sku": "SO-12", "note": "x"}', '{"sku": "SO-12"}'])
def test_a_failed_call_that_its_schema_allows_was_not_called_wrongly(arguments: str) -> None:
    """Nor one that cannot be checked."""
    signal = _failed_call(arguments, "ValueError: cannot read the stock")
    assert (signal.fault, signal.origin_id) == (Fault.EXCEPTION, "t")


def test_a_call_that_works_is_not_held_to_types() -> None:
    """Much that a schema does not allow works all the same."""
    call = ("stock", '{"sku": "SO-12", "count": "3"}')
    ask = llm("ask", calls=[call], at=1, attributes=_offered())
    assert not faults(trace(agent(), ask, tool("t", name="stock", arguments=call[1], at=2)))


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("JSONDecodeError: Expecting value: line 1 column 1", Fault.PARSE_ERROR),
        ("KeyError: 'available'", Fault.SCHEMA_MISMATCH),
        ("ValidationError: 1 validation error for Stock", Fault.SCHEMA_MISMATCH),
    ],
)
def test_a_tool_called_rightly_that_cannot_read_was_given_bad_data(
    error: str, fault: Fault
) -> None:
    """What it failed to read came from outside, not from the model."""
    signal = _failed_call('{"sku": "SO-12", "count": 3, "store": "oslo"}', error)
    assert (signal.fault, signal.origin_id) == (fault, "t")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("TimeoutExpired: stock did not finish within 10 s", "tool_timeout"),
        ("TimeoutError: tool stock timed out after 10 s", "tool_timeout"),
        ("TimeoutError: the process timed out", "tool_timeout"),
        ("ReadTimeout: timed out reading from https://stock.example", "timeout"),
        ("TimeoutError: no response from the stock service within 10 s", "timeout"),
        ("TimeoutError: slow", "timeout"),
    ],
)
def test_a_tool_at_its_own_limit_is_slow_itself(error: str, fault: str) -> None:
    """One that waits for another service is not."""
    assert _failed_call('{"sku": "SO-12"}', error).fault.value == fault


def test_a_limit_of_time_is_read_in_the_line_that_speaks_of_it() -> None:
    """What an error quotes below that line is another's."""
    error = "TimeoutError: tool stock timed out after 10 s\nlast log: connect https://stock.example"
    assert _failed_call('{"sku": "SO-12"}', error).fault is Fault.TOOL_TIMEOUT


RECORD = '{"weight": "twelve", "sku": "SO-12"}'


def _step(given: str, error: str) -> Span:
    found = {"input.value": given}
    return span(
        "parse", parent="agent", start_ms=5, status="ERROR", message=error, attributes=found
    )


def test_code_that_fails_on_a_tools_output_was_given_bad_data() -> None:
    """A step of the application's own, given that output word for word."""
    signal = only(
        trace(agent(), llm("ask", at=1), tool("t", RECORD, at=2), _step(RECORD, "TypeError: str"))
    )
    assert (signal.fault, signal.span_id, signal.origin_id) == (
        Fault.SCHEMA_MISMATCH,
        "parse",
        "t",
    )


def test_code_that_fails_on_an_answer_in_the_wrong_form_was_given_a_wrong_form() -> None:
    """The model had been told the form; the parser only found out."""
    prompt = "Respond only with JSON."
    found = only(
        trace(
            agent(),
            llm("ask", '{"sum": 3}', prompt=prompt, at=1),
            _step('{"sum": 3}', "KeyError: 'total'"),
        )
    )
    assert (found.fault, found.origin_id) == (Fault.FORMAT_VIOLATION, "ask")


def test_a_retriever_that_raises_did_not_retrieve() -> None:
    """Unless the service behind it refused, which is a fault of that."""
    broken = span("r", kind="RETRIEVER", status="ERROR", message="ValueError: dimension 768 != 384")
    busy = span("r", kind="RETRIEVER", status="ERROR", message="429 Too Many Requests")
    assert only(trace(broken)).fault is Fault.FAILED_RETRIEVAL
    assert only(trace(busy)).fault is Fault.RATE_LIMIT


def test_a_model_call_that_raises_failed_at_its_provider() -> None:
    """It had nothing to do but ask."""
    failed = span("m", kind="LLM", status="ERROR", message="BadGateway")
    assert only(trace(failed)).fault is Fault.HTTP_ERROR


def test_a_loop_that_ended_on_a_failed_call_gave_out_at_its_last_model_call() -> None:
    """It did not know how to go on."""
    stopped = span(
        "agent", kind="AGENT", end_ms=99, status="ERROR", message="AgentError: max steps reached"
    )
    signals = detect(
        readings(
            trace(
                stopped,
                llm("one", at=1),
                tool("t", error="boom", at=2),
                llm("two", at=3),
            )
        )
    )
    assert [(s.fault.value, s.origin_id) for s in signals] == [
        ("exception", "t"),
        ("incomplete_run", "two"),
    ]
