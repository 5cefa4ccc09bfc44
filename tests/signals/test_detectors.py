"""Each detector sees its fault, says where it began, and leaves the harmless likeness alone."""

from __future__ import annotations

import dataclasses
import json

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.traces.model import REDACTED
from tests.builders import exception_event, readings, span, trace
from tests.signals.steps import agent, chat, faults, llm, only, tool

CODE = "Let me compute.\n```python\nprint(1 / 0)\n```"
RAN = "exitcode: 0 (execution succeeded)\nCode output: 4"
CRASHED = (
    "exitcode: 1 (execution failed)\nCode output: Traceback (most recent call last):\n"
    "ZeroDivisionError: division by zero"
)


def test_a_run_that_went_well_has_no_signal() -> None:
    """A call, its answer, the final words: nothing is wrong."""
    assert not detect(
        readings(
            trace(
                agent(),
                llm("ask", calls=[("search", '{"q": "x"}')], at=1),
                tool("found", "Error handling in Rust: a guide", at=2),
                llm("answer", "Rust handles errors by values.", at=3),
            )
        )
    )


def test_an_exception_is_told_once_where_it_was_raised() -> None:
    """Ancestors that passed it on are no faults of their own."""
    raised = exception_event("ConnectError", "Connection refused")
    signal = only(
        trace(
            span("root", kind="AGENT", status="ERROR", message="Connection refused", end_ms=9),
            span("step", parent="root", status="ERROR", message="Connection refused", end_ms=8),
            span("db", parent="step", kind="TOOL", status="ERROR", events=[raised]),
        )
    )
    assert (signal.fault, signal.origin_id) == (Fault.CONNECTION, "db")


def test_a_second_fault_above_a_mended_one_is_told_too() -> None:
    """A parent that failed for another reason than its child passed nothing on."""
    signals = detect(
        readings(
            trace(
                span("root", kind="CHAIN", status="ERROR", message="401 Unauthorized", end_ms=9),
                tool("t1", parent="root", error="TimeoutError: slow", at=1),
                tool("t2", parent="root", at=2),
            )
        )
    )
    assert [(s.fault, s.origin_id, s.open) for s in signals] == [
        (Fault.AUTH, "root", True),
        (Fault.TIMEOUT, "t1", False),
    ]


def test_bad_arguments_begin_with_the_model_that_wrote_them() -> None:
    """The tool that rejects a call is where the fault surfaced, no more."""
    signal = only(
        trace(
            agent(),
            llm("ask", calls=[("page_down", '{"": ""}')], at=1),
            tool("t", name="page_down", error="TypeError: unexpected keyword argument ''", at=2),
        )
    )
    assert (signal.fault, signal.span_id, signal.origin_id) == (Fault.BAD_ARGUMENTS, "t", "ask")


def test_data_that_does_not_parse_begins_with_the_step_that_put_it_out() -> None:
    """The parser was given, word for word, what the tool had answered."""
    broken = '{"stock": [1, 2'
    parser = span(
        "parse",
        parent="agent",
        start_ms=3,
        status="ERROR",
        message="JSONDecodeError: Expecting value",
        attributes={"input.value": broken},
    )
    signal = only(trace(agent(), llm("ask", at=1), tool("stock", broken, at=2), parser))
    assert (signal.fault, signal.span_id, signal.origin_id) == (
        Fault.PARSE_ERROR,
        "parse",
        "stock",
    )


def test_a_tool_may_end_a_chat() -> None:
    """A hand-over is an end; a failure that nobody read is none."""
    asked = llm("step-0", parent=None, calls=[("hand_over", "{}")])
    turns = [
        dataclasses.replace(turn, start_ns=None, end_ns=None)
        for turn in (asked, tool("step-1", "done", parent=None, name="hand_over"))
    ]
    assert not detect(readings(trace(*turns)))


