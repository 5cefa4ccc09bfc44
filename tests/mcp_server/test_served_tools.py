"""What is offered is what planners have; what is served is what the server was started with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import pytest
from mcp import Client, MCPError

from investigator import RCA, Settings, UsageError, investigate
from investigator.compliance.library_tools import control_tools
from investigator.controls.library import load_library
from investigator.errors import SourceUnavailable
from investigator.mcp_server.protocol import Served, mcp_protocol, served
from investigator.mcp_server.reading_tools import planner_tools
from investigator.mcp_server.running_tools import RunMaking
from investigator.mcp_server.served_sources import ServedSources, sources_named
from investigator.runs.config import Config
from investigator.runs.engines import engine_names
from investigator.samples import SAMPLE_TRACES
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.mcp_server.serving import ALL, TRIP, text_of

_T = TypeVar("_T")
_Say = Callable[[Client, Served], Awaitable[_T]]


def serve(tmp_path: Path, say: _Say[_T], *told: str, materials: tuple[str, ...] = ()) -> _T:
    """A conversation with a server in this process; it makes no run, so it needs no worker."""

    async def run() -> _T:
        places = sources_named(told or (str(SAMPLE_TRACES),), {})
        making = RunMaking(Settings(runs_dir=tmp_path), Config(), materials)
        offered = served(ServedSources(places, {}), making, 1)
        async with Client(mcp_protocol(offered)) as client:
            return await say(client, offered)

    return asyncio.run(run())


def test_the_inspection_tools_take_what_planners_tools_take(tmp_path: Path) -> None:
    """And a source; their words are the same, and so are those over the control library."""

    async def say(client: Client, _: Served) -> dict[str, Any]:
        return {tool.name: tool for tool in (await client.list_tools()).tools}

    offered = serve(tmp_path, say)
    for tool in planner_tools():
        found, own = offered[tool.name], tool.args.model_json_schema(by_alias=True)
        schema = dict(found.input_schema)
        source = schema["properties"].pop("source")
        assert source["enum"] == ["traces"]
        assert schema["properties"] == own["properties"]
        assert schema["required"] == own["required"]
        assert schema.get("$defs") == own.get("$defs")
        assert schema["additionalProperties"] is False
        assert found.description == tool.description
    for tool in control_tools(load_library("controls-v1")):
        assert offered[tool.name].input_schema == tool.args.model_json_schema(by_alias=True)


def test_every_tool_has_a_sound_schema_and_says_what_it_does(tmp_path: Path) -> None:
    """None is destructive; those that make runs are engines and what moves a run."""

    async def say(client: Client, _: Served) -> list[Any]:
        return list((await client.list_tools()).tools)

    tools = serve(tmp_path, say)
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.title
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.destructive_hint is False
    adding = {tool.name for tool in tools if not tool.annotations.read_only_hint}
    assert adding == {*engine_names(), "cancel_run", "resume_run"}


def test_a_source_has_to_be_named_where_there_are_several(tmp_path: Path) -> None:
    """By the name that it was given, or the last part of its path."""
    other = str(tmp_path / "mine.parquet")
    write_spans([span(trace_id="t1")], Path(other))

    async def say(client: Client, _: Served) -> None:
        listed = (await client.call_tool("list_sources", {})).structured_content["sources"]
        assert [(row["source"], row["traces"]) for row in listed] == [
            ("samples", 9),
            ("mine.parquet", 1),
        ]
        assert "source" in text_of(await client.call_tool("list_traces", ALL))
        named = await client.call_tool("list_traces", {**ALL, "source": "mine.parquet"})
        assert [row["id"] for row in named.structured_content["rows"]] == ["t1"]

    serve(tmp_path / "runs", say, f"samples={SAMPLE_TRACES}", other)


@pytest.mark.parametrize("told", [(), ("a=x", "a=y"), ("x/t.json", "y/t.json")])
def test_sources_without_a_name_of_their_own_are_refused(told: tuple[str, ...]) -> None:
    """None at all, or two of one name."""
    with pytest.raises(UsageError, match="name"):
        sources_named(told, {})


def test_a_source_that_is_not_there_is_told_before_anything_is_served(tmp_path: Path) -> None:
    """A live one is not asked: it may come later."""
    ServedSources(sources_named(("phoenix://127.0.0.1:1/none",), {}), {}).require_there()
    missing = ServedSources(sources_named((str(tmp_path / "none.json"),), {}), {})
    with pytest.raises(SourceUnavailable, match=r"none\.json"):
        missing.require_there()


def test_configured_sources_are_served_where_none_is_named() -> None:
    """Those that are named come instead of them."""
    configured = {"shop": "shop/", "live": "phoenix://localhost:6006/shop"}
    assert sources_named((), configured)["live"] == ("phoenix://localhost:6006/shop",)
    assert list(sources_named(("mine=other/",), configured)) == ["mine"]


def test_a_source_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    """A file that was written again between two calls."""
    path = tmp_path / "t.parquet"
    write_spans([span(trace_id="t1")], path)

    async def say(client: Client, _: Served) -> list[str]:
        await client.call_tool("list_traces", ALL)
        write_spans([span(trace_id="t1"), span(trace_id="t2")], path)
        os.utime(path, ns=(1, 1))
        rows = (await client.call_tool("list_traces", ALL)).structured_content["rows"]
        return [row["id"] for row in rows]

    assert serve(tmp_path / "runs", say, str(path)) == ["t1", "t2"]


def test_what_tools_show_is_redacted(tmp_path: Path) -> None:
    """Secrets of a trace reach no client."""
    secret = "sk-planted-0123456789abcdef0123"
    path = tmp_path / "t.parquet"
    write_spans([span(trace_id="t1", attributes={"input.value": f"key {secret}"})], path)

    async def say(client: Client, _: Served) -> str:
        asked = {"trace_id": "t1", "kind": None, "errors_only": False, "offset": 0}
        rows = (await client.call_tool("list_spans", asked)).structured_content["rows"]
        span_id = rows[0]["id"]
        read = {"trace_id": "t1", "span_id": span_id, "field": None, "offset": 0}
        found = {"trace_id": "t1", "pattern": "key", "span_id": None, "context": 0, "offset": 0}
        said = [
            text_of(await client.call_tool("get_span", read)),
            text_of(await client.call_tool("search_trace", {**found, "fields": None})),
            text_of(await client.call_tool("search_trace", {**found, "fields": ["attributes"]})),
        ]
        return "\n".join(said)

    said = serve(tmp_path / "runs", say, str(path))
    assert "REDACTED" in said
    assert secret not in said


def test_runs_of_other_sources_are_not_shown(tmp_path: Path) -> None:
    """Neither listed, nor read, nor verified: their pages would read what is not served."""
    path = tmp_path / "t.parquet"
    write_spans([span(trace_id="t1")], path)
    runs = tmp_path / "runs"
    investigate(path, RCA(), Settings(runs_dir=runs, run_id="other"))
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=runs, run_id="own"))

    async def say(client: Client, _: Served) -> None:
        rows = (await client.call_tool("list_runs", {})).structured_content["runs"]
        assert [row["run_id"] for row in rows] == ["own"]
        for tool in ("show_run", "verify_run", "run_status", "resume_run", "cancel_run"):
            answer = await client.call_tool(tool, {"run_id": "other"})
            assert answer.is_error
            assert "not served here" in text_of(answer)
        uris = [str(one.uri) for one in (await client.list_resources()).resources]
        assert uris == [f"run://own/{one}" for one in ("record", "report", "report.md", "page")]
        page = (await client.read_resource("run://own/page")).contents[0]
        assert page.mime_type == "text/html"
        for uri in ("run://other/page", "run://../own/page", "run://own/output.json"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)
        near = await client.call_tool("show_run", {"run_id": "owm"})
        assert "like it are 'own'" in text_of(near)

    serve(runs, say)


@pytest.mark.parametrize(
    ("engine", "field", "value"),
    [
        ("rca", "taxonomy", "{}/own.yaml"),
        ("rca", "controls", "{}/own.yaml"),
        ("rca", "good", "{}/own.yaml"),
        ("rca", "good", "{}/own.yaml#t1"),
        ("rca", "good", "phoenix://127.0.0.1:6006/other"),
        ("compliance", "controls", "{}/../etc/own.yaml"),
        ("incident", "snapshots", "{}"),
    ],
)
def test_no_call_reads_a_path_that_the_server_was_not_started_with(
    engine: str, field: str, value: str, tmp_path: Path
) -> None:
    """Whichever field of a question names it."""
    (tmp_path / "own.yaml").write_text("secret: 1")

    async def say(client: Client, _: Served) -> str:
        given = {} if engine == "incident" else {"trace_id": TRIP}
        named = value.replace("{}", str(tmp_path))
        answer = await client.call_tool(engine, {**given, field: named})
        assert answer.is_error
        return text_of(answer)

    assert f"{field}: '" in serve(tmp_path / "runs", say)


def test_a_material_may_be_named(tmp_path: Path) -> None:
    """And what is wrong with it is told as everywhere."""
    own = tmp_path / "own.yaml"
    own.write_text("secret: 1")

    async def say(client: Client, _: Served) -> str:
        answer = await client.call_tool("rca", {"trace_id": TRIP, "taxonomy": str(own)})
        return text_of(answer)

    assert "is a path" not in serve(tmp_path / "runs", say, materials=(str(own),))


@pytest.mark.parametrize(
    "given",
    [
        {"trace_id": "none-such"},
        {"trace_id": TRIP, "run_id": "../up"},
        {"trace_id": TRIP, "run_id": "taken"},
        {"trace_id": TRIP, "budget": {"tokens": -1}},
        {"trace_id": TRIP, "budget": {"iterations": None}},
        {"trace_id": TRIP, "wait_s": -1},
        {"trace_id": TRIP, "session_id": "s"},
        {"trace_id": TRIP, "session_traces": ["a"]},
        {"trace_id": TRIP, "parameters": {}},
        {"trace_id": 5},
    ],
)
def test_a_run_that_cannot_be_is_refused_before_it_begins(
    given: dict[str, Any], tmp_path: Path
) -> None:
    """It leaves nothing."""
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="taken"))

    async def say(client: Client, offered: Served) -> str:
        answer = await client.call_tool("rca", given)
        assert answer.is_error
        assert offered.jobs.ids == ()
        return text_of(answer)

    assert serve(tmp_path, say)
    assert [run.name for run in tmp_path.iterdir()] == ["taken"]


def test_the_prompt_names_source_trace_and_question(tmp_path: Path) -> None:
    """A wrong name is told with those that are like it."""

    async def say(client: Client, _: Served) -> None:
        names = [one.name for one in (await client.list_prompts()).prompts]
        assert names == ["investigate"]
        given = {"trace_id": TRIP, "question": "Why no flight?"}
        text = (await client.get_prompt("investigate", given)).messages[0].content
        assert text.type == "text"
        assert all(part in text.text for part in (TRIP, "Why no flight?", "'traces'", "run_status"))
        with pytest.raises(MCPError, match="did you mean 'traces'"):
            await client.get_prompt("investigate", {"source": "trace"})
        with pytest.raises(MCPError, match="not 'trace'"):
            await client.get_prompt("investigate", {"trace": TRIP})

    serve(tmp_path, say)
