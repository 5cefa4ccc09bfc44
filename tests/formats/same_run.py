"""One small agent run, written by hand in each format that is read; `SAME` is what it says.

An agent asks a model, which asks for a tool; the tool answers, a retriever finds two documents,
and a second tool fails. Each document is the smallest that its format allows to say this.
"""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Message, Span, ToolCall
from investigator.traces.openinference import (
    TokenCounts,
    input_messages_of,
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_definitions_of,
    tool_io_of,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
IDS = {
    name: f"{n:016x}" for n, name in enumerate(("support", "chat", "weather", "find", "book"), 1)
}
UUIDS = {name: f"00000000-0000-4000-8000-{n:012x}" for n, name in enumerate(IDS, 1)}
SYSTEM, ASKED, SAID = "Be brief.", "Weather in Rome?", "Let me look."
ARGUMENTS: JsonValue = {"city": "Rome"}
ARGUMENTS_TEXT = '{"city":"Rome"}'
QUERY, RESULT, ERROR = "Rome climate", "sunny", "no seat left"
SCHEMA: JsonValue = {"type": "function", "function": {"name": "weather"}}
START = 1_700_000_000_000_000_000
ISO = "2023-11-14T22:13:20Z"


class Facts(NamedTuple):
    """What is compared of a run; spans by name."""

    kinds: dict[str, str]
    parents: dict[str, str | None]
    asked: tuple[Message, ...]
    answered: tuple[Message, ...]
    offered: tuple[str | None, ...]
    model: str | None
    tokens: TokenCounts
    tool: tuple[str | None, str | None, str | None]
    query: str | None
    documents: tuple[tuple[str | None, str | None, float | None], ...]
    session: str | None
    error: tuple[str, str]
    exception: tuple[str | None, str | None]


SAME = Facts(
    kinds={
        "support": "AGENT",
        "chat": "LLM",
        "weather": "TOOL",
        "find": "RETRIEVER",
        "book": "TOOL",
    },
    parents={name: "support" if name != "support" else None for name in IDS},
    asked=(Message("system", SYSTEM), Message("user", ASKED)),
    answered=(Message("assistant", SAID, tool_calls=(ToolCall("c1", "weather", ARGUMENTS_TEXT),)),),
    offered=("weather",),
    model="gpt-4o",
    tokens=TokenCounts(prompt=12, completion=5, total=17),
    tool=("weather", ARGUMENTS_TEXT, RESULT),
    query=QUERY,
    documents=(("d1", "Dry summers.", 0.9), ("d2", "Mild winters.", 0.5)),
    session="s-1",
    error=("ERROR", ERROR),
    exception=("ValueError", ERROR),
)


def facts(spans: tuple[Span, ...]) -> Facts:
    """What decoded spans say of the run."""
    named = {span.name: span for span in spans}
    names = {span.span_id: span.name for span in spans}
    chat, weather, find, book = (named[name] for name in ("chat", "weather", "find", "book"))
    io = tool_io_of(weather)
    exception = next((e.attributes for e in book.events if e.name == "exception"), {})
    type_, message = (exception.get(f"exception.{key}") for key in ("type", "message"))
    return Facts(
        kinds={name: span.kind.value for name, span in named.items()},
        parents={name: names.get(span.parent_id or "") for name, span in named.items()},
        asked=input_messages_of(chat),
        answered=output_messages_of(chat),
        offered=tuple(tool.name for tool in tool_definitions_of(chat)),
        model=chat.text("llm.model_name"),
        tokens=token_counts_of(chat),
        tool=(io.name, io.arguments, io.result) if io else (None, None, None),
        query=find.text("input.value"),
        documents=tuple((d.document_id, d.content, d.score) for d in retrieval_chunks_of(find)),
        session=named["support"].text("session.id"),
        error=(book.status.value, book.status_message),
        exception=(str(type_) if type_ else None, str(message) if message else None),
    )


def b64(hex_text: str) -> str:
    """The base64 spelling of an id."""
    return base64.b64encode(bytes.fromhex(hex_text)).decode()


def _any(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_any(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": pairs(value)}}
        case _:
            return {}


def pairs(attributes: dict[str, JsonValue]) -> JsonValue:
    """Attributes as OTLP has them."""
    return [{"key": key, "value": _any(value)} for key, value in attributes.items()]


EXCEPTION: dict[str, JsonValue] = {"exception.type": "ValueError", "exception.message": ERROR}


def otlp_span(
    name: str, attributes: dict[str, JsonValue], events: list[JsonValue] | None = None
) -> dict[str, JsonValue]:
    """One OTLP span of the run; the one that books has failed."""
    failed = name == "book"
    raised: list[JsonValue] = [{"name": "exception", "attributes": pairs(EXCEPTION)}]
    return {
        "traceId": TRACE,
        "spanId": IDS[name],
        "parentSpanId": "" if name == "support" else IDS["support"],
        "name": name,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1),
        "attributes": pairs(attributes),
        "status": {"code": 2, "message": ERROR} if failed else {},
        "events": raised if failed else events or [],
    }


def otlp(*spans: JsonValue) -> JsonValue:
    """An OTLP export request."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def _documents(content: str) -> list[JsonValue]:
    return [
        {"id": "d1", content: "Dry summers.", "score": 0.9},
        {"id": "d2", content: "Mild winters.", "score": 0.5},
    ]


OPENAI_CALL: JsonValue = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": ARGUMENTS_TEXT},
}
OPENAI_INPUT: dict[str, JsonValue] = {
    "model": "gpt-4o",
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASKED}],
    "tools": [SCHEMA],
}
OPENAI_OUTPUT: dict[str, JsonValue] = {
    "model": "gpt-4o",
    "choices": [
        {
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": SAID, "tool_calls": [OPENAI_CALL]},
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
}

_ANSWER = "llm.output_messages.0.message"
_CALL = f"{_ANSWER}.tool_calls.0.tool_call"

OPENINFERENCE = otlp(
    otlp_span("support", {"openinference.span.kind": "AGENT", "session.id": "s-1"}),
    otlp_span(
        "chat",
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": SYSTEM,
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.content": ASKED,
            f"{_ANSWER}.role": "assistant",
            f"{_ANSWER}.content": SAID,
            f"{_CALL}.id": "c1",
            f"{_CALL}.function.name": "weather",
            f"{_CALL}.function.arguments": ARGUMENTS_TEXT,
            "llm.tools.0.tool.json_schema": json.dumps(SCHEMA),
            "llm.token_count.prompt": 12,
            "llm.token_count.completion": 5,
            "llm.token_count.total": 17,
        },
    ),
    otlp_span(
        "weather",
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "weather",
            "input.value": ARGUMENTS_TEXT,
            "output.value": RESULT,
        },
    ),
    otlp_span(
        "find",
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": QUERY,
            "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.content": "Dry summers.",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.1.document.id": "d2",
            "retrieval.documents.1.document.content": "Mild winters.",
            "retrieval.documents.1.document.score": 0.5,
        },
    ),
    otlp_span("book", {"openinference.span.kind": "TOOL", "tool.name": "book"}),
)

_GENAI_REST: tuple[JsonValue, ...] = (
    otlp_span(
        "weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gen_ai.tool.call.arguments": ARGUMENTS_TEXT,
            "gen_ai.tool.call.result": RESULT,
        },
    ),
    otlp_span(
        "find",
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": QUERY,
            "gen_ai.retrieval.documents": json.dumps(_documents("content")),
        },
    ),
    otlp_span("book", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "book"}),
)
_GENAI_AGENT = otlp_span(
    "support", {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "s-1"}
)

GENAI = otlp(
    _GENAI_AGENT,
    otlp_span(
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": SYSTEM}]),
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": ASKED}]}]
            ),
            "gen_ai.output.messages": json.dumps(
                [
                    {
                        "role": "assistant",
                        "parts": [
                            {"type": "text", "content": SAID},
                            {
                                "type": "tool_call",
                                "id": "c1",
                                "name": "weather",
                                "arguments": ARGUMENTS,
                            },
                        ],
                        "finish_reason": "tool_call",
                    }
                ]
            ),
            "gen_ai.tool.definitions": json.dumps([SCHEMA]),
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 5,
        },
    ),
    *_GENAI_REST,
)

GENAI_EVENTS = otlp(
    _GENAI_AGENT,
    otlp_span(
        "chat",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 5,
        },
        events=[
            {"name": "gen_ai.system.message", "attributes": pairs({"content": SYSTEM})},
            {"name": "gen_ai.user.message", "attributes": pairs({"content": ASKED})},
            {
                "name": "gen_ai.choice",
                "attributes": pairs(
                    {
                        "index": 0,
                        "finish_reason": "tool_calls",
                        "message": {"content": SAID, "tool_calls": [OPENAI_CALL]},
                    }
                ),
            },
        ],
    ),
    *_GENAI_REST,
)

OPENLLMETRY = otlp(
    otlp_span(
        "support",
        {
            "traceloop.span.kind": "agent",
            "traceloop.entity.name": "support",
            "traceloop.association.properties.session_id": "s-1",
        },
    ),
    otlp_span(
        "chat",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": SYSTEM,
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": ASKED,
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": SAID,
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "weather",
            "gen_ai.completion.0.tool_calls.0.arguments": ARGUMENTS_TEXT,
            "llm.request.functions.0.name": "weather",
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 5,
            "llm.usage.total_tokens": 17,
        },
    ),
    otlp_span(
        "weather",
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "weather",
            "traceloop.entity.input": json.dumps({"args": [], "kwargs": ARGUMENTS}),
            "traceloop.entity.output": json.dumps(RESULT),
        },
    ),
    otlp_span(
        "find",
        {"gen_ai.operation.name": "retrieval", "traceloop.entity.input": QUERY},
    ),
    otlp_span("book", {"traceloop.span.kind": "tool", "traceloop.entity.name": "book"}),
)


def _observation(name: str, kind: str, **fields: JsonValue) -> JsonValue:
    return {
        "id": IDS[name],
        "traceId": TRACE,
        "type": kind,
        "name": name,
        "startTime": ISO,
        "parentObservationId": None if name == "support" else IDS["support"],
        **fields,
    }


LANGFUSE: JsonValue = {
    "trace": {"id": TRACE, "sessionId": "s-1"},
    "observations": [
        _observation("support", "AGENT"),
        _observation(
            "chat",
            "GENERATION",
            model="gpt-4o",
            input=OPENAI_INPUT,
            output={"role": "assistant", "content": SAID, "tool_calls": [OPENAI_CALL]},
            usageDetails={"input": 12, "output": 5, "total": 17},
        ),
        _observation("weather", "TOOL", input=ARGUMENTS, output=RESULT),
        _observation("find", "RETRIEVER", input=QUERY, output=_documents("page_content")),
        _observation("book", "TOOL", level="ERROR", statusMessage=ERROR),
    ],
}

_MLFLOW: dict[str, dict[str, JsonValue]] = {
    "support": {"mlflow.spanType": "AGENT"},
    "chat": {
        "mlflow.spanType": "CHAT_MODEL",
        "mlflow.spanInputs": OPENAI_INPUT,
        "mlflow.spanOutputs": OPENAI_OUTPUT,
        "mlflow.chat.tools": [SCHEMA],
        "mlflow.chat.tokenUsage": {"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
    },
    "weather": {
        "mlflow.spanType": "TOOL",
        "mlflow.spanInputs": ARGUMENTS,
        "mlflow.spanOutputs": RESULT,
    },
    "find": {
        "mlflow.spanType": "RETRIEVER",
        "mlflow.spanInputs": QUERY,
        "mlflow.spanOutputs": [
            {"id": "d1", "page_content": "Dry summers.", "metadata": {"score": 0.9}},
            {"id": "d2", "page_content": "Mild winters.", "metadata": {"score": 0.5}},
        ],
    },
    "book": {"mlflow.spanType": "TOOL", "mlflow.spanInputs": {"seat": 1}},
}
_MLFLOW_METADATA: JsonValue = {"mlflow.trace.session": "s-1"}


def _stored(name: str) -> dict[str, JsonValue]:
    """A span's attributes as MLflow stores them: the JSON text of every value."""
    values = {"mlflow.traceRequestId": f"tr-{TRACE}", **_MLFLOW[name]}
    return {key: json.dumps(value) for key, value in values.items()}


def _mlflow_2(name: str) -> JsonValue:
    failed = name == "book"
    raised: JsonValue = [{"name": "exception", "timestamp": START, "attributes": EXCEPTION}]
    return {
        "name": name,
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{IDS[name]}"},
        "parent_id": None if name == "support" else f"0x{IDS['support']}",
        "start_time": START,
        "end_time": START + 1,
        "status_code": "ERROR" if failed else "OK",
        "status_message": ERROR if failed else "",
        "attributes": _stored(name),
        "events": raised if failed else [],
    }


def _mlflow_3(name: str) -> dict[str, JsonValue]:
    failed = name == "book"
    raised: JsonValue = [{"name": "exception", "time_unix_nano": START, "attributes": EXCEPTION}]
    return {
        "trace_id": b64(TRACE),
        "span_id": b64(IDS[name]),
        "parent_span_id": "" if name == "support" else b64(IDS["support"]),
        "name": name,
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 1,
        "status": {"code": f"STATUS_CODE_{'ERROR' if failed else 'OK'}", "message": ERROR * failed},
        "attributes": _stored(name),
        "events": raised if failed else [],
    }


def _mlflow_4(name: str) -> JsonValue:
    return {
        **_mlflow_3(name),
        "trace_id": f"tr-{TRACE}",
        "otel_trace_id": TRACE,
        "span_id": IDS[name],
        "parent_span_id": None if name == "support" else IDS["support"],
        "status": {"code": "ERROR" if name == "book" else "OK", "message": ERROR},
    }


MLFLOW_2: JsonValue = {
    "info": {"request_id": f"tr-{TRACE}", "request_metadata": _MLFLOW_METADATA},
    "data": {"request": "{}", "response": "{}", "spans": [_mlflow_2(name) for name in IDS]},
}
MLFLOW_3: JsonValue = {
    "info": {"trace_id": f"tr-{TRACE}", "trace_metadata": _MLFLOW_METADATA, "state": "ERROR"},
    "data": {"spans": [_mlflow_3(name) for name in IDS]},
}
MLFLOW_4: JsonValue = {
    "info": {"trace_id": f"tr-{TRACE}", "trace_metadata": _MLFLOW_METADATA, "state": "ERROR"},
    "data": {"spans": [_mlflow_4(name) for name in IDS]},
}
MLFLOW_OTLP: JsonValue = {
    "trace": {
        "trace_info": {"trace_id": f"tr-{TRACE}", "trace_metadata": _MLFLOW_METADATA},
        "spans": [otlp_span(name, _stored(name)) for name in IDS],
    }
}
MLFLOW_ROW: JsonValue = [
    {
        "trace_id": f"tr-{TRACE}",
        "request": "{}",
        "state": "ERROR",
        "trace_metadata": _MLFLOW_METADATA,
        "tags": {},
        "spans": [_mlflow_3(name) for name in IDS],
    }
]


def _constructor(name: str, **fields: JsonValue) -> JsonValue:
    path: list[JsonValue] = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": fields}


_LANGCHAIN_INPUT: JsonValue = {
    "messages": [
        [_constructor("SystemMessage", content=SYSTEM), _constructor("HumanMessage", content=ASKED)]
    ]
}
_LANGCHAIN_OUTPUT: JsonValue = {
    "generations": [
        [
            {
                "text": SAID,
                "type": "ChatGeneration",
                "generation_info": {"finish_reason": "tool_calls", "model_name": "gpt-4o"},
                "message": _constructor(
                    "AIMessage",
                    content=SAID,
                    tool_calls=[{"name": "weather", "args": ARGUMENTS, "id": "c1"}],
                    usage_metadata={"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
                ),
            }
        ]
    ],
    "llm_output": None,
}
_RUN_TYPES = dict(zip(IDS, ("chain", "llm", "tool", "retriever", "tool"), strict=True))


def _run(name: str, **fields: JsonValue) -> dict[str, JsonValue]:
    own = f"20231114T221320000000Z{UUIDS[name]}"
    return {
        "id": UUIDS[name],
        "trace_id": UUIDS["support"],
        "parent_run_id": None if name == "support" else UUIDS["support"],
        "dotted_order": own
        if name == "support"
        else f"20231114T221320000000Z{UUIDS['support']}.{own}",
        "name": name,
        "run_type": _RUN_TYPES[name],
        "start_time": ISO,
        "end_time": ISO,
        "session_id": "the-project",
        "session_name": "default",
        "error": None,
        **fields,
    }


_LANGCHAIN_RUNS = [
    _run("support", extra={"metadata": {"thread_id": "s-1"}}, total_tokens=17),
    _run(
        "chat",
        inputs=_LANGCHAIN_INPUT,
        outputs=_LANGCHAIN_OUTPUT,
        extra={
            "metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o"},
            "invocation_params": {"model": "gpt-4o", "tools": [SCHEMA]},
        },
        prompt_tokens=12,
        completion_tokens=5,
        total_tokens=17,
    ),
    _run(
        "weather",
        inputs={"input": ARGUMENTS_TEXT},
        outputs={"output": _constructor("ToolMessage", content=RESULT, tool_call_id="c1")},
    ),
    _run(
        "find",
        inputs={"query": QUERY},
        outputs={
            "documents": [
                {"id": "d1", "page_content": "Dry summers.", "metadata": {"score": 0.9}},
                {"id": "d2", "page_content": "Mild winters.", "metadata": {"score": 0.5}},
            ]
        },
    ),
    _run("book", error=ERROR, status="error"),
]
LANGSMITH: JsonValue = {"runs": list[JsonValue](_LANGCHAIN_RUNS), "cursors": {"next": None}}

_ZEROS: dict[str, JsonValue] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_PATH = ("trace_id", "parent_run_id", "dotted_order")
_INNER: list[JsonValue] = [
    {
        **{key: value for key, value in run.items() if key not in _PATH},
        **(
            {"inputs": OPENAI_INPUT, "outputs": OPENAI_OUTPUT, **_ZEROS}
            if run["name"] == "chat"
            else {}
        ),
    }
    for run in _LANGCHAIN_RUNS[1:]
]
LANGSMITH_NESTED: JsonValue = {**_LANGCHAIN_RUNS[0], "child_runs": _INNER}

CHAT: JsonValue = {
    "id": TRACE,
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": SAID, "tool_calls": [OPENAI_CALL]},
        {"role": "tool", "content": RESULT, "tool_call_id": "c1"},
    ],
}
