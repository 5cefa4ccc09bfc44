"""What MLflow writes under `mlflow.*`, in OpenInference terms; originals are kept.

MLflow stores every attribute value as JSON text: `mlflow.spanType` is `"\\"TOOL\\""`. A value
that is no JSON is taken as it is, as other exporters write it. A tool's arguments and result, a
model call's messages and a retriever's documents are read from `mlflow.spanInputs` and
`mlflow.spanOutputs`, each according to the span's type.
"""

from __future__ import annotations

from collections.abc import Sequence

from investigator.errors import UnreadableInput
from investigator.formats.dialects.genai import tool_definition_attributes
from investigator.formats.documents import document_attributes
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text, parse_json_text
from investigator.traces.chat_messages import MARKED_FAILED
from investigator.traces.message_parts import says_error
from investigator.traces.model import Attributes, SpanEvent, SpanKind

SPAN_TYPE = "mlflow.spanType"
FUNCTION_NAME = "mlflow.spanFunctionName"
REQUEST_ID = "mlflow.traceRequestId"

_INPUTS, _OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
_MARKS = (SPAN_TYPE, _INPUTS, _OUTPUTS)
_KIND_OF_TYPE = {kind.value: kind for kind in SpanKind if kind is not SpanKind.UNKNOWN}
_KIND_OF_TYPE |= dict.fromkeys(("PARSER", "WORKFLOW", "TASK"), SpanKind.CHAIN)
_KIND_OF_TYPE["CHAT_MODEL"] = SpanKind.LLM
_RENAMED = (
    ("llm.model_name", "mlflow.llm.model"),
    ("llm.provider", "mlflow.llm.provider"),
    ("session.id", "mlflow.trace.session"),
    ("user.id", "mlflow.trace.user"),
)


def openinference_from_mlflow(
    attributes: Attributes, _events: Sequence[SpanEvent] = ()
) -> dict[str, JsonValue]:
    """The OpenInference keys that follow from `mlflow.*`, without the originals; often empty."""
    if not any(mark in attributes for mark in _MARKS):
        return {}
    kind = mlflow_kind(attributes.get(SPAN_TYPE))
    inputs, outputs = stored(attributes.get(_INPUTS)), stored(attributes.get(_OUTPUTS))
    added: dict[str, JsonValue] = {}
    for key, value in (("input.value", inputs), ("output.value", outputs)):
        if value is not None:
            added[key] = json_text(value)
    match kind:
        case SpanKind.LLM:
            added |= call_attributes(inputs, outputs)
            added |= tool_definition_attributes(stored(attributes.get("mlflow.chat.tools")))
        case SpanKind.TOOL:
            added |= _tool(attributes, outputs)
        case SpanKind.RETRIEVER | SpanKind.RERANKER:
            added |= document_attributes(outputs)
        case _:
            pass
    added |= usage_attributes(stored(attributes.get("mlflow.chat.tokenUsage")))
    for target, source in _RENAMED:
        value = stored(attributes.get(source))
        if value is not None:
            added[target] = value
    if kind is not None:
        added["openinference.span.kind"] = kind.value
    return added


def mlflow_kind(span_type: JsonValue) -> SpanKind | None:
    """The kind that a span type names; None for types of the user's own and for `UNKNOWN`."""
    name = stored(span_type)
    if not isinstance(name, str):
        return None
    return _KIND_OF_TYPE.get(name.upper())


def stored(value: JsonValue) -> JsonValue:
    """The value whose JSON text was stored; a text that is no JSON is itself the value."""
    if not isinstance(value, str):
        return value
    try:
        return parse_json_text(value)
    except UnreadableInput:
        return value


def _tool(attributes: Attributes, outputs: JsonValue) -> dict[str, JsonValue]:
    """A tool's name and, where it returned a message to the model, that message's content."""
    found: dict[str, JsonValue] = {}
    name = stored(attributes.get(FUNCTION_NAME))
    if isinstance(name, str):
        found["tool.name"] = name
    if isinstance(outputs, dict) and outputs.get("type") == "tool" and "tool_call_id" in outputs:
        found["tool.id"] = outputs["tool_call_id"]
        found["output.value"] = json_text(outputs.get("content"))
        if says_error(outputs):
            found[MARKED_FAILED] = True
    return found
