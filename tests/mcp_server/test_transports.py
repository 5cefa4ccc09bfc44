"""A real client over both transports: tools, engines with budgets, progress, errors, lost calls."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from investigator.runs.run_store import read_record
from investigator.runs.verification import verify_run
from investigator.runtime.journal import FILE
from investigator.runtime.status import ErrorCode, RunStatus
from tests.mcp_server.serving import (
    ALL,
    TRIP,
    GatedModel,
    Told,
    asking,
    command,
    environment,
    over_http,
    over_pipes,
    talk,
    text_of,
)

pytestmark = pytest.mark.integration
LATEST = "2026-07-28"
BUDGETS = {
    "rca": {"iterations": 30, "tool_calls": 40},
    "compliance": {"iterations": 120, "subcalls": 40},
    "incident": {"iterations": 100, "wall_time_s": 50},
}


@pytest.fixture(params=["pipes", "http"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A server over the sample traces, as a client names it."""
    if request.param == "pipes":
        yield over_pipes(tmp_path)
    else:
        with over_http(tmp_path) as url:
            yield url


def test_a_client_reads_traces_asks_each_engine_and_reads_what_the_runs_left(
    target: Any, tmp_path: Path
) -> None:
    """Within the budgets that it named, told how far each run was, and every run is consistent."""

    async def say(client: Client) -> None:
        assert client.protocol_version == LATEST
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"list_traces", "read_steps", "run_status", "verify_run", *BUDGETS} <= names
        rows = (await client.call_tool("list_traces", ALL)).structured_content["rows"]
        assert TRIP in [row["id"] for row in rows]
        for engine, budget in BUDGETS.items():
            await _ask(client, engine, budget, tmp_path)
        resources = [str(one.uri) for one in (await client.list_resources()).resources]
        assert len(resources) == 4 * len(BUDGETS)
        for uri in resources:
            assert (await client.read_resource(uri)).contents

    talk(target, say)


async def _ask(client: Client, engine: str, budget: dict[str, Any], runs: Path) -> None:
    told = Told()
    about = {} if engine == "incident" else {"trace_id": TRIP[:8]}
    answer = await client.call_tool(
        engine, {**about, "budget": budget, "wait_s": 300}, progress_callback=told
    )
    view = answer.structured_content
    assert view["state"] == "succeeded", view
    assert view["report"]
    assert told.messages[0] == f"run {view['run_id']}: accepted"
    assert told.progress == sorted(set(told.progress))
    assert "turns" in told.messages[-1]
    record = (await client.call_tool("show_run", {"run_id": view["run_id"]})).structured_content
    limits = record["runtime_ref"]["budget"]
    assert {name: limits[name] for name in budget} == budget
    assert record["run_id"] in text_of(answer)
    verified = await client.call_tool("verify_run", {"run_id": view["run_id"]})
    assert verified.structured_content["is_consistent"]
    assert verify_run(view["run_id"], runs).problems == ()


def test_what_is_wrong_with_a_call_is_said_with_what_is_like_it(target: Any) -> None:
    """A wrong id, a wrong name, a wrong value and a wrong field; the server goes on."""
    calls: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("rca", {"trace_id": TRIP[:-1] + "0"}, TRIP),
        ("run_status", {"run_id": "nowhere"}, "no run 'nowhere' here"),
        ("list_traces", {**ALL, "source": "trace"}, "did you mean 'traces'?"),
        ("list_traces", {**ALL, "filter": "name =="}, "does not parse at position"),
        ("rca", {"trace_ids": TRIP}, "did you mean trace_id?"),
        ("rca", {"trace_id": TRIP, "taxonomy": "/etc/hosts"}, "is a path"),
        ("rca", {"trace_id": TRIP, "budget": {"iterations": 10**9}}, "more than this server"),
        ("list_traces", {}, "field required"),
        ("get_control", {"control_id": "control.nope"}, "no control 'control.nope'"),
    )

    async def say(client: Client) -> None:
        for tool, arguments, said in calls:
            answer = await client.call_tool(tool, arguments)
            assert answer.is_error, tool
            assert said in text_of(answer), text_of(answer)
        with pytest.raises(MCPError, match="did you mean 'rca'"):
            await client.call_tool("rcaa", {})
        with pytest.raises(MCPError, match="run://RUN_ID/page"):
            await client.read_resource("run://nowhere/pages")
        with pytest.raises(MCPError, match="no run 'nowhere' here"):
            await client.read_resource("run://nowhere/page")
        assert not (await client.call_tool("list_sources", {})).is_error

    talk(target, say)


def test_a_cancelled_run_says_so_in_its_record(tmp_path: Path) -> None:
    """By its id over HTTP; over pipes also by cancelling the call that waits for it."""
    model = GatedModel()
    with asking(model) as options:
        with over_http(tmp_path / "http", *options) as url:
            talk(url, lambda client: _cancelled_by_id(client))
        talk(over_pipes(tmp_path / "pipes", *options), lambda client: _cancelled_call(client))
    for folder, run_id in (("http", "by-id"), ("pipes", "by-call")):
        record = read_record(run_id, tmp_path / folder)
        assert record.status is RunStatus.FAILED
        assert record.error is not None
        assert record.error.code is ErrorCode.CANCELLED
        assert verify_run(run_id, tmp_path / folder).problems == ()


