"""Rollouts of Codex, in the published shape: each kind of item and event, and what is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.formats.registry import decode
from investigator.formats.source_files import Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span
from investigator.traces.openinference import output_messages_of, token_counts_of, tool_io_of


def line(kind: str, at: int, **payload: JsonValue) -> dict[str, JsonValue]:
    """A line of a rollout."""
    return {"timestamp": f"2026-01-01T00:00:{at:02}Z", "type": kind, "payload": payload}


def item(kind: str, at: int, **fields: JsonValue) -> dict[str, JsonValue]:
    """An item of a response."""
    return line("response_item", at, type=kind, **fields)


def event(kind: str, at: int, **fields: JsonValue) -> dict[str, JsonValue]:
    """An event."""
    return line("event_msg", at, type=kind, **fields)


META = line("session_meta", 0, id="r-1", cwd="/w", base_instructions={"text": "Be brief."})
ASKED = item("message", 1, role="user", content=[{"type": "input_text", "text": "Look."}])
CALL = item("function_call", 3, id="fc_1", call_id="call_1", name="shell", arguments='{"a":1}')
OUTPUT = item("function_call_output", 5, call_id="call_1", output="a.txt")
SAID = item("message", 2, role="assistant", content=[{"type": "output_text", "text": "I look."}])
TOKENS = event(
    "token_count",
    4,
    info={"last_token_usage": {"input_tokens": 9, "cached_input_tokens": 5, "output_tokens": 2}},
)


def read(*lines: dict[str, JsonValue]) -> tuple[Span, ...]:
    """The spans of a rollout."""
    return decode(list(lines), stem="file")


def calls_of(spans: tuple[Span, ...]) -> list[tuple[str | None, str | None, str | None, str]]:
    """Name, arguments, result and status of each call that was answered."""
    ios = [(io, span.status.value) for span in spans if (io := tool_io_of(span)) is not None]
    return [(io.name, io.arguments, io.result, status) for io, status in ios]


def test_a_response_is_one_turn_with_its_tokens() -> None:
    """What it said and what it asked for; the answer belongs to `call_id`."""
    context = line("turn_context", 1, model="gpt-x")
    spans = read(META, context, ASKED, SAID, CALL, TOKENS, TOKENS, OUTPUT)
    assert [span.kind.value for span in spans] == ["UNKNOWN", "UNKNOWN", "LLM", "TOOL"]
    (message,) = output_messages_of(spans[2])
    assert (message.content, message.tool_calls[0].call_id) == ("I look.", "call_1")
    counts = token_counts_of(spans[2])
    assert (counts.prompt, counts.completion) == (9, 2)
    assert spans[2].attributes["llm.token_count.prompt_details.cache_read"] == 5
    assert spans[2].attributes["llm.model_name"] == "gpt-x"
    assert calls_of(spans) == [("shell", '{"a":1}', "a.txt", "UNSET")]
    assert spans[3].latency_ms == 2000.0
    assert {span.trace_id for span in spans} == {"r-1"}
    assert spans[0].attributes["source.cwd"] == "/w"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (
            "mcp_tool_call_end",
            {
                "invocation": {"server": "s", "tool": "t", "arguments": {"q": 1}},
                "result": {"Ok": {"content": [{"type": "text", "text": "r"}], "isError": True}},
            },
            ("t", '{"q":1}', "r", "ERROR"),
        ),
        (
            "mcp_tool_call_end",
            {"invocation": {"tool": "t", "arguments": {}}, "result": {"Err": "down"}},
            ("t", "{}", "down", "ERROR"),
        ),
        (
            "exec_command_end",
            {"command": ["ls"], "aggregated_output": "x", "exit_code": 0},
            ("exec_command", '["ls"]', "x", "UNSET"),
        ),
        (
            "patch_apply_end",
            {"changes": {"a": {}}, "success": False, "stdout": "", "stderr": "no"},
            ("apply_patch", '{"a":{}}', "no", "ERROR"),
        ),
    ],
)
def test_a_call_that_only_an_event_tells_of_is_read(
    kind: str, fields: dict[str, JsonValue], expected: tuple[str, str, str, str]
) -> None:
    """Once; an event of a call that an item tells of adds nothing."""
    assert calls_of(read(META, ASKED, SAID, event(kind, 4, call_id="e1", **fields))) == [expected]
    known = event(kind, 5, call_id="call_1", **fields)
    assert len(calls_of(read(META, ASKED, SAID, CALL, OUTPUT, known))) == 1


def test_a_file_of_events_alone_is_read() -> None:
    """As old versions wrote it."""
    spans = read(
        META, event("user_message", 1, message="q"), event("agent_message", 2, message="a")
    )
    assert [span.kind.value for span in spans] == ["UNKNOWN", "UNKNOWN", "LLM"]


def test_an_error_is_a_turn_that_failed() -> None:
    """With its message."""
    spans = read(META, ASKED, event("error", 2, message="usage limit"))
    assert (spans[-1].status.value, spans[-1].status_message) == ("ERROR", "usage limit")


def test_a_rollout_of_no_turns_is_named(tmp_path: Path) -> None:
    """And so is a line that was cut off."""
    (tmp_path / "a.jsonl").write_text(json.dumps(META | {"payload": {"id": "r"}}) + '\n{"typ')
    cut, nothing = read_source([tmp_path])
    assert isinstance(cut, Unreadable)
    assert isinstance(nothing, Unreadable)
    assert cut.line == 2
    assert "a Codex rollout of no turns" in nothing.reason
