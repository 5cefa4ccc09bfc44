"""How clients reach the server: over the process's own pipes, or over HTTP on this machine.

Over pipes the server is the client's child: when the client closes them, the runs under way go on
to their end unless the client ends the process as well. Over HTTP the server outlives its clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import uvicorn
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from investigator.errors import UsageError
from investigator.mcp_server.protocol import Served, mcp_protocol

HOST = "127.0.0.1"
PATH = "/mcp"
_BACKLOG = 128
"""Clients that may knock before the server answers."""
_LAST_WORDS_S = 2
"""Seconds that open streams have to end after the server was told to stop."""


async def serve_stdio(offer: Callable[[], Served]) -> None:
    """Serve one client over stdin and stdout until it leaves, then let its runs end."""
    offered = offer()
    server = mcp_protocol(offered)
    patient = False
    try:
        with _lost_connection():
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())
        patient = True
    finally:
        await offered.jobs.close(patient=patient)
        offered.sources.close()


async def serve_http(
    offer: Callable[[], Served], listening: socket.socket, on_ready: Callable[[str], None]
) -> None:
    """Serve any number of clients of this machine over HTTP until it is interrupted."""
    offered = offer()
    port = listening.getsockname()[1]
    app = mcp_protocol(offered).streamable_http_app(
        stateless_http=True,
        streamable_http_path=PATH,
        transport_security=_of_this_machine(port),
    )
    config = uvicorn.Config(
        app,
        log_level="critical",  # what ends a stream early is no news
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=_LAST_WORDS_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    on_ready(f"http://{HOST}:{port}{PATH}")
    try:
        await asyncio.shield(serving)
    finally:
        await offered.jobs.close(patient=False)
        server.should_exit = True
        await serving
        offered.sources.close()


def listen(port: int) -> socket.socket:
    """A socket on this machine's own address; port 0: any that is free.

    Raises:
        UsageError: the port is taken or not to be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"--http {port}: {HOST}:{port} cannot be listened on ({error.strerror}); name another "
            "port, or 0 for any that is free"
        ) from None
    return listening


def _of_this_machine(port: int) -> TransportSecuritySettings:
    """Only requests that name this address are answered: a web page that had its own name resolved
    to it names another.
    """
    hosts = [f"{host}:{port}" for host in (HOST, "localhost", "[::1]")]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[f"http://{host}" for host in hosts],
    )


class _Server(uvicorn.Server):
    """One that leaves signals to whoever is in charge of the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _lost_connection() -> Iterator[None]:
    """A client that is gone is no defect of the server."""
    with contextlib.suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        yield
