"""Why a model call ended, as its provider says, and what that means; whatever the provider.

Reasons stand in attributes, in the metadata of an observation, and in the response as it came.
They are compared in one form: `FinishReason.SAFETY`, `contentFilter` and `content-filter` are
`safety` and `content_filter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.ground.patterns import well_formed
from investigator.traces.model import Span
from investigator.traces.openinference import token_counts_of

_KEYS = frozenset(
    {"finish_reason", "finish_reasons", "stop_reason", "finishreason", "finishreasons",
     "stopreason", "done_reason", "block_reason", "blockreason", "incomplete_details.reason"}
)  # fmt: skip
_RESPONSES = frozenset({"metadata", "response_metadata", "output.value"})
_IN_RESPONSE = re2.compile(
    r'(?i)"(?:finish_?reason|stop_?reason|done_?reason|block_?reason)"\s*:\s*"([\w.\- ]{1,60})"'
    r'|"incomplete_?details"\s*:\s*\{\s*"reason"\s*:\s*"([\w.\- ]{1,60})"'
)
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
_WINDOW = 20_000
_INDEX = re2.compile(r"(?:\.\d+)+$")
_INNER = re2.compile(r"(\p{Ll})(\p{Lu})")
_OTHER = re2.compile(r"[^a-z0-9]+")
_ENUM = re2.compile(r"^(?:finish_?reason|stop_?reason)_")


class ModelEnding(Enum):
    """What a reason other than "it was done" or "it calls a tool" means."""

    FULL = "the output was full"
    WINDOW = "the context window was full"
    BLOCKED = "a filter stopped it"
    REFUSED = "the model refused"
    MALFORMED = "the call that it wrote could not be read"
    PAUSED = "it was to be resumed"
    BROKEN = "the provider broke it off"


_MEANT: Mapping[str, ModelEnding] = {
    word: ending
    for ending, words in {
        ModelEnding.FULL: "length max_tokens max_output_tokens model_length token_limit max_length"
        " max_tokens_reached error_limit incomplete",
        ModelEnding.WINDOW: "model_context_window_exceeded context_window_exceeded"
        " context_length_exceeded",
        ModelEnding.BLOCKED: "content_filter content_filtered contentfilter content_filter_blocked"
        " safety recitation blocklist prohibited_content spii guardrail_intervened guardrail"
        " image_safety image_prohibited_content image_recitation model_armor error_toxic moderation"
        " flagged language sensitive",
        ModelEnding.REFUSED: "refusal refused",
        ModelEnding.MALFORMED: "malformed_function_call malformed_model_output malformed_tool_use"
        " malformed_tool_call unexpected_tool_call too_many_tool_calls malformed_response"
        " invalid_tool_call missing_thought_signature",
        ModelEnding.PAUSED: "pause_turn pause paused",
        ModelEnding.BROKEN: "error other cancelled canceled aborted user_cancel failed"
        " insufficient_system_resource network_error timeout unknown_error image_other no_image"
        " load_failed",
    }.items()
    for word in words.split()
}  # fmt: skip


def finish_reasons_of(span: Span) -> tuple[str, ...]:
    """The reasons that are recorded of a model call, in one form, each once."""
    return tuple(dict.fromkeys(filter(None, map(_plain, _recorded(span)))))


def ending_of(span: Span) -> tuple[ModelEnding, str] | None:
    """How a model call ended and the word for it, if it ended otherwise than it should."""
    found = ((_MEANT[reason], reason) for reason in finish_reasons_of(span) if reason in _MEANT)
    return next(found, None)


def cut_off(span: Span) -> str | None:
    """Why the output of a model call is not whole, its room being full; None where it is."""
    ended = ending_of(span)
    if ended is not None and ended[0] is ModelEnding.FULL:
        return f"finish reason {ended[1]}"
    limit, used = _output_limit(span), token_counts_of(span).completion
    if limit is not None and used is not None and used >= limit > 0:
        return f"{used} tokens of at most {limit}"
    return None


def _output_limit(span: Span) -> int | None:
    parameters = json_object(span.text("llm.invocation_parameters")) or {}
    return next((v for key in _LIMITS if isinstance(v := parameters.get(key), int)), None)


def _recorded(span: Span) -> Iterator[str]:
    for key, value in span.attributes.items():
        lowered = key.lower()
        if "reason" not in lowered or lowered in _RESPONSES:
            continue  # a request has hundreds of keys, and those looked for all have the word
        name = _INDEX.sub("", lowered) if key[-1:].isdigit() else lowered
        if name.rpartition(".")[2] in _KEYS or name.endswith("incomplete_details.reason"):
            yield from _texts(value)
    for key in _RESPONSES:
        for text in _texts(span.attributes.get(key)):
            for found in _IN_RESPONSE.finditer(well_formed(text[-_WINDOW:])):
                yield found.group(1) or found.group(2)


def _texts(value: JsonValue) -> Iterator[str]:
    """A reason, or a list of them, also as the JSON text of one."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            unified = one.get("unified") or one.get("raw") or one.get("type")
            yield unified if isinstance(unified, str) else ""


def _plain(reason: str) -> str:
    """`FinishReason.MAX_TOKENS`, `["max_tokens"]` and `maxTokens` as `max_tokens`."""
    held = json_object(reason) if reason.startswith("{") else None
    if held is not None:
        return next((_plain(one) for one in _texts(held)), "")
    words = _OTHER.sub("_", _INNER.sub(r"\1_\2", well_formed(reason.strip())).lower()).strip("_")
    plain: str = _ENUM.sub("", words)
    return plain
