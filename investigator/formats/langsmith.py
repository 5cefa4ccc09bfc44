"""LangSmith exports: runs, one a record, or with their `child_runs` in them; ingest requests too.

An ingest request (`{"post": […], "patch": […]}`) posts runs as they start and patches them as they
end: a run is what its post says and what its patches add to it.

A run's trace and parent are those that it names, else those of the run it stands in, else those
that its `dotted_order` spells. `run_type` gives the kind. Token counts of a run that calls no
model are sums over the runs below it; they stay under `langsmith.`, so that no token is counted
twice. A run's `session_id` and `session_name` are LangSmith's project; the conversation is named
in the metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.formats.dialects.genai import tool_definition_attributes
from investigator.formats.documents import document_attributes
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    make_event,
    make_span,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record, Session
from investigator.formats.kept_verdicts import langsmith_verdicts
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json, json_text
from investigator.traces.chat_messages import MARKED_FAILED, read_messages
from investigator.traces.evaluations import Evaluation
from investigator.traces.langchain import unwrapped
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode

_KINDS = {
    "llm": SpanKind.LLM,
    "chat_model": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "retriever": SpanKind.RETRIEVER,
    "embedding": SpanKind.EMBEDDING,
    "prompt": SpanKind.PROMPT,
    "parser": SpanKind.CHAIN,
    "chain": SpanKind.CHAIN,
}
_MODEL_KINDS = (SpanKind.LLM, SpanKind.EMBEDDING)
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_SESSIONS = ("session_id", "thread_id", "conversation_id")
_METADATA = ("metadata", "custom_metadata")
_STATUSES = {"success": StatusCode.OK, "error": StatusCode.ERROR}
_KNOWN = (
    *("id", "run_id", "trace_id", "parent_run_id", "parent_run_ids", "dotted_order", "name"),
    *("run_type", "start_time", "end_time", "status", "error", "inputs", "outputs", "events"),
    *("extra", *_METADATA, "tags", "serialized", "child_runs", "child_run_ids"),
    *("session_name", "direct_child_run_ids", "inputs_preview", "outputs_preview"),
    *("feedback", "feedback_stats"),
)
_JSON = ("inputs", "outputs", "extra", "events", "serialized", "feedback_stats", "tags")
_LATEST_MS = 10**14


def is_langsmith(value: Record) -> bool:
    """Whether an object is a run."""
    return isinstance(value.get("run_type"), str) and any(
        key in value for key in ("id", "run_id", "dotted_order")
    )


def decode_langsmith(run: Record) -> Iterator[Span | Evaluation | None]:
    """A run and all that are nested in it, parents first, each with its feedback.

    None stands for each item of its lists that is nothing.
    """
    pending: list[tuple[Record, Span | None]] = [(_read(run), None)]
    while pending:
        inner, enclosing = pending.pop()
        decoded = _span(inner, enclosing)
        yield decoded
        yield from langsmith_verdicts(inner, decoded.trace_id, decoded.span_id)
        yield from nothings(inner.get("child_runs"), inner.get("feedback"))
        # In Python and JavaScript an event may be anything; only a list of them is expected.
        yield from () if isinstance(inner.get("events"), list | None) else (None,)
        pending += [(child, decoded) for child in reversed(records(inner.get("child_runs")))]


def _read(run: Record) -> Record:
    """A run with the objects that bulk exports write as texts."""
    texts = {key: at for key in _JSON if isinstance(at := run.get(key), str)}
    read = {key: inner for key, at in texts.items() if (inner := embedded_json(at)) is not None}
    return {**run, **read} if read else run


def is_request(value: Record) -> bool:
    """Whether an object is a request that posts or patches runs."""
    return any(is_langsmith(run) or _is_patch(run) for run in _posts(value) + _patches(value))


def joined(requests: Sequence[Record]) -> dict[str, JsonValue]:
    """Several requests as one: a run may be posted in one and patched in a later one."""
    return {
        key: [run for request in requests for run in listed(request.get(key))]
        for key in ("post", "patch")
    }


def decode_requests(request: Record) -> Iterator[Span | Evaluation | None]:
    """The runs of a request, in order of their posts; None for a patch of a run it doesn't post."""
    yield from nothings(request.get("post"), request.get("patch"))
    runs: dict[str, dict[str, JsonValue]] = {}
    for change in _posts(request) + [run for run in _patches(request) if is_langsmith(run)]:
        run_id = text(first(change, "id", "run_id"))
        runs[run_id] = _patched(runs.get(run_id, {}), change)
    for patch in _patches(request):
        run_id = text(first(patch, "id", "run_id"))
        if run_id in runs:
            runs[run_id] = _patched(runs[run_id], patch)
        else:
            yield None
    for run in runs.values():
        yield from decode_langsmith(run)


def _posts(request: Record) -> list[dict[str, JsonValue]]:
    return [run for run in listed(request.get("post")) if run]


def _patches(request: Record) -> list[dict[str, JsonValue]]:
    return [run for run in listed(request.get("patch")) if run]


def _is_patch(run: Record) -> bool:
    return "id" in run and any(key in run for key in ("dotted_order", "outputs", "end_time"))


def _patched(run: Record, patch: Record) -> dict[str, JsonValue]:
    """A run with what a patch says over it; what the patch leaves empty stays."""
    merged = dict(run)
    for key, value in patch.items():
        before = merged.get(key)
        if key in ("extra", *_METADATA) and isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _patched(before, value)
        elif value not in (None, "", [], {}) or key not in merged:
            merged[key] = value
    return merged