def test_code_that_fails_in_a_step_begins_with_the_model_that_wrote_it() -> None:
    """No child failed: the step failed while it ran what its model call had written."""
    failed = span("step", parent="agent", status="ERROR", message="ZeroDivisionError: by zero")
    signal = only(trace(agent(), failed, llm("write", CODE, parent="step")))
    assert (signal.fault, signal.span_id, signal.origin_id) == (Fault.FAILED_CODE, "step", "write")


def test_a_tool_that_answers_with_an_error_failed() -> None:
    """The status of the span says nothing; its answer does."""
    signal = only(trace(agent(), llm("ask", at=1), tool("t", "Error: 429 Too Many Requests", at=2)))
    assert (signal.fault, signal.origin_id) == (Fault.RATE_LIMIT, "t")


def test_a_failed_call_that_later_worked_is_closed() -> None:
    """The same tool, the same loop, later: that step is named."""
    signal = only(trace(agent(), tool("bad", error="TimeoutError: slow", at=1), tool("good", at=2)))
    assert signal.recovered_by == "good"


def test_another_agents_success_mends_nothing() -> None:
    """A loop is mended by its own steps."""
    signal = only(
        trace(
            agent("a"),
            agent("b"),
            tool("bad", parent="a", error="TimeoutError: slow", at=1),
            tool("good", parent="b", at=2),
        )
    )
    assert signal.open


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (429, "rate_limit"),
        (403, "auth"),
        (404, "not_found"),
        (500, "http_error"),
        ("503", "connection"),
    ],
)
def test_an_http_status_of_an_error_is_a_fault(status: int | str, fault: str) -> None:
    """Whatever the span's own status says."""
    attributes = {"http.response.status_code": status}
    assert faults(trace(span("call", attributes=attributes))) == [fault]


def test_an_http_status_of_success_is_none() -> None:
    """200 is fine, and so is a redirect."""
    assert not faults(trace(span("call", attributes={"http.status_code": 302})))


def test_a_retriever_that_returns_nothing_is_told() -> None:
    """An empty list is a result; no list at all is a span that records none."""
    empty = span("r", kind="RETRIEVER", attributes={"output.value": "[]"})
    assert faults(trace(empty)) == ["empty_retrieval"]
    assert not faults(trace(span("r", kind="RETRIEVER")))


def test_a_retriever_whose_result_is_hidden_found_nothing_out() -> None:
    """What was redacted may have been ten documents."""
    for hidden in (REDACTED, f"[{REDACTED}]"):
        found = span("r", kind="RETRIEVER", attributes={"output.value": hidden})
        assert not faults(trace(found))


def _retriever(span_id: str, *scores: float, at: int = 0) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for index, score in enumerate(scores):
        found[f"retrieval.documents.{index}.document.id"] = f"{span_id}{at}{index}"
        found[f"retrieval.documents.{index}.document.score"] = score
    return found


def test_low_scores_are_told_and_a_better_retrieval_closes_them() -> None:
    """Only similarities can be low; negative scores are of another kind."""
    low = span("low", kind="RETRIEVER", attributes=_retriever("low", 0.1, 0.05))
    better = span("better", kind="RETRIEVER", start_ms=2, attributes=_retriever("b", 0.9))
    other = span("other", kind="RETRIEVER", attributes=_retriever("o", -3.0, -4.0))
    assert only(trace(low)).fault is Fault.LOW_SCORE_RETRIEVAL
    assert only(trace(low, better)).recovered_by == "better"
    assert not detect(readings(trace(other)))


def test_a_search_that_found_nothing_begins_with_its_query() -> None:
    """The model wrote the query; a later search that finds something closes it."""
    ask = llm("ask", at=1)
    nothing = tool("t", "No results found for 'xyzzy'.", at=2)
    signal = only(trace(agent(), ask, nothing))
    assert (signal.fault, signal.origin_id, signal.open) == (Fault.EMPTY_RETRIEVAL, "ask", True)
    assert only(trace(agent(), ask, nothing, tool("u", "three hits", at=3))).recovered_by == "u"


