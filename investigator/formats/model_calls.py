"""The arguments and the return value of a model call, as OpenInference keys of an LLM span.

Several frameworks record a model call as what its function was given and what it returned:
OpenAI's chat completions and responses, Anthropic's messages, LangChain's `generations`. Messages,
offered tools, model, token counts and the reason of the end are read where they stand in these;
nothing else is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from investigator.formats.dialects.genai import token_total, tool_definition_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.traces.chat_messages import message_attributes, messages_in_text, read_messages
from investigator.traces.langchain import unwrapped
from investigator.traces.model import Message

_Fields = dict[str, JsonValue]

_USAGES = ("usage", "usage_metadata", "token_usage", "tokenUsage", "usageMetadata", "tokens")
_COUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "prompt",
        (
            *("input_tokens", "prompt_tokens", "promptTokens", "inputTokens", "promptTokenCount"),
            *("prompt_token_count", "input"),
        ),
    ),
    (
        "completion",
        (
            *("output_tokens", "completion_tokens", "completionTokens", "outputTokens"),
            *("candidatesTokenCount", "candidates_token_count", "output"),
        ),
    ),
    (
        "total",
        ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count", "total"),
    ),
    (
        "prompt_details.cache_read",
        (
            *("cache_read_input_tokens", "cached_input_tokens", "input_tokens_cache_read"),
            *("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens"),
            *("input_token_details.cache_read", "cachedContentTokenCount", "cacheReadInputTokens"),
            *("cached_content_token_count", "cached_tokens", "cacheReadTokens", "cached"),
            *("cache.read", "cacheRead", "cachedInputTokens", "prompt_cached_tokens"),
        ),
    ),
    (
        "prompt_details.cache_write",
        (
            *("cache_creation_input_tokens", "input_tokens_cache_write", "cacheWriteInputTokens"),
            *("input_token_details.cache_creation", "cacheWriteTokens", "cacheWrite"),
            *("cache_write_input_tokens", "cache.write", "prompt_cache_creation_tokens"),
        ),
    ),
    (
        "completion_details.reasoning",
        (
            *("completion_tokens_details.reasoning_tokens", "reasoning_output_tokens"),
            *("output_tokens_details.reasoning_tokens", "output_token_details.reasoning"),
            *("thoughtsTokenCount", "thoughts_token_count", "completion_reasoning_tokens"),
            *("reasoning_tokens", "reasoning", "thoughts"),
        ),
    ),
)
_ERROR_MARKS = ('"is_error"', '"isError"')
_MODELS = ("model", "model_name", "modelVersion", "model_version", "modelId")
_REASONS = ("finish_reason", "stop_reason", "finishReason", "stopReason")
_BELOW = ("llm_output", "message", "response_metadata", "generation_info")
_LISTS = ("choices", "generations")


def call_attributes(inputs: JsonValue, outputs: JsonValue) -> dict[str, JsonValue]:
    """What a call's arguments and return value say; None where one of them is not recorded."""
    asked = inputs if isinstance(inputs, dict) else {}
    answers = tuple(_answers(outputs))
    found = {
        **message_attributes("llm.input_messages", read_messages(_said_to(inputs), role="user")),
        **message_attributes(
            "llm.output_messages", read_messages(_said_by(outputs), role="assistant")
        ),
        **tool_definition_attributes(_first(asked, ("tools", "functions"))),
        **next((counts for answer in answers if (counts := usage_attributes(_usage(answer)))), {}),
        "llm.model_name": _in_any((*answers, asked), _MODELS),
        "llm.finish_reason": _in_any(answers, _REASONS),
    }
    return {key: value for key, value in found.items() if value is not None}


