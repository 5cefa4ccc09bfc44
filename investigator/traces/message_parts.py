"""A part of a message's content is known by its type, or by the one key that is its type.

Dialects differ in case and separators only (`tool_use`, `tool-call`, `functionCall`). Gemini and
Bedrock have no `type`: a part is an object under the key that says it (`functionCall`, `toolUse`,
`toolResult`, …).
"""

from __future__ import annotations

from collections.abc import Mapping

from investigator.ground.canonical_json import JsonValue

_TOOL_ROLES = frozenset({"tool", "function", "toolresult", "toolresponse"})
# Types of content parts as `squashed` gives them: dialects differ in case and separators only.
_OTHER_PARTS = frozenset(
    (
        *("text", "inputtext", "outputtext", "refusal", "reasoning", "thinking"),
        *("redactedthinking", "image", "imageurl", "inputimage", "inputaudio", "file", "inputfile"),
    )
)
IMAGES = frozenset({"image", "imageurl", "inputimage", "inlinedata"})
_CALL_PARTS = frozenset(
    {"toolcall", "tooluse", "servertooluse", "mcptooluse", "functioncall", "customtoolcall"}
)
_RESULT_PARTS = frozenset(
    {"toolcallresponse", "toolresult", "functioncalloutput", "customtoolcalloutput"}
)
_A_RESULT = "toolresult"
"""How Anthropic's results of server tools end: `web_search_tool_result`, `mcp_tool_result`, …"""
_WORDLESS = (
    frozenset({"reasoning", "thinking", "redactedthinking", "encryptedcontent", "refusal"})
    | {"image", "imageurl", "inputimage", "audio", "inputaudio", "video", "file", "inputfile"}
    | {"document", "searchresult", "sourceurl", "sourcedocument", "source", "stepstart"}
    | {"containerupload", "toolreference", "compaction", "media", "data", "uri", "blob"}
)
_DATA = "data"
"""How the parts of an application's own begin in Vercel's UI: `data-weather`."""
_WORDLESS_KEYS = (
    *("inlineData", "inline_data", "fileData", "file_data", "thought", "thoughtSignature"),
    *("thought_signature", "executableCode", "executable_code", "codeExecutionResult"),
    *("code_execution_result", "image", "document", "video", "cachePoint", "guardContent"),
    *("reasoningContent", "citationsContent", "json", "tool_invocation"),
)
"""Keys of Gemini's and Bedrock's parts, which have no type."""
_KEYED = {
    "functionCall": "functioncall",
    "function_call": "functioncall",
    "functionResponse": "toolresult",
    "function_response": "toolresult",
    "toolUse": "tooluse",
    "toolResult": "toolresult",
}
"""Keys that are the type of what stands under them."""
_OF_MESSAGES = ("role", "type", "content", "tool_calls")


def opened_part(value: JsonValue) -> JsonValue:
    """A part that is known by its key, as one with a type; any other value as it is.

    A message of OpenAI's may have a `function_call` too: it has a role or a content beside it.
    """
    if not isinstance(value, dict) or any(value.get(key) is not None for key in _OF_MESSAGES):
        return value
    for key, kind in _KEYED.items():
        inner = value.get(key)
        if isinstance(inner, dict):
            return {**inner, "type": kind, **_bedrock_content(inner), **_gemini_response(inner)}
    return value


def _bedrock_content(inner: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A result's parts, which have no types: texts as texts, one that is JSON as that value."""
    content = inner.get("content")
    parts = content if isinstance(content, list) else []
    plain = [part["json"] for part in parts if isinstance(part, dict) and "json" in part]
    if len(plain) == 1 == len(parts):
        return {"content": plain[0]}
    texts = [part["text"] for part in parts if isinstance(part, dict) and part.keys() == {"text"}]
    if not texts or len(texts) < len(parts):
        return {}
    return {"content": [{"type": "text", "text": one} for one in texts]}


def _gemini_response(inner: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A result that stands under `output` (ADK: `result`), or an error under `error`."""
    response = inner.get("response")
    if not isinstance(response, dict) or len(response) != 1:
        return {}
    ((key, value),) = response.items()
    if key not in ("output", "result", "error") or value is None:
        return {}
    return {"response": value, "is_error": key == "error"}


def is_part(value: JsonValue) -> bool:
    """Whether a value is a part of a message's content in any dialect, by its type."""
    value = opened_part(value)
    if not isinstance(value, dict) or "role" in value:
        return False
    other = squashed(_type(value) or "") in _OTHER_PARTS
    return other or is_call_part(value) or is_result_part(value)


def is_wordless(part: Mapping[str, JsonValue]) -> bool:
    """Whether a part is of a kind that has no words: thoughts, files, pictures, marks."""
    kind = squashed(_type(dict(part)) or "")
    if kind:
        return kind in _WORDLESS or kind.startswith(_DATA)
    return any(key in part for key in _WORDLESS_KEYS)


def is_call_part(value: JsonValue) -> bool:
    """Whether a content part asks for a tool."""
    return squashed(_type(opened_part(value)) or "") in _CALL_PARTS


def is_result_part(value: JsonValue) -> bool:
    """Whether a content part is what a tool answered."""
    kind = squashed(_type(opened_part(value)) or "")
    return kind in _RESULT_PARTS or kind.endswith(_A_RESULT)


def is_tool_role(role: str) -> bool:
    """Whether messages of a role are a tool's answers."""
    return squashed(role) in _TOOL_ROLES


def says_error(entry: Mapping[str, JsonValue]) -> bool:
    """Whether a tool's answer is marked as failed, whatever its text says."""
    marks = (entry.get("is_error"), entry.get("isError"))
    return any(mark is True for mark in marks) or entry.get("status") == "error"


def squashed(name: str) -> str:
    """A name without its case and its separators."""
    return name.lower().replace("_", "").replace("-", "")


def _type(part: JsonValue) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else None
