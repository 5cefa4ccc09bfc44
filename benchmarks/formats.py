"""What each trace file holds, counted apart, against what was decoded of it.

    python -m benchmarks.formats --data DIR

The decoders are not asked what a file holds: its JSON is walked, every object that is a span by
its ids (or a lone object of span attributes) is taken, and in its keys, at any depth and in any
of the formats, is looked for what says its kind, messages, tool call and token counts. A cell is
`decoded / held`; where less was decoded than the file holds the exit code is 1. Spans without an
OpenInference, `gen_ai.*`, Vercel or Langfuse kind count as spans only. Logs of dialogues are
counted by their calls, results, failures and token counts (see `dialogue_facts`). What is refused
by name is listed, and is no loss.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.dialogue_facts import DIALOGUE_CELLS, decoded_dialogue, doubled, held_in
from benchmarks.ingest_coverage import facts_of, trace_files
from investigator.formats.foreign import is_foreign
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue

CELLS = (
    "spans",
    "known kind",
    "LLM",
    "… with messages",
    "… with tokens",
    "tool calls",
    "… with name",
    "… arguments",
    "… result",
)

Object = dict[str, JsonValue]

_Words = tuple[str, ...]

_BARE = ("openinference.", "llm.", "gen_ai.")
_BELOW = ("child_runs", "child_spans", "observations", "spans")
_KIND_KEYS = (
    "openinference.span.kind",
    "ai.operationId",
    "gen_ai.operation.name",
    "llm.request.type",
    "traceloop.span.kind",
    "mlflow.spanType",
)
_KIND_FIELDS = ("run_type", "span_kind", "type", "span_data.type")
_SAYS_NOTHING = ("span", "event", "unknown", "internal", "client", "server", "producer", "consumer")
_MODEL = (
    *("llm", "chat", "chat_model", "call_llm", "generate_content", "text_completion"),
    *("completion", "generation", "dogenerate", "dostream"),
)
_TOOL = ("tool", "execute_tool", "toolcall", "function")

# where each fact is said: a key at any depth, or (with a dot behind) anything below that key
_MESSAGES = (
    *("llm.input_messages.", "llm.output_messages.", "gen_ai.prompt.", "gen_ai.completion."),
    *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.output", "gen_ai.prompt"),
    *("gen_ai.completion", "ai.prompt", "ai.prompt.messages", "ai.response.text"),
    *("ai.response.object", "ai.response.toolCalls"),
)
_TOKENS = (
    *("llm.token_count.prompt", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    *("ai.usage.promptTokens", "ai.usage.inputTokens", "usageDetails.input", "prompt_tokens"),
    *("usage_details.input",),
    *("mlflow.chat.tokenUsage", "usage_metadata.input_tokens"),
)
_NAMES = ("tool.name", "gen_ai.tool.name", "ai.toolCall.name", "traceloop.entity.name")
_ARGUMENTS = (
    *("tool_call.function.arguments", "gen_ai.tool.call.arguments", "gen_ai.tool.args"),
    *("ai.toolCall.args", "traceloop.entity.input", "mlflow.spanInputs", "input.value"),
)
_RESULTS = (
    *("gen_ai.tool.call.result", "ai.toolCall.result", "traceloop.entity.output"),
    *("mlflow.spanOutputs", "output.value", "gen_ai.output"),
)

# fields that say it only where they stand directly on the span
_GIVEN = ("input.", "inputs.", "input", "inputs", "span_data.input")
_RETURNED = ("output.", "outputs.", "output", "span_data.output")
# values that may be messages and may be anything else
_VALUES = ("input.value", "output.value", "mlflow.spanInputs", "mlflow.spanOutputs")

_PARTS = (".role", ".content")
_OTLP_TYPES = ("stringValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "values")


def held(document: JsonValue) -> Counter[str]:
    """What the spans of a document say, by a search for keys; a span that stands twice counts once.

    The same span id in another trace is another span.
    """
    spans = {identity: span for span in _spans(document) if (identity := _identity(span))}
    counts: Counter[str] = Counter()
    for span in spans.values():
        counts.update(_facts(span))
    return counts


def _spans(value: JsonValue) -> Iterator[Object]:
    if isinstance(value, list):
        for item in value:
            yield from _spans(item)
    elif isinstance(value, dict):
        if _identity(value):
            yield value
        below = [value[key] for key in _BELOW if key in value]
        for item in below if _identity(value) else value.values():
            yield from _spans(item)


def _identity(value: Object) -> str:
    """The trace id and span id of an object that is a span; empty where it is none."""
    if "event" in value:
        return ""
    if "operationName" in value and "spanID" in value:
        return f"{value.get('traceID')} {value['spanID']}"
    if "SpanId" in value and "TraceId" in value:
        return f"{value['TraceId']} {value['SpanId']}"
    contexts = (value.get(key) for key in ("context", "spanContext"))
    holder = next((context for context in contexts if isinstance(context, dict)), value)
    trace_id = holder.get("trace_id", holder.get("traceId"))
    span_id = holder.get("span_id", holder.get("spanId"))
    rows = ("run_type", "parent_observation_id", "span_data", "localEndpoint")
    if span_id is None and (
        any(key in value for key in rows) or {"traceId", "type"} <= value.keys()
    ):
        span_id = value.get("id")
    if span_id is None and any(key.startswith(_BARE) for key in value):
        return json.dumps(value)
    return "" if span_id is None else f"{trace_id} {span_id}"


def _facts(span: Object) -> list[str]:
    said = dict(_leaves({key: item for key, item in span.items() if key not in _BELOW}, ""))
    kind = _kind(said)
    facts = {"spans": True, "known kind": kind not in ("", *_SAYS_NOTHING)}
    if kind in _MODEL:
        facts["LLM"] = True
        facts["… with messages"] = _says(said, _MESSAGES) or _says_messages(said)
        facts["… with tokens"] = _says(said, _TOKENS)
    if kind in _TOOL:
        facts["tool calls"] = True
        facts["… with name"] = _says(said, _NAMES) or _named_after_tool(said)
        facts["… arguments"] = _says(said, _ARGUMENTS) or _stands(said, _GIVEN)
        facts["… result"] = _says(said, _RESULTS) or _stands(said, _RETURNED)
    return [name for name, holds in facts.items() if holds]


def _named_after_tool(said: dict[str, str]) -> bool:
    """Whether the span's own name is its tool's, as it is in Langfuse, LangSmith and MLflow."""
    return "name" in said and (
        _says(said, ("mlflow.spanType",)) or bool({"type", "run_type"} & said.keys())
    )


def _kind(said: dict[str, str]) -> str:
    """The first word for a kind, lower case; a span that put out a tool's message is a tool."""
    words = [value for key in _KIND_KEYS for path, value in said.items() if _ends(path, key)]
    words += [said[key] for key in _KIND_FIELDS if key in said]
    word = words[0].strip('"').lower().rpartition("ai.")[2].rpartition(".")[2] if words else ""
    put_out_message = said.get("output.type") == "tool" and "output.tool_call_id" in said
    return "tool" if word in _SAYS_NOTHING and put_out_message else word