async def _cancelled_by_id(client: Client) -> None:
    begun = await client.call_tool("rca", {"trace_id": TRIP, "run_id": "by-id", "wait_s": 0})
    assert begun.structured_content["state"] in ("queued", "running")
    while not await _began(client, "by-id"):
        await anyio.sleep(0.1)
    ended = await client.call_tool("cancel_run", {"run_id": "by-id"})
    assert ended.structured_content["error"].startswith("CANCELLED")
    assert "resume_run" in ended.structured_content["what_next"]


async def _cancelled_call(client: Client) -> None:
    async with anyio.create_task_group() as calls:
        calls.start_soon(client.call_tool, "rca", {"trace_id": TRIP, "run_id": "by-call"})
        while not await _began(client, "by-call"):
            await anyio.sleep(0.1)
        calls.cancel_scope.cancel()
    ended = await client.call_tool("run_status", {"run_id": "by-call", "wait_s": 60})
    assert ended.structured_content["error"].startswith("CANCELLED")


async def _began(client: Client, run_id: str) -> bool:
    """Whether its journal has scopes by now; there may be no run yet."""
    answer = await client.call_tool("run_status", {"run_id": run_id})
    return not answer.is_error and answer.structured_content["progress"]["scopes"] > 0


@pytest.mark.parametrize("cancels", [False, True])
def test_over_http_a_run_outlives_the_connection_of_its_call(tmp_path: Path, cancels: bool) -> None:
    """And another client finds it by its id; unless the call asked for the contrary."""
    model = GatedModel()
    asked = {"trace_id": TRIP, "run_id": "lost", "cancel_if_disconnected": cancels}

    async def leave(client: Client) -> None:
        told = Told()
        async with anyio.create_task_group() as calls:
            call = lambda: client.call_tool("rca", asked, progress_callback=told)  # noqa: E731
            calls.start_soon(call)
            while not model.asked.is_set():
                await anyio.sleep(0.05)
            calls.cancel_scope.cancel()
        assert told.messages[0] == "run lost: accepted"

    async def find(client: Client) -> dict[str, Any]:
        if not cancels:
            before = (await client.call_tool("run_status", {"run_id": "lost"})).structured_content
            assert before["state"] == "running"
            assert before["progress"]["events"] > 0
            model.let()
        told = Told()
        after = await client.call_tool(
            "run_status", {"run_id": "lost", "wait_s": 300}, progress_callback=told
        )
        assert told.messages
        view: dict[str, Any] = after.structured_content
        return view

    with asking(model) as options, over_http(tmp_path, *options) as url:
        talk(url, leave)
        view = talk(url, find)
    assert (view["state"] == "succeeded") is not cancels
    assert (view["error"] or "").startswith("CANCELLED") is cancels


def test_over_pipes_a_run_ends_after_its_client_has_left_and_is_found_by_the_next(
    tmp_path: Path,
) -> None:
    """The server lives on without a client until its runs have ended."""
    model = GatedModel()
    with asking(model) as options:
        words = [sys.executable, *command(tmp_path, *options)]
        with subprocess.Popen(
            words, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as server:
            assert server.stdin is not None
            for message in _opening({"trace_id": TRIP, "run_id": "left"}):
                server.stdin.write(json.dumps(message).encode() + b"\n")
            server.stdin.flush()
            assert model.asked.wait(120)
            server.stdin.close()
            assert not (tmp_path / "left" / "output.json").exists()
            model.let()
            assert server.wait(120) == 0
    assert (tmp_path / "left" / FILE).is_file()

    async def find(client: Client) -> None:
        view = (await client.call_tool("run_status", {"run_id": "left"})).structured_content
        assert view["state"] == "succeeded"
        assert view["report"]

    talk(over_pipes(tmp_path), find)


def _opening(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A handshake of the revision before, and a call."""
    yield {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "by hand", "version": "0"},
        },
    }
    yield {"jsonrpc": "2.0", "method": "notifications/initialized"}
    call = {"name": "rca", "arguments": asked}
    yield {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}


def test_a_request_under_another_name_than_this_machines_is_refused(tmp_path: Path) -> None:
    """So a page whose name was resolved to this machine reaches nothing."""
    with over_http(tmp_path) as url:
        assert _status(url, {}) == 200
        assert _status(url, {"Host": "attacker.example"}) == 421
        assert _status(url, {"Host": "attacker.example:80"}) == 421
        assert _status(url, {"Origin": "http://attacker.example"}) == 403
        assert _status(url, {"Origin": "null"}) == 403


def _status(url: str, headers: dict[str, str]) -> int:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    own = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    sent = urllib.request.Request(url, json.dumps(body).encode(), own | headers)
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
