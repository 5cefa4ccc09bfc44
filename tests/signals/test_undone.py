"""What an agent says it did and did not, in every form; and what only looks like it."""

from __future__ import annotations

import pytest

from investigator.readings.written_calls import calls_written, own_result
from tests.signals.scripts import FORMS, gives, place, says, system, told, user

TOOLS = ("read_file", "list_dir", "book_table")
CODER = system("You are a coding assistant. Your tools: read_file, list_dir, book_table.")
ASK = user("What does the retry section of settings.yaml say?")
WRITTEN = {
    "json in a tag": '<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>',
    "a bare object": '{"name": "read_file", "parameters": {"path": "a"}}',
    "an object in a fence": '```json\n{"tool": "read_file", "args": {"path": "a"}}\n```',
    "an object after words": 'I will.\n{"action": "read_file", "action_input": {"path": "a"}}',
    "the wire format": '{"type": "function", "function": {"name": "read_file", "arguments": ""}}',
    "arguments first": '{"arguments": {"path": "a"}, "name": "read_file"}',
    "a function tag": "<function=read_file><parameter=path>a</parameter></function>",
    "an invoke tag": '<invoke name="read_file"><parameter name="path">a</parameter></invoke>',
    "a name in a tag": "<tool_call>read_file\n<arg_key>path</arg_key><arg_value>a</arg_value>",
    "own tags": "<read_file>\n<path>a</path>\n</read_file>",
    "a channel": '<|channel|>commentary to=functions.read_file <|message|>{"path": "a"}',
    "a numbered function": 'functions.read_file:0 {"path": "a"}',
    "a marker": '[TOOL_CALLS]read_file{"path": "a"}',
    "another marker": '[TOOL_CALLS] [{"name": "read_file", "arguments": {"path": "a"}}]',
    "a separator": "<｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n{}<｜tool▁call▁end｜>",
    "reason and act": 'Thought: look.\nAction: read_file\nAction Input: {"path": "a"}',
    "a python call": 'read_file(path="a")',
    "a list of python calls": '[read_file(path="a")]',
    "an api object": '```tool_code\nprint(default_api.read_file(path="a"))\n```',
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_call_is_known_however_it_is_written(text: str) -> None:
    """Each family of models has its own way to write a call into its text."""
    assert calls_written(text) == ("read_file",)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_call_in_the_text_of_the_answer_ran_nothing(form: str, text: str) -> None:
    """The runtime took it for words, and so did the user."""
    assert told(form, CODER, ASK, says(text), tools=TOOLS) == [("written_call", place(form, 2))]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_loop_that_is_driven_by_text_runs_its_calls(form: str) -> None:
    """What came next is the result, handed back in words."""
    call = says('Action: read_file\nAction Input: {"path": "settings.yaml"}')
    back = user("Observation: retry: 3")
    assert not told(form, CODER, ASK, call, back, says("It says 3 retries."), tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_call_that_somebody_asked_to_see_is_an_answer(form: str) -> None:
    """Documentation of a format is full of calls."""
    shown = user('What is wrong here: {"name": "read_file", "arguments": {"path": 1}}?')
    better = says('The path must be text: {"name": "read_file", "arguments": {"path": "a"}}')
    assert not told(form, CODER, shown, better, tools=TOOLS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_an_object_that_names_no_tool_is_data(form: str) -> None:
    """A record may well have a name and parameters."""
    record = says('{"name": "espresso", "parameters": {"pressure": 9}}')
    assert not told(form, CODER, user("Show me a recipe record."), record, tools=TOOLS)


OWN = 'Action: read_file\nAction Input: {"path": "a"}\nObservation: retry: 5\nIt says 5 retries.'


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "text",
    [OWN, '<tool_call>{"name": "read_file", "arguments": {}}</tool_call><tool_response>retry: 5'],
)
def test_a_result_that_the_model_wrote_itself_is_invented(form: str, text: str) -> None:
    """It went on beyond its call and wrote what the tool would have said."""
    found = told(form, CODER, ASK, says(text), tools=TOOLS)
    assert found == [("invented_observation", place(form, 2))]


def test_a_result_that_is_repeated_was_observed() -> None:
    """Whoever quotes a call and what really came back invents nothing."""
    call = says("", ("c1", "read_file", {"path": "a"}))
    script = (CODER, ASK, call, gives("c1", "retry: 5\nIt says 5 retries."), says(OWN))
    assert "invented_observation" not in {fault for fault, _ in told("tree", *script, tools=TOOLS)}
    assert own_result("Observation: the sky is blue.", {"read_file"}) is None


TASK = user("Which screens still import the old theme?")


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "text",
    [
        "I checked every screen file. None imports the old theme.",
        "I have updated the settings and booked the table for you.",
        "Having reviewed all the files, I can say that none does.",
    ],
)
def test_whoever_had_tools_and_called_none_has_looked_at_nothing(form: str, text: str) -> None:
    """No call stands behind the claim."""
    first = says("Let me see.")
    script = (CODER, TASK, first, user("Well?"), says(text))
    needed = ("requests", "tree", "genai")
    found = told(form, *script, tools=TOOLS)
    if form in needed:
        assert found == [("claimed_act", place(form, 4))]


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize(
    "text",
    [
        "I can check the files for you. Which folder is it?",
        "I have not checked the files yet; I lack the permission.",
        "The old theme is imported by name.",
    ],
)
def test_whoever_claims_nothing_is_fine(form: str, text: str) -> None:
    """An offer, an admission, a plain statement."""
    assert "claimed_act" not in {f for f, _ in told(form, CODER, TASK, says(text), tools=TOOLS)}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_was_given_in_the_request_may_have_been_read(form: str) -> None:
    """The material came with the question."""
    long = user("Review this text:\n" + "The theme is imported by every screen. " * 60)
    script = (CODER, long, says("I reviewed the text; it repeats itself."))
    assert not told(form, *script, tools=TOOLS)


BOOKING = (CODER, user("Book a table for two at eight."))
TRIED = says("", ("c1", "book_table", {"people": 2, "at": "20:00"}))
DONE = says("Great news! I have booked your table for two at eight.")


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_booking_after_the_call_failed_is_a_claim(form: str) -> None:
    """The only call of its kind was refused."""
    refused = gives("c1", '{"ok": false, "error": "no table is free at 20:00"}')
    found = told(form, *BOOKING, TRIED, refused, DONE, tools=TOOLS)
    assert "claimed_act" in {fault for fault, _ in found}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_booking_that_worked_in_the_end_is_none(form: str) -> None:
    """The second try was confirmed."""
    refused = gives("c1", '{"ok": false, "error": "no table is free at 20:00"}')
    again = says("", ("c2", "book_table", {"people": 2, "at": "20:30"}))
    script = (*BOOKING, TRIED, refused, again, gives("c2", '{"ok": true, "id": "T-7"}'), DONE)
    assert not told(form, *script, tools=TOOLS)