def test_a_document_that_says_no_results_is_a_result() -> None:
    """Only a short answer that begins so says that nothing was found."""
    text = "The trial gave no results for two years. " + "Then it did. " * 50
    assert not detect(readings(trace(agent(), llm("ask", at=1), tool("t", text, at=2))))


def test_equal_calls_with_equal_answers_are_repeated() -> None:
    """Three equal successes; arguments may differ in spelling only."""
    calls = [
        tool(f"t{i}", arguments=a, at=i) for i, a in enumerate(['{"a":1}', '{"a": 1}', '{"a":1}'])
    ]
    signal = only(trace(agent(), *calls))
    assert (signal.fault, signal.span_id) == (Fault.REPEATED_CALL, "t1")


def test_paging_and_retrying_once_are_not_repeated() -> None:
    """Answers that differ are progress; two equal successes may be a check."""
    pages = [tool(f"t{i}", f"page {i}", at=i) for i in range(5)]
    assert not detect(readings(trace(agent(), *pages)))
    assert not detect(readings(trace(agent(), tool("a", at=1), tool("b", at=2))))


OFFERED = {
    "llm.tools.0.tool.json_schema": json.dumps(
        {
            "type": "function",
            "function": {
                "name": "search",
                "parameters": {"properties": {"q": {"type": "string"}}, "required": ["q"]},
            },
        }
    )
}


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (("serch", "{}"), "unknown_tool"),
        (("search", '{"q": "x"'), "bad_arguments"),
        (("search", "{}"), "bad_arguments"),
        (("search", '{"q": "x", "k": 3}'), "bad_arguments"),
        (("search", "[1]"), "bad_arguments"),
    ],
)
def test_calls_are_held_to_the_tools_offered(call: tuple[str, str], fault: str) -> None:
    """Name, JSON, required and known properties."""
    assert faults(trace(agent(), llm("ask", calls=[call], attributes=OFFERED))) == [fault]


def test_a_call_nothing_is_known_about_is_let_be() -> None:
    """No tools recorded, no schema, empty arguments: nothing to hold it to."""
    assert not faults(trace(agent(), llm("ask", calls=[("any", '{"x": 1}')])))
    assert not faults(trace(agent(), llm("ask", calls=[("search", "")], attributes=OFFERED)))


def test_a_failure_that_the_answer_passes_over_is_ignored() -> None:
    """The last call failed and the answer does not speak of it, and claims the act as well."""
    failed = tool("t", "Error: out of stock", at=2, name="order")
    signals = detect(
        readings(trace(agent(), llm("ask", at=1), failed, llm("end", "All ordered!", at=3)))
    )
    found = [s.fault.value for s in signals]
    assert found == ["exception", "claimed_act", "ignored_tool_error"]
    assert {signal.origin_id for signal in signals[1:]} == {"end"}


def test_an_answer_that_admits_the_failure_ignored_nothing() -> None:
    """Honesty is not a fault."""
    failed = tool("t", "Error: out of stock", at=2, name="order")
    for told in ("Unfortunately I could not order it.", "order " * 5_000 + "I could not order it."):
        honest = llm("end", told, at=3)
        assert faults(trace(agent(), llm("ask", at=1), failed, honest)) == ["exception"]


PLAN = "Write a plan. After the last step write the '\\n<end_plan>' tag and stop there."


def test_a_tag_that_the_prompt_demands_must_be_there() -> None:
    """Unless the tag is a stop sequence, which the provider cuts off."""
    stop = {"llm.invocation_parameters": '{"stop": ["<end_plan>"]}'}
    assert faults(trace(agent(), llm("p", "1. Search", prompt=PLAN))) == ["format_violation"]
    assert not faults(trace(agent(), llm("p", "1. Search\n<end_plan>", prompt=PLAN)))
    assert not faults(trace(agent(), llm("p", "1. Search", prompt=PLAN, attributes=stop)))
    assert not faults(trace(agent(), llm("p", "Hi", prompt="HTML uses the <b> tag for bold.")))


