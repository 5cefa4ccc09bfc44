"""Sessions of Claude Code: the smallest of each case, and what is damaged or stands twice.

The shapes are those of the published session files; the texts are made up.
"""

from __future__ import annotations

import json
from pathlib import Path

from investigator.formats.registry import decode
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.readings.steps import StepKind
from investigator.traces.model import Span, Trace
from investigator.traces.openinference import output_messages_of, token_counts_of, tool_io_of
from tests.builders import readings

USAGE: JsonValue = {
    "input_tokens": 4,
    "output_tokens": 2,
    "cache_read_input_tokens": 90,
    "cache_creation_input_tokens": 7,
}


def line(kind: str, content: JsonValue, at: int, **more: JsonValue) -> dict[str, JsonValue]:
    """An event; `at` is its second, and its uuid unless it is given one."""
    inner: dict[str, JsonValue] = {"role": kind, "content": content}
    if kind == "assistant":
        answer = more.pop("answer", f"msg-{at}")
        inner |= {"id": answer, "model": "claude-x", "usage": more.pop("usage", USAGE)}
    return {
        "type": kind,
        "uuid": f"u{at}",
        "sessionId": "s-1",
        "timestamp": f"2026-01-01T00:00:{at:02}.000Z",
        "message": inner,
        **more,
    }


def use(call_id: str, name: str, given: JsonValue) -> JsonValue:
    """A block that asks for a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: JsonValue, **more: JsonValue) -> JsonValue:
    """A block with a tool's result."""
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


PLAIN = [
    line("user", "List the files.", 0),
    line("assistant", [{"type": "thinking", "thinking": "ls"}], 1, answer="m"),
    line("assistant", [{"type": "text", "text": "I look."}], 2, answer="m"),
    line("assistant", [use("c1", "Bash", {"command": "ls"})], 3, answer="m"),
    line("user", [result("c1", "no such file", is_error=True)], 5),
    line("assistant", [{"type": "text", "text": "There are none."}], 6),
]


def read(lines: JsonValue) -> tuple[Span, ...]:
    """The spans of a list of events."""
    return decode(lines, stem="file")


def test_a_session_is_turns_with_times_tokens_and_calls() -> None:
    """One answer of the model is one turn, whatever number of lines it was written in."""
    asked, said, tool, answered = read(list(PLAIN))
    assert {span.trace_id for span in (asked, said, tool, answered)} == {"s-1"}
    assert [s.kind.value for s in (asked, said, tool, answered)] == [
        "UNKNOWN",
        "LLM",
        "TOOL",
        "LLM",
    ]
    (message,) = output_messages_of(said)
    assert (message.content, [c.name for c in message.tool_calls]) == ("I look.", ["Bash"])
    counts = token_counts_of(said)
    assert (counts.prompt, counts.completion) == (4, 2)
    assert said.attributes["llm.token_count.prompt_details.cache_read"] == 90
    assert said.attributes["llm.token_count.prompt_details.cache_write"] == 7
    assert said.attributes["llm.model_name"] == "claude-x"
    assert said.attributes["source.thinking"] == "ls"
    assert (said.latency_ms, tool.latency_ms) == (None, 4000.0)
    io = tool_io_of(tool)
    assert io is not None
    assert (io.name, io.arguments, io.result) == ("Bash", '{"command":"ls"}', "no such file")
    assert (tool.status.value, tool.status_message) == ("ERROR", "no such file")
    assert asked.attributes["session.id"] == "s-1"


def test_a_session_with_times_reads_as_a_transcript() -> None:
    """Each thing said once, the call with its own result."""
    steps = readings(Trace("s-1", read(list(PLAIN)))).steps
    assert [step.kind for step in steps] == [
        StepKind.USER,
        StepKind.MODEL,
        StepKind.TOOL,
        StepKind.ANSWER,
    ]
    call = steps[2].call
    assert call is not None
    assert (call.tool, call.result, call.is_error) == ("Bash", "no such file", True)


def sidechain(**marks: JsonValue) -> list[dict[str, JsonValue]]:
    """What a subagent was told and did."""
    return [
        line("user", "Find it.", 20, isSidechain=True, **marks),
        line("assistant", [use("c9", "Grep", {"pattern": "x"})], 21, isSidechain=True, **marks)
        | {"parentUuid": "u20"},
        line("user", [result("c9", "hit")], 22, isSidechain=True, **marks) | {"parentUuid": "u21"},
    ]