def _span(run: Record, enclosing: Span | None) -> Span:
    path = [part.partition("Z")[2] for part in text(run.get("dotted_order")).split(".")]
    run_id = text(first(run, "id", "run_id")) or path[-1]
    parent = text(run.get("parent_run_id")) or (path[-2] if len(path) > 1 else "")
    kind = _KINDS.get(text(run.get("run_type")).lower())
    error = run.get("error")
    return make_span(
        trace_id=text(run.get("trace_id")) or _trace_id(run, path, enclosing),
        span_id=run_id,
        parent_id=parent or (enclosing.span_id if enclosing is not None else None),
        name=text(run.get("name")),
        attributes={**_about(run, kind), **_contents(run, kind)},
        start_ns=_time(run.get("start_time")),
        end_ns=_time(run.get("end_time")),
        status=_status(run),
        status_message=text(error),
        events=tuple(_event(event) for event in records(run.get("events"))),
        kind=kind,
    )


def _trace_id(run: Record, path: list[str], enclosing: Span | None) -> str:
    """The trace of a run that does not name it: its own id only where it is a root."""
    if enclosing is not None:
        return enclosing.trace_id
    above = run.get("parent_run_ids")
    if isinstance(above, list) and above:
        return text(above[0])
    return path[0] or ("" if run.get("parent_run_id") else text(first(run, "id", "run_id")))


def _status(run: Record) -> StatusCode:
    if run.get("error") not in (None, ""):
        return StatusCode.ERROR
    return _STATUSES.get(text(run.get("status")).lower(), StatusCode.UNSET)


def _about(run: Record, kind: SpanKind | None) -> dict[str, object]:
    """What a run says of itself beside what went in and came out."""
    extra = record(run.get("extra"))
    metadata = record(first(extra, "metadata")) or record(first(run, *_METADATA))
    called = record(extra.get("invocation_params"))
    counted = _COUNTS if kind in _MODEL_KINDS else ()
    found: dict[str, object] = {
        **leftovers(run, (*_KNOWN, *counted), prefix="langsmith."),
        **leftovers(extra, ("metadata", "invocation_params"), prefix="langsmith.extra."),
        **tool_definition_attributes(first(called, "tools", "functions")),
        "openinference.project.name": run.get("session_name"),
        "session.id": first(metadata, *_SESSIONS),
        "user.id": metadata.get("user_id"),
        "graph.node.id": metadata.get("langgraph_node"),
        "tag.tags": run.get("tags") or None,
        "metadata": metadata or None,
        "llm.invocation_parameters": json_text(called) if called else None,
    }
    if kind is SpanKind.LLM:
        found["llm.provider"] = metadata.get("ls_provider")
        found["llm.model_name"] = first(metadata, "ls_model_name") or first(
            called, "model", "model_name"
        )
    return {key: value for key, value in found.items() if value is not None}


def _contents(run: Record, kind: SpanKind | None) -> dict[str, object]:
    inputs, outputs = run.get("inputs"), run.get("outputs")
    given, returned = _unwrapped(inputs, "input"), _unwrapped(outputs, "output")
    found: dict[str, object] = {
        "input.value": None if given is None else json_text(given),
        "output.value": None if returned is None else json_text(returned),
    }
    match kind:
        case SpanKind.LLM:
            found |= call_attributes(inputs, outputs)
        case SpanKind.TOOL:
            found |= _tool(run, returned)
        case SpanKind.RETRIEVER:
            asked = record(inputs).get("query")
            found["input.value"] = found["input.value"] if asked is None else json_text(asked)
            found |= document_attributes(outputs)
        case _:
            pass
    if kind in _MODEL_KINDS:
        found |= _token_counts(run)
    return {key: value for key, value in found.items() if value is not None}


def _unwrapped(value: JsonValue, key: str) -> JsonValue:
    """The value itself where LangSmith put it into an object of one key; {} is nothing."""
    fields = record(value)
    only = fields.get(key) if fields.keys() == {key} else value
    return None if only == {} else only


def _tool(run: Record, returned: JsonValue) -> dict[str, object]:
    """A tool run has its tool's name; of a message that it returned the content is the result."""
    message = unwrapped(returned)
    found: dict[str, object] = {
        "tool.name": run.get("name"),
        "tool.description": record(run.get("serialized")).get("description"),
    }
    if isinstance(message, dict) and "tool_call_id" in message:
        spoken = read_messages(message, role="tool")
        found["tool.id"] = message["tool_call_id"]
        found["output.value"] = next((m.content for m in spoken if m.content is not None), None)
        found[MARKED_FAILED] = any(m.is_error for m in spoken) or None
    return found


def _token_counts(run: Record) -> dict[str, JsonValue]:
    """The counts of a model call; LangSmith writes zeros where it was told none."""
    counts = {key: run.get(key) for key in _COUNTS}
    return usage_attributes(counts) if any(counts.values()) else {}


def _time(value: JsonValue) -> int | None:
    """Nanoseconds since the epoch from ISO 8601, or from the milliseconds of the JavaScript SDK."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return time_ns(int(value) * (1_000_000 if value < _LATEST_MS else 1))
    return time_ns(value)


def _event(event: Record) -> SpanEvent:
    said = {key: value for key, value in event.items() if key not in ("name", "time")}
    return make_event(text(event.get("name")), _time(event.get("time")), said)


FORMAT = Format(
    name="LangSmith run",
    reads="LangSmith runs (flat, or with `child_runs`), and their bulk export",
    looks_like=is_langsmith,
    decode=lambda record, _: decode_langsmith(record),
    files=("Parquet", "JSON", "JSONL"),
    columns=("trace_id", "run_type", "dotted_order"),
)
REQUEST = Format(
    name="LangSmith ingest request",
    reads="LangSmith ingest requests (`post` and `patch`)",
    looks_like=is_request,
    decode=lambda record, _: decode_requests(record),
)
SESSION = Session(
    format=REQUEST, is_line=is_request, records=lambda requests, _: [joined(requests)]
)