@pytest.mark.parametrize(
    "prompt", ["Respond only with JSON.", "Only output valid JSON.", "Reply in JSON only."]
)
def test_json_alone_means_json_alone(prompt: str) -> None:
    """Fences are forgiven; a sentence is not; a prompt that merely mentions JSON demands none."""
    assert faults(trace(agent(), llm("j", "Sure! Here.", prompt=prompt))) == ["format_violation"]
    assert not faults(trace(agent(), llm("j", '```json\n{"a": 1}\n```', prompt=prompt)))
    assert not faults(trace(agent(), llm("j", "Yes.", prompt="The input file is JSON.")))


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.finish_reason": "length"},
        {"gen_ai.response.finish_reasons": ["length"]},
        {"output.value": '{"choices": [{"finish_reason": "length"}]}'},
        {"llm.invocation_parameters": '{"max_tokens": 5}', "llm.token_count.completion": 5},
    ],
)
def test_an_output_that_filled_its_room_was_cut_off(attributes: dict[str, str]) -> None:
    """Said by the finish reason or by the count of tokens."""
    assert faults(trace(agent(), llm("m", "and so", attributes=attributes))) == ["truncated_output"]


def test_an_output_that_stopped_by_itself_was_not() -> None:
    """`stop` is the usual end, and a message about length is a message."""
    fine = {"llm.finish_reason": "stop", "llm.invocation_parameters": '{"max_tokens": 50}'}
    assert not faults(trace(agent(), llm("m", "The length is 5.", attributes=fine)))


def test_an_agent_that_says_it_met_its_limit_is_unfinished() -> None:
    """Frameworks put this out in place of an answer."""
    stopped = agent(**{"output.value": "Agent stopped due to iteration limit or time limit."})
    assert faults(trace(stopped)) == ["incomplete_run"]
    assert not faults(trace(agent(**{"output.value": "The speed limit is 50 at maximum."})))


LISTED = "You have these tools:\n- web_search: searches the web\n- final_answer: hands in"


def test_an_answer_without_the_planned_observation_is_unsupported() -> None:
    """The agent planned to search, and answered from nothing."""
    plan = llm("plan", "1. Use web_search for the date", prompt=LISTED, at=1)
    answer = llm("answer", "It was in 1973.", prompt=LISTED, at=3)
    signal = only(trace(agent(), plan, answer, tool("end", name="final_answer", at=4)))
    assert (signal.fault, signal.origin_id) == (Fault.UNSUPPORTED_ANSWER, "answer")
    searched = tool("t", "1973, says the almanac", name="web_search", at=2)
    assert not detect(readings(trace(agent(), plan, searched, answer)))
    assert not detect(
        readings(trace(agent(), llm("hi", "Hello", prompt=LISTED), llm("x", "Bye", at=2)))
    )


@pytest.mark.parametrize(
    "plan",
    [
        "1. Identify the page on Wikipedia that has the date.",
        "- Retrieve the date from the town's website\n- Report it",
        "Step 2: First, look up the year in an official source.",
    ],
)
def test_a_plan_to_look_names_no_tool(plan: str) -> None:
    """Whoever lists a look at a source outside, has a tool, and asks none, looked nowhere."""
    answer = llm("answer", "It was in 1973.", prompt=LISTED, at=3)
    signal = only(trace(agent(), llm("plan", plan, prompt=LISTED, at=1), answer))
    assert (signal.fault, signal.origin_id) == (Fault.UNSUPPORTED_ANSWER, "answer")


@pytest.mark.parametrize(
    "plan",
    [
        "1. Re-read the task and note the premises.",
        "1. Identify the sentence in the text of the task.\n2. Count its words.",
        "1. Read the article given above.",
        "1. Work out the sum.",
        "I could look it up on Wikipedia, but there is no need.",
    ],
)
def test_a_plan_that_stays_with_what_was_given_needs_no_tool(plan: str) -> None:
    """A riddle is solved by thinking."""
    answer = llm("answer", "It was in 1973.", prompt=LISTED, at=3)
    assert not detect(readings(trace(agent(), llm("plan", plan, prompt=LISTED, at=1), answer)))