TASK = line(
    "assistant",
    [use("t1", "Task", {"subagent_type": "Explore", "prompt": "Find it."})],
    10,
)


def parts(lines: list[dict[str, JsonValue]]) -> tuple[Span, Span, list[Span]]:
    """The call that started the subagent, its AGENT span and its turns."""
    spans = read([dict(one) for one in lines])
    (agent,) = (span for span in spans if span.kind == "AGENT")
    (call,) = (span for span in spans if span.text("tool.name") in ("Task", "Agent"))
    return call, agent, [span for span in spans if span.parent_id == agent.span_id]


def test_a_subagent_stands_below_the_call_that_started_it() -> None:
    """Known by its agent's id, by the id of the call, or by its prompt."""
    ended = line("user", [result("t1", "found")], 30, toolUseResult={"agentId": "a7"})
    plain = line("user", [result("t1", "found")], 30)
    for lines in (
        [TASK, *sidechain(agentId="a7"), ended],
        [TASK, *sidechain(), plain],
        [TASK, *sidechain(parent_tool_use_id="t1"), plain],
    ):
        call, agent, turns = parts(lines)
        assert (agent.parent_id, agent.name) == (call.span_id, "Explore")
        assert [turn.kind.value for turn in turns] == ["UNKNOWN", "LLM", "TOOL"]
        assert turns[1].text("agent.name") == "Explore"
        steps = readings(Trace("s-1", read([dict(one) for one in lines]))).steps
        assert [step.kind for step in steps].count(StepKind.TOOL) == 2


def test_a_subagent_in_a_file_of_its_own_is_part_of_the_trace(tmp_path: Path) -> None:
    """The call's result names the agent, whose file names itself."""
    ended = line("user", [result("t1", "found")], 30, toolUseResult={"agentId": "a7"})
    files = {"s-1": [TASK, ended], "agent-a7": sidechain(agentId="a7")}
    for name, lines in files.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = list(read_source([tmp_path]))
    spans = [span for item in items if isinstance(item, Decoded) for span in item.spans]
    trace = Trace("s-1", spans)
    assert {span.trace_id for span in spans} == {"s-1"}
    assert not trace.duplicate_ids
    (agent,) = (span for span in spans if span.kind == "AGENT")
    parent = trace.get(agent.parent_id or "")
    assert parent is not None
    assert parent.text("tool.name") == "Task"


def test_the_lines_of_a_resumed_session_are_read_once() -> None:
    """A line that stands twice has the same uuid."""
    assert read([*PLAIN, *PLAIN[:4]]) == read(list(PLAIN))


def test_what_is_no_line_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """A line that was cut off, one of another kind, one whose message says nothing."""
    texts = [json.dumps(one) for one in PLAIN]
    texts[1:1] = [
        '{"type": "user", "mess',
        '{"silly": 1}',
        json.dumps(PLAIN[0] | {"uuid": "x", "message": "?"}),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(texts))
    items = list(read_source([tmp_path]))
    troubles = [item for item in items if isinstance(item, Unreadable)]
    assert [trouble.line for trouble in troubles] == [2, 3, None]
    spans = [span for item in items if isinstance(item, Decoded) for span in item.spans]
    assert [span.kind.value for span in spans] == ["UNKNOWN", "LLM", "TOOL", "LLM"]


def test_what_stream_json_says_is_kept() -> None:
    """The tools that were offered, how the run ended, a failed request to the model."""
    lines: list[JsonValue] = [
        {"type": "system", "subtype": "init", "session_id": "z", "tools": ["Bash"]},
        {"type": "assistant", "session_id": "z", "message": {"role": "assistant", "content": "hi"}},
        {
            "type": "assistant",
            "session_id": "z",
            "isApiErrorMessage": True,
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "API Error: 529"}],
            },
        },
        {"type": "result", "subtype": "success", "duration_ms": 5, "total_cost_usd": 0.1},
    ]
    first, failed = read(lines)
    assert (first.trace_id, first.attributes["llm.tools.0.tool.name"]) == ("z", "Bash")
    assert first.attributes["source.result.total_cost_usd"] == 0.1
    assert (failed.status.value, failed.status_message) == ("ERROR", "API Error: 529")
