"""The tools that a request was offered are known in a transcript too, however they are listed."""

from __future__ import annotations

import pytest

from investigator.formats.chat import decode_chat
from investigator.ground.canonical_json import JsonValue
from investigator.signals.offered_tools import offered_tools
from investigator.traces.model import Trace
from tests.builders import readings

SCHEMA: JsonValue = {"type": "object", "properties": {"city": {"type": "string"}}}
LISTED: dict[str, dict[str, JsonValue]] = {
    "openai": {
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    },
    "functions": {"functions": [{"name": "weather", "parameters": SCHEMA}]},
    "anthropic": {"tools": [{"name": "weather", "input_schema": SCHEMA}]},
    "gemini": {"tools": [{"functionDeclarations": [{"name": "weather", "parameters": SCHEMA}]}]},
    "bedrock": {
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]
        }
    },
}


@pytest.mark.parametrize("listed", LISTED.values(), ids=LISTED)
def test_the_tools_of_a_transcript_are_offered_to_each_of_its_model_turns(
    listed: dict[str, JsonValue],
) -> None:
    """A request lists them once, beside its messages."""
    messages: JsonValue = [
        {"role": "user", "content": "Is it raining in Bern?"},
        {"role": "assistant", "content": "In a moment."},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": "It is."},
    ]
    spans = list(decode_chat({"messages": messages, **listed}, stem="t"))
    view = readings(Trace("t", spans)).view
    for span in view.model_calls:
        assert set(offered_tools(view, span)["weather"].properties) == {"city"}
    assert not any(key.startswith("source.tool") for key in spans[0].attributes)
