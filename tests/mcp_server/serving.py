"""Servers as clients meet them: processes of their own, over pipes and over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import Behaviour, Held, ModelServer, ReceivedRequest
from tests.live.asking import CONCLUDES, KEY, KEY_VARIABLE
from tests.rooms import ROOT

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
ALL = {"filter": None, "start_time": None, "end_time": None, "offset": 0}
"""The arguments of list_traces that ask for every trace."""

_T = TypeVar("_T")


def command(runs: Path, *more: str) -> list[str]:
    """The arguments of a server over the sample traces."""
    return ["-m", "investigator", "mcp", str(SAMPLE_TRACES), "--runs-dir", str(runs), *more]


def environment() -> dict[str, str]:
    """That of this process; a model of a test needs no key."""
    return {**os.environ, "PYTHONPATH": str(ROOT), KEY_VARIABLE: KEY}


def over_pipes(runs: Path, *more: str) -> StdioServerParameters:
    """A server that a client starts."""
    return StdioServerParameters(
        command=sys.executable, args=command(runs, *more), env=environment()
    )


@contextmanager
def over_http(runs: Path, *more: str) -> Iterator[str]:
    """A server that is there already: its address."""
    port = free_port()
    words = [sys.executable, *command(runs, *more, "--http", str(port))]
    with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        try:
            assert "http://127.0.0.1" in said, said + process.stderr.read()
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.stderr.read()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class Told:
    """What a client was told of a call's progress."""

    progress: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    begun: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(
        self,
        progress: float,
        total: float | None,  # noqa: ARG002 (what is left of a run is not known)
        message: str | None,
    ) -> None:
        self.progress.append(progress)
        self.messages.append(message or "")
        if "turn" in (message or ""):
            self.begun.set()


def talk(target: Any, say: Callable[[Client], Awaitable[_T]]) -> _T:
    """A conversation of one client with a server, from connecting to leaving."""

    async def run() -> _T:
        async with Client(target) as client:
            return await say(client)

    return anyio.run(run)


def text_of(result: CallToolResult) -> str:
    """What people read of an answer."""
    return "\n".join(block.text for block in result.content if block.type == "text")


class GatedModel:
    """A model that answers nothing until it is let, then that it has come to its conclusion."""

    def __init__(self) -> None:
        self._gate = threading.Event()
        self.asked = threading.Event()

    def __call__(self, _request: ReceivedRequest) -> Behaviour:
        self.asked.set()
        return Held(CONCLUDES, self._gate)

    def let(self) -> None:
        """From now on it answers."""
        self._gate.set()


@contextmanager
def asking(model: Callable[[ReceivedRequest], Behaviour]) -> Iterator[Sequence[str]]:
    """The options of a server whose engines ask that model."""
    with ModelServer(model) as server:
        yield (
            *("--planner", "model", "--model", "scripted"),
            *("--base-url", server.base_url, "--api-key-env", KEY_VARIABLE),
        )
