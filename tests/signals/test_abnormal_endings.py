"""However a provider says that a model call did not end well, it is told; silence too."""

from __future__ import annotations

import json

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.faults import Fault
from tests.builders import trace
from tests.signals.scripts import FORMS, gives, place, says, system, told, user
from tests.signals.steps import agent, faults, llm, only

BLOCKED, MALFORMED = Fault.BLOCKED_OUTPUT, Fault.MALFORMED_CALL
ENDINGS = {
    "content_filter": BLOCKED,
    "content-filter": BLOCKED,
    "contentFilter": BLOCKED,
    "SAFETY": BLOCKED,
    "FinishReason.SAFETY": BLOCKED,
    "RECITATION": BLOCKED,
    "PROHIBITED_CONTENT": BLOCKED,
    "BLOCKLIST": BLOCKED,
    "SPII": BLOCKED,
    "IMAGE_SAFETY": BLOCKED,
    "guardrail_intervened": BLOCKED,
    "content_filtered": BLOCKED,
    "ERROR_TOXIC": BLOCKED,
    "refusal": BLOCKED,
    "MALFORMED_FUNCTION_CALL": MALFORMED,
    "UNEXPECTED_TOOL_CALL": MALFORMED,
    "malformed_model_output": MALFORMED,
    "malformed_tool_use": MALFORMED,
    "pause_turn": Fault.INCOMPLETE_RUN,
    "model_context_window_exceeded": Fault.RESOURCE_EXHAUSTED,
    "insufficient_system_resource": Fault.HTTP_ERROR,
    "error": Fault.HTTP_ERROR,
    "length": Fault.TRUNCATED_OUTPUT,
    "MAX_TOKENS": Fault.TRUNCATED_OUTPUT,
    "max_output_tokens": Fault.TRUNCATED_OUTPUT,
}
WELL = ("stop", "STOP", "end_turn", "stop_sequence", "COMPLETE", "eos", "FinishReason.STOP")


def _attributes(way: str, reason: str) -> dict[str, JsonValue]:
    match way:
        case "a flat attribute":
            return {"llm.finish_reason": reason}
        case "a list":
            return {"gen_ai.response.finish_reasons": [reason]}
        case "metadata":
            return {"metadata": json.dumps({"finish_reason": reason})}
        case "the response":
            return {"output.value": json.dumps({"candidates": [{"finishReason": reason}]})}
        case _:
            return {"output.value": json.dumps({"stopReason": reason, "output": {}})}


WAYS = ("a flat attribute", "a list", "metadata", "the response", "another response")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("reason", "fault"), ENDINGS.items())
def test_every_reason_is_told_wherever_it_is_recorded(reason: str, fault: Fault, way: str) -> None:
    """One word, five places, one fault."""
    signal = only(trace(agent(), llm("m", "Half an", attributes=_attributes(way, reason), at=1)))
    assert (signal.fault, signal.origin_id) == (fault, "m")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reason", WELL)
def test_a_model_that_was_done_did_well(reason: str, way: str) -> None:
    """Every provider has its own word for it."""
    found = trace(agent(), llm("m", "All is fine.", attributes=_attributes(way, reason), at=1))
    assert not faults(found)


def test_a_prompt_that_was_blocked_is_told() -> None:
    """There is no answer that could have a reason."""
    held = {"output.value": json.dumps({"promptFeedback": {"blockReason": "SAFETY"}})}
    assert only(trace(agent(), llm("m", attributes=held, at=1))).fault is BLOCKED


def test_a_reason_in_what_the_model_wrote_about_is_none() -> None:
    """An answer may speak of finish reasons."""
    said = "The field says content_filter when a filter stopped it."
    assert not faults(trace(agent(), llm("m", said, at=1)))


def test_a_second_try_that_spoke_makes_it_good() -> None:
    """The loop asked again and got an answer."""
    cut = llm("m1", "", attributes={"llm.finish_reason": "SAFETY"}, at=1)
    signal = only(trace(agent(), cut, llm("m2", "Here it is.", at=2)))
    assert signal.recovered_by == "m2"


LOOKED_UP = (
    system("You help with recipes."),
    user("What can I cook with leeks?"),
    says("", ("c1", "find", {"with": "leek"})),
    gives("c1", '["leek pie"]'),
)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_stop_with_nothing_said_is_told(form: str) -> None:
    """The tool answered, and the user gets an empty message."""
    assert told(form, *LOOKED_UP, says(""), tools=["find"]) == [("empty_output", place(form, 4))]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_words_after_the_lookup_are_fine(form: str) -> None:
    """The same run with an answer."""
    assert not told(form, *LOOKED_UP, says("A leek pie."), tools=["find"])


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_empty_answer_that_was_asked_for_is_fine(form: str) -> None:
    """The instructions say what to do where there is nothing to say."""
    told_so = system("Extract warranty clauses. Return nothing if there are none.")
    assert not told(form, told_so, user("TEXT: Lunch is at one."), says(""))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_agent_that_told_the_user_by_a_tool_need_not_say_it_again(form: str) -> None:
    """The message was sent; the empty turn ends the loop."""
    sent = says("", ("c1", "send_message", {"text": "A leek pie."}))
    script = (user("What can I cook? Write me."), sent, gives("c1", "sent"), says(""))
    assert not told(form, *script, tools=["send_message"])


def test_a_reason_that_promises_a_call_that_never_came() -> None:
    """The parser lost the call; the loop took the silence for the end."""
    ended = {"llm.finish_reason": "tool_calls"}
    assert only(trace(agent(), llm("m", "", attributes=ended, at=1))).fault is MALFORMED