@pytest.mark.parametrize(
    "said",
    [
        "According to the almanac it was in 1973.",
        "The record shows that it was in 1973.",
        "After carefully querying our team, it was in 1973.",
    ],
)
def test_such_an_answer_that_names_a_source_claims_a_look_that_nobody_took(said: str) -> None:
    """Two faults at one step: nothing was observed, and it says that something was."""
    plan = llm("plan", "1. Use web_search for the date", prompt=LISTED, at=1)
    answer = llm("answer", said, prompt=LISTED, at=3)
    run = trace(agent(), plan, answer, tool("end", name="final_answer", at=4))
    faults = {signal.fault for signal in detect(readings(run))}
    assert faults == {Fault.UNSUPPORTED_ANSWER, Fault.CLAIMED_ACT}


def test_failing_code_in_a_chat_begins_with_the_turn_that_wrote_it() -> None:
    """The terminal only ran it; a later run that works closes the fault."""
    signal = only(
        chat(("Lead", "Divide."), ("Coder", CODE), ("Terminal", CRASHED), ("Lead", "Sorry, no."))
    )
    assert (signal.fault, signal.span_id, signal.origin_id) == (
        Fault.FAILED_CODE,
        "step-2",
        "step-1",
    )
    assert signal.agent == "Coder"
    mended = chat(
        ("Coder", CODE), ("Terminal", CRASHED), ("Coder", CODE), ("Terminal", RAN), ("Coder", "4")
    )
    assert only(mended).recovered_by == "step-3"


def test_a_chat_that_ends_on_a_tools_turn_has_no_answer() -> None:
    """It went wrong where the first call failed; else at the last one."""
    signal = only(chat(("Lead", "Go."), ("Coder", CODE), ("Terminal", RAN)))
    assert (signal.fault, signal.origin_id) == (Fault.INCOMPLETE_RUN, "step-1")


def test_figures_that_nobody_gave_are_unsourced() -> None:
    """Before anything ran, and where something could have been run."""
    made_up = ("Expert", "The towns have 737,015 and 4,965 people.")
    nothing = ("Terminal", "There is no code to execute.")
    signal = only(chat(("Lead", "Compare the towns."), made_up, nothing, ("Lead", "Done.")))
    assert (signal.fault, signal.origin_id) == (Fault.UNSUPPORTED_CLAIM, "step-1")
    given = ("Lead", "Compare 737015 and 4965.")
    assert not detect(readings(chat(given, made_up, nothing, ("Lead", "Done."))))
    assert not detect(readings(chat(("Lead", "Compare the towns."), made_up, ("Lead", "Done."))))
    sourced = ("Terminal", "exitcode: 0\nCode output: 737,015 4,965")
    assert not detect(readings(chat(("Lead", "Compare."), ("Expert", CODE), sourced, made_up)))


def test_tool_messages_count_where_tools_have_no_spans() -> None:
    """A trace of model calls alone shows the answers of tools in the next prompt."""
    second = llm(
        "second",
        "Sorry, that failed.",
        at=2,
        attributes={
            "llm.input_messages.1.message.role": "tool",
            "llm.input_messages.1.message.content": "Error: Connection refused",
        },
    )
    signal = only(trace(agent(), llm("first", calls=[("search", "{}")], at=1), second))
    assert (signal.fault, signal.origin_id) == (Fault.CONNECTION, "second")


def test_the_word_error_in_a_prompt_is_none() -> None:
    """Tasks and prompts may speak of errors as they like."""
    prompt = "Error: this prompt begins like one. Traceback (most recent call last): KeyError: 'x'"
    assert not detect(readings(trace(agent(), llm("m", "Understood.", prompt=prompt))))
