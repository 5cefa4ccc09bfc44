"""Windows of small traces, one a minute: an agent that asks a model and calls a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, Trace
from tests.builders import span

MINUTE_MS = 60_000
PROMPT = "You are a support agent.\nAnswer from the tickets."
TIMEOUT = "TimeoutError: request 4711 to https://tickets.example/v1 timed out"


def run(
    at: int,
    *,
    trace_id: str | None = None,
    error: str | None = None,
    model: str | Sequence[str] = "small-1",
    prompt: str | None = PROMPT,
    temperature: float = 0,
    tools: Sequence[str] = ("search",),
    tool: str = "search",
    service: str = "support",
    agent: str = "helper",
    seconds: float = 2.0,
    attributes: Mapping[str, JsonValue] | None = None,
    timed: bool = True,
) -> Trace:
    """The trace that begins at minute `at`; `error` is what its tool raises."""
    named = trace_id or f"t{at:03}"
    start = at * MINUTE_MS
    end = start + int(seconds * 1000)
    models = [model] if isinstance(model, str) else model
    root: dict[str, JsonValue] = {"service.name": service, "agent.name": agent}
    root.update(attributes or {})
    common = {"tool.name": tool, "input.value": "{}"}
    spans = [
        _span("root", named, None, "AGENT", (start, end), root, name="answer"),
        *(
            _span(f"llm{i}", named, "root", "LLM", (start + 1 + i, start + 500), settings)
            for i, settings in enumerate(_model_call(m, prompt, temperature, tools) for m in models)
        ),
        _span("tool", named, "root", "TOOL", (start + 600, end), common, error=error),
    ]
    if not timed:
        spans = [_undated(found) for found in spans]
    return Trace(named, spans)


def _model_call(
    model: str, prompt: str | None, temperature: float, tools: Sequence[str]
) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        "llm.model_name": model,
        "llm.invocation_parameters": f'{{"temperature": {temperature}}}',
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Where is my parcel?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Let me look.",
    }
    if prompt is not None:
        found["llm.input_messages.0.message.role"] = "system"
        found["llm.input_messages.0.message.content"] = prompt
    for index, name in enumerate(tools):
        found[f"llm.tools.{index}.tool.json_schema"] = f'{{"name": "{name}"}}'
    return found


def _span(
    span_id: str,
    trace_id: str,
    parent: str | None,
    kind: str,
    times: tuple[int, int],
    attributes: Mapping[str, JsonValue],
    *,
    name: str | None = None,
    error: str | None = None,
) -> Span:
    result = {} if error is not None or kind != "TOOL" else {"output.value": "Ticket: on its way."}
    return span(
        span_id,
        trace_id=trace_id,
        parent=parent,
        kind=kind,
        name=name,
        start_ms=times[0],
        end_ms=times[1],
        status="ERROR" if error is not None else "UNSET",
        message=error or "",
        attributes={**attributes, **result},
    )


def _undated(found: Span) -> Span:
    return span(
        found.span_id,
        trace_id=found.trace_id,
        parent=found.parent_id,
        kind=found.kind.value,
        name=found.name,
        start_ms=None,
        end_ms=None,
        status=found.status.value,
        message=found.status_message,
        attributes=found.attributes,
    )