def messages_in_values(attributes: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The messages of a model call whose source wrote them only as JSON in `input.value`, ….

    A side that has messages of its own adds nothing but the marks of failed tool results, which
    its source may have left out of them; neither does a value that is anything but messages.
    """
    added: dict[str, JsonValue] = {}
    for side, role in (("input", "user"), ("output", "assistant")):
        value, prefix = attributes.get(f"{side}.value"), f"llm.{side}_messages"
        if not isinstance(value, str):
            continue
        if not _has_messages(attributes, prefix):
            added |= message_attributes(prefix, messages_in_text(value, role=role))
        elif any(mark in value for mark in _ERROR_MARKS):
            added |= _error_marks(attributes, prefix, messages_in_text(value, role=role))
    return added


def _error_marks(
    attributes: Mapping[str, JsonValue], prefix: str, messages: Iterable[Message]
) -> dict[str, JsonValue]:
    """A mark on each message of the attributes that is the answer to a call which failed."""
    failed = {message.tool_call_id for message in messages if message.is_error}
    return {
        f"{key.removesuffix('.tool_call_id')}.is_error": True
        for key, value in attributes.items()
        if key.startswith(prefix) and key.endswith(".message.tool_call_id") and value in failed
    }


def _has_messages(attributes: Mapping[str, JsonValue], prefix: str) -> bool:
    usual = f"{prefix}.0.message.role"
    return usual in attributes or any(key.startswith(prefix) for key in attributes)


def usage_attributes(usage: JsonValue) -> dict[str, JsonValue]:
    """A record of used tokens as `llm.token_count.*` keys."""
    if not isinstance(usage, dict):
        return {}
    counts: dict[str, JsonValue] = {
        f"llm.token_count.{name}": count
        for name, keys in _COUNTS
        if (count := _count(usage, keys)) is not None
    }
    return counts | token_total(counts)


def _count(usage: _Fields, keys: tuple[str, ...]) -> int | None:
    """The first of the keys that has a count, also where details stand below a key."""
    for key in keys:
        above, _, below = key.rpartition(".")
        holder = usage.get(above) if above else usage
        count = holder.get(below) if isinstance(holder, dict) else None
        if isinstance(count, int) and not isinstance(count, bool):
            return count
    return None


def _said_to(inputs: JsonValue) -> JsonValue:
    """The part of a call's arguments that is its messages."""
    if not isinstance(inputs, dict):
        return inputs
    if inputs.get("messages") is None:
        instructions, asked = inputs.get("instructions"), inputs.get("input")
        if instructions is not None and asked is not None:
            return {"system": instructions, "messages": asked if _is_list(asked) else [asked]}
        said = next((inputs[k] for k in ("input", "prompts", "prompt") if inputs.get(k)), None)
        return inputs if said is None else said
    return inputs


def _said_by(outputs: JsonValue) -> JsonValue:
    """The part of a return value that is the answer."""
    if isinstance(outputs, dict) and "role" not in outputs and outputs.get("output") is not None:
        return outputs["output"]
    return outputs


def _answers(outputs: JsonValue) -> Iterator[_Fields]:
    """The records in a return value that may say something of the call, outermost first."""
    pending = [outputs]
    while pending:
        record = unwrapped(pending.pop(0))
        if isinstance(record, list):
            pending += record
        elif isinstance(record, dict):
            yield record
            pending += [record[key] for key in _BELOW if isinstance(record.get(key), dict)]
            pending += [record[key] for key in _LISTS if _is_list(record.get(key))]
            if _is_record(record.get("output")):
                pending.append(record["output"])


def _usage(answer: _Fields) -> JsonValue:
    return _first(answer, _USAGES)


def _in_any(records: tuple[_Fields, ...], keys: tuple[str, ...]) -> JsonValue:
    texts = (_first(record, keys) for record in records)
    return next((text for text in texts if isinstance(text, str)), None)


def _is_list(value: JsonValue) -> bool:
    return isinstance(value, list)


def _is_record(value: JsonValue) -> bool:
    return isinstance(value, dict)


def _first(record: _Fields, keys: tuple[str, ...]) -> JsonValue:
    return next((record[key] for key in keys if record.get(key) is not None), None)
