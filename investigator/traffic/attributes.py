"""What the events of a run are in OpenInference terms."""

from __future__ import annotations

from investigator.canonical import JsonValue
from investigator.runtime.events import ToolFailed, Usage
from investigator.runtime.prompting import Rendered
from investigator.runtime.status import ErrorCode

TEXT, JSON = "text/plain", "application/json"
Attributes = dict[str, JsonValue]


def output(text: str) -> Attributes:
    """An answer, a page or a reply, all of which should be JSON."""
    kind = JSON if text[:1] in ("{", "[") else TEXT
    return {"output.value": text, "output.mime_type": kind}


def input_messages(prompt: Rendered | None) -> Attributes:
    """The two messages of a prompt; none where it is not known."""
    if prompt is None:
        return {}
    messages = (("system", prompt.system), ("user", prompt.user))
    told: Attributes = {}
    for place, (role, content) in enumerate(messages):
        told[f"llm.input_messages.{place}.message.role"] = role
        told[f"llm.input_messages.{place}.message.content"] = content
    return told


def counts(usage: Usage) -> Attributes:
    """The tokens and the cost (US dollars) that a turn is booked at."""
    told: Attributes = {
        "llm.token_count.prompt": usage.tokens_in,
        "llm.token_count.completion": usage.tokens_out,
        "llm.token_count.total": usage.tokens_in + usage.tokens_out,
    }
    return told if usage.cost is None else told | {"llm.cost.total": usage.cost / 1e6}


def trouble(event: ToolFailed) -> tuple[str, str]:
    """The code and the message of a tool call without a page."""
    code = ErrorCode.TOOL_CALL_FAILED if event.error is None else event.error.code
    return code.value, event.message
