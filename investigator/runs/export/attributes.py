"""What the events of a run are in OpenInference terms."""

from __future__ import annotations

from collections.abc import Mapping

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.model_planner.prompting import Rendered
from investigator.runtime.events import (
    OpenedScope,
    PlannerIdentity,
    Refused,
    RunOpened,
    ToolFailed,
    ToolHeld,
    ToolRepeated,
    TurnHeld,
    Usage,
)
from investigator.runtime.status import ErrorCode

TEXT, JSON = "text/plain", "application/json"
SpanAttributes = dict[str, JsonValue]


def of_run(event: RunOpened) -> SpanAttributes:
    """A run is an agent; its input is what it was asked to look at."""
    asked = event.input_ref.model_dump(mode="json", exclude_none=True)
    return {
        "agent.name": "investigator",
        "input.value": canonical_json(asked),
        "input.mime_type": JSON,
    }


def of_scope(opened: OpenedScope) -> SpanAttributes:
    """A scope is an agent; its input is its objective."""
    return {
        "agent.name": f"scope {opened.scope}",
        "input.value": opened.objective,
        "input.mime_type": TEXT,
    }


def of_tool_call(event: ToolHeld) -> SpanAttributes:
    """The tool and its arguments."""
    return {
        "tool.name": event.tool_name,
        "input.value": event.args,
        "input.mime_type": JSON,
    }


def of_turn(
    event: TurnHeld, planner: PlannerIdentity, models: Mapping[str, PlannerIdentity]
) -> SpanAttributes:
    """Which model is asked, and how; `event.asks` names it where the run may ask several."""
    name = event.asks.model if event.asks is not None else planner.model_name
    asked = models.get(name or "", planner)
    parameters: SpanAttributes = {"max_tokens": event.max_tokens_out}
    if asked.temperature is not None:
        parameters["temperature"] = asked.temperature
    told: SpanAttributes = {
        "llm.model_name": name,
        "llm.provider": asked.model_provider,
        "llm.prompt_template.version": asked.prompt_template_hash,
        "llm.invocation_parameters": canonical_json(parameters),
    }
    return {key: value for key, value in told.items() if value is not None}


def of_note(event: Refused | ToolRepeated) -> SpanAttributes:
    """What a scope met that took no time."""
    if isinstance(event, ToolRepeated):
        return {"step": event.step, "tool.name": event.tool_name, "of_step": event.of_step}
    return {
        "step": event.step,
        "what": event.what,
        "resource": event.resource.value,
        "message": event.message,
    }


def reply(text: str) -> SpanAttributes:
    """The message that a model replied."""
    return {
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": text,
        **output(text),
    }


def output(text: str) -> SpanAttributes:
    """An answer, a page or a reply, all of which should be JSON."""
    kind = JSON if text[:1] in ("{", "[") else TEXT
    return {"output.value": text, "output.mime_type": kind}


def input_messages(prompt: Rendered | None) -> SpanAttributes:
    """The two messages of a prompt; none where it is not known."""
    if prompt is None:
        return {}
    messages = (("system", prompt.system), ("user", prompt.user))
    told: SpanAttributes = {}
    for place, (role, content) in enumerate(messages):
        told[f"llm.input_messages.{place}.message.role"] = role
        told[f"llm.input_messages.{place}.message.content"] = content
    return told


def counts(usage: Usage) -> SpanAttributes:
    """The tokens and the cost (US dollars) that a turn is booked at."""
    told: SpanAttributes = {
        "llm.token_count.prompt": usage.tokens_in,
        "llm.token_count.completion": usage.tokens_out,
        "llm.token_count.total": usage.tokens_in + usage.tokens_out,
    }
    if usage.tokens_cached:
        told["llm.token_count.prompt_details.cache_read"] = usage.tokens_cached
    if usage.tokens_cache_written:
        told["llm.token_count.prompt_details.cache_write"] = usage.tokens_cache_written
    return told if usage.cost is None else told | {"llm.cost.total": usage.cost / 1e6}


def trouble(event: ToolFailed) -> tuple[str, str]:
    """The code and the message of a tool call without a page."""
    code = ErrorCode.TOOL_CALL_FAILED if event.error is None else event.error.code
    return code.value, event.message