def _says(said: dict[str, str], keys: _Words) -> bool:
    return any(_ends(path, key) for path in said for key in keys)


def _ends(path: str, key: str) -> bool:
    return f".{key}" in f".{path}" if key.endswith(".") else f".{path}".endswith(f".{key}")


def _stands(said: dict[str, str], fields: _Words) -> bool:
    return any(path == key or path.startswith(key) for path in said for key in fields)


def _says_messages(said: dict[str, str]) -> bool:
    fields = (*_GIVEN, *_RETURNED)
    places = [path for path in said if _stands({path: ""}, fields) or _says({path: ""}, _VALUES)]
    in_events = said.get("events.name", "").startswith("gen_ai.")
    return in_events or any('"role"' in said[path] or path.endswith(_PARTS) for path in places)


def _leaves(value: JsonValue, path: str) -> Iterator[tuple[str, str]]:
    """Every text and number with the keys that lead to it; JSON objects in texts are walked."""
    if isinstance(value, str) and value.startswith("{") and path in ("metadata", "output"):
        value = json.loads(value)
    if isinstance(value, dict) and {"key", "value"} <= value.keys() <= {"key", "value", "type"}:
        value = {str(value["key"]): value["value"]}
    if isinstance(value, dict):
        for key, item in value.items():
            steps = (path, "" if key in _OTLP_TYPES else key)
            yield from _leaves(item, ".".join(step for step in steps if step))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    elif value is not None:
        yield path, str(value)


def decoded(file: Path) -> Counter[str]:
    """The same facts of what the decoders read."""
    items = (item for item in read_source([file]) if isinstance(item, Decoded))
    spans = {(span.trace_id, span.span_id): span for item in items for span in item.spans}
    return Counter(fact for span in spans.values() for fact in facts_of(span))


def records_of(file: Path) -> Iterator[JsonValue]:
    """The JSON values of a file as they are: a document, a record a line, the files of an archive.

    What is no JSON is passed over here; that it is named is for the tests to say.
    """
    if file.suffix == ".eval":
        with zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.startswith("samples/")]
            yield from (json.loads(archive.read(name)) for name in names)
        return
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = gzip.decompress(content)
    try:
        yield json.loads(content)
    except ValueError:
        for line in content.splitlines():
            with suppress(ValueError):
                yield json.loads(line)


def refusal(file: Path) -> str:
    """Why nothing is read of a file that another system wrote; empty where something is."""
    items = list(read_source([file]))
    if any(isinstance(item, Decoded) for item in items):
        return ""
    return next((str(item) for item in items if is_foreign(str(item))), "")


def main() -> None:
    """Print the tables; exit 1 where something is lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of JSON trace files")
    root: Path = parser.parse_args().data
    spans = Table("file", *CELLS, title="spans: decoded / held")
    dialogues = Table("file", *DIALOGUE_CELLS, title="dialogues: decoded / held")
    lost = 0
    for file in (file for file in trace_files(root) if file.suffix != ".parquet"):
        values = list(records_of(file))
        if refused := refusal(file):
            print(refused)
            continue
        name, there = file.relative_to(root).as_posix(), held(values)
        if there["spans"]:
            found = decoded(file)
            lost += _row(spans, name, CELLS, found, there)
        else:
            found, there = decoded_dialogue(file), held_in(values)
            lost += _row(dialogues, name, DIALOGUE_CELLS, found, there) + doubled(file, values)
    for table in (spans, dialogues):
        Console(width=200).print(table)
    print(f"{lost} facts lost or doubled")
    sys.exit(1 if lost else 0)


def _row(table: Table, name: str, cells: _Words, found: Counter[str], there: Counter[str]) -> int:
    """Add what was decoded of a file to a table; how much of it was lost."""
    shown = [
        f"[red]{found[cell]} / {there[cell]}[/]"
        if found[cell] < there[cell]
        else f"{found[cell]} / {there[cell]}"
        for cell in cells
    ]
    table.add_row(name, *shown)
    return sum(max(0, there[cell] - found[cell]) for cell in cells)


if __name__ == "__main__":
    main()
