"""Chat transcripts are flat traces of steps."""

from __future__ import annotations

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, StatusCode
from investigator.traces.openinference import input_messages_of, output_messages_of, tool_io_of


def steps(*entries: JsonValue, **run: JsonValue) -> tuple[Span, ...]:
    """The spans of a transcript of these entries."""
    return decode({**run, "messages": list(entries)}, stem="file")


def asked(*calls: JsonValue) -> JsonValue:
    """An assistant's turn that asks for tools."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def call(call_id: str, name: str, arguments: JsonValue) -> JsonValue:
    """An OpenAI tool call."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


@pytest.mark.parametrize(
    ("run", "trace_id"),
    [
        ({"run_id": "r", "trace_id": "t", "id": "i"}, "r"),
        ({"trace_id": "t", "id": "i"}, "t"),
        ({"id": 7}, "7"),
        ({}, "file"),
    ],
)
def test_the_trace_id_is_the_transcripts_or_the_files(
    run: dict[str, JsonValue], trace_id: str
) -> None:
    """In the order run_id, trace_id, id, file stem."""
    (span,) = steps({"role": "user", "content": "hi"}, **run)
    assert span.trace_id == trace_id


def test_steps_are_counted_from_zero_and_have_no_times() -> None:
    """A transcript says nothing of time or nesting, so neither is invented."""
    spans = steps({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})
    assert [span.span_id for span in spans] == ["step-0", "step-1"]
    assert {(s.start_ns, s.end_ns, s.parent_id) for s in spans} == {(None, None, None)}


@pytest.mark.parametrize(
    ("entry", "kind", "agent"),
    [
        ({"role": "system"}, "UNKNOWN", None),
        ({"role": "user"}, "UNKNOWN", None),
        ({"role": "human"}, "UNKNOWN", None),
        ({"role": "developer"}, "UNKNOWN", None),
        ({"role": "assistant"}, "LLM", "assistant"),
        ({"role": "user", "name": "Expert"}, "AGENT", "Expert"),
        ({"role": "assistant", "name": "Expert (thinking)"}, "AGENT", "Expert"),
        ({"role": "Orchestrator (-> WebSurfer)"}, "AGENT", "Orchestrator"),
        ({"role": "tool", "name": "search"}, "TOOL", None),
    ],
)
def test_the_kind_of_a_step_follows_from_who_speaks(
    entry: dict[str, JsonValue], kind: str, agent: str | None
) -> None:
    """An agent's name is `name`, else `role`, up to a remark in parentheses."""
    (span,) = steps({**entry, "content": "x"})
    assert (span.kind, span.text("agent.name")) == (kind, agent)


def test_each_step_carries_its_own_message() -> None:
    """What an agent says is output; what it is told is input."""
    user, model = steps({"role": "user", "content": "q"}, {"role": "assistant", "content": "a"})
    assert [m.content for m in input_messages_of(user)] == ["q"]
    assert output_messages_of(user) == ()
    assert [m.content for m in output_messages_of(model)] == ["a"]
    assert (user.text("input.value"), model.text("output.value")) == ("q", "a")


def test_a_tool_step_has_the_call_that_it_answers_by_id() -> None:
    """Whatever the order of the answers; the arguments are the model's own text."""
    _, second, first = steps(
        asked(call("1", "add", '{"a": 1}'), call("2", "sub", '{"a":  2}')),
        {"role": "tool", "tool_call_id": "2", "content": "two"},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
    )
    for span, expected in (
        (second, ("sub", '{"a":  2}', "two")),
        (first, ("add", '{"a": 1}', "one")),
    ):
        io = tool_io_of(span)
        assert io is not None
        assert (io.name, io.arguments, io.result) == expected


@pytest.mark.parametrize("missing", [None, ""])
def test_answers_without_ids_are_matched_in_turn(missing: str | None) -> None:
    """Some systems give no ids, or empty ones."""
    spans = steps(
        asked(call("", "add", {"a": 1}), call("", "sub", {})),
        {"role": "tool", "tool_call_id": missing, "content": "1"},
        {"role": "tool", "tool_call_id": missing, "content": "2"},
        {"role": "tool", "tool_call_id": missing, "content": "3"},
    )
    ios = [io for span in spans if (io := tool_io_of(span)) is not None]
    assert [(io.name, io.arguments) for io in ios] == [
        ("add", '{"a":1}'),
        ("sub", "{}"),
        (None, None),
    ]


def test_an_answer_that_repeats_its_call_is_believed() -> None:
    """The tool's own record of the call is nearer than the model's."""
    _, span = steps(
        asked(call("1", "add", {})),
        {
            "role": "tool",
            "tool_call_id": "1",
            "content": "x",
            "tool_call": {"function": "mul", "args": {"b": 2}},
        },
    )
    io = tool_io_of(span)
    assert io is not None
    assert (span.name, io.name, io.arguments) == ("mul", "mul", '{"b":2}')


def test_an_id_that_matches_no_call_answers_none() -> None:
    """The name of the entry is still known."""
    _, span = steps(
        asked(call("1", "add", {})),
        {"role": "tool", "tool_call_id": "9", "name": "other", "content": "x"},
    )
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.arguments) == ("other", None)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [("ValueError: no", StatusCode.ERROR, "ValueError: no"), (None, StatusCode.UNSET, "")],
)
def test_an_error_of_a_tool_is_its_status(
    error: str | None, status: StatusCode, message: str
) -> None:
    """A null error is no error."""
    (span,) = steps({"role": "tool", "content": "x", "error": error})
    assert (span.status, span.status_message) == (status, message)


def test_nothing_of_a_transcript_is_lost() -> None:
    """Fields of the run stand on the first span, fields of an entry on its own."""
    first, second = steps(
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "cost": 3},
        question="why?",
        system_prompt={"Expert": "be good"},
        model="m-1",
    )
    assert first.attributes["source.question"] == "why?"
    assert first.attributes["source.system_prompt.Expert"] == "be good"
    assert second.attributes["source.cost"] == 3
    assert second.attributes["llm.model_name"] == "m-1"
    assert "llm.model_name" not in first.attributes


def test_a_history_and_a_bare_list_are_transcripts_too() -> None:
    """The trace id of a list is the file's stem."""
    entry: JsonValue = {"role": "user", "content": "hi"}
    (of_history,) = decode({"history": [entry]}, stem="file")
    (of_list,) = decode([entry], stem="file")
    assert of_history == of_list


def test_content_in_parts_is_one_text() -> None:
    """Text parts are joined."""
    (span,) = steps(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": "data:"}},
                {"type": "text", "text": "two"},
            ],
        }
    )
    assert [(m.role, m.content) for m in input_messages_of(span)] == [("user", "one\ntwo")]


def test_several_transcripts_without_ids_are_several_traces() -> None:
    """The first is called after the file, the others are numbered."""
    run: JsonValue = {"messages": [{"role": "user", "content": "hi"}]}
    assert [span.trace_id for span in decode([run, run], stem="file")] == ["file", "file-1"]
