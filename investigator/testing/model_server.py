"""An OpenAI-compatible server on this machine that behaves, and misbehaves, as it is told.

It speaks real HTTP on a port of its own, so what a test sees of a fault is what a client sees.
Each request gets the next behaviour of a script, or the one that a function chooses for it. It
runs in a thread of its own and serves synchronous and asynchronous tests alike:

    with ModelServer([error(429), says("hello")]) as server:
        ...  # server.base_url, server.requests
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias


@dataclass(frozen=True, slots=True)
class Tokens:
    """The account of a reply; `cached` of the tokens of its prompt came from a cache."""

    tokens_in: int = 100
    tokens_out: int = 20
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer after `delay_s` seconds; text and bytes as they are, all else as JSON."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset instead of an answer."""


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer at all, for as long as the client waits."""


@dataclass(frozen=True, slots=True)
class Held:
    """A good answer, once the event is set."""

    answer: Answer
    until: threading.Event


@dataclass(frozen=True, slots=True)
class Drip:
    """A good answer, a byte at a time, `pause_s` seconds apart."""

    answer: Answer
    pause_s: float


@dataclass(frozen=True, slots=True)
class Torn:
    """The connection ends after this part of a good answer, from 0 to 1."""

    answer: Answer
    part: float = 0.5


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes, whatever they are, in place of an HTTP answer; then the connection ends."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Endless:
    """These bytes, then others again and again, for as long as the client reads."""

    start: bytes
    again: bytes


Behaviour: TypeAlias = Answer | Reset | Hang | Held | Drip | Torn | Raw | Endless


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came in; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


_LOOK_S = 0.02
"""How often it is looked whether an answer may be given."""
Decide: TypeAlias = Callable[[ReceivedRequest], Behaviour]


def says(
    text: str | None,
    *,
    usage: Tokens | None = Tokens(),
    refusal: str | None = None,
    finish_reason: str = "stop",
    delay_s: float = 0.0,
) -> Answer:
    """A reply of the model; without `usage`, one that gives no account."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    body: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage.tokens_in,
            "completion_tokens": usage.tokens_out,
            "total_tokens": usage.tokens_in + usage.tokens_out,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        }
    return Answer(200, body, delay_s=delay_s)


def error(
    status: int,
    message: str = "scripted",
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error in the form of the API."""
    body = {"error": {"message": message, "type": "scripted_error", "param": None, "code": code}}
    return Answer(status, body, headers or {})


def too_many(retry_after: str | None = None) -> Answer:
    """429, with the `Retry-After` header as given."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return error(429, "too many requests", code="rate_limit_exceeded", headers=headers)


CONTEXT_LENGTH = error(
    400, "this model's maximum context length is 8192 tokens", code="context_length_exceeded"
)
WRONG_MODEL = error(404, "the model does not exist", code="model_not_found")
EXPIRED_KEY = error(401, "incorrect API key provided: sk-***", code="invalid_api_key")
REFUSES = says(None, refusal="I cannot help with that.")


class ModelServer:
    """Serves `POST …/chat/completions` while it is entered; past its script, the last again.

    `requests` holds all that came in, in order.
    """

    def __init__(self, script: Sequence[Behaviour] | Decide) -> None:
        self._decide = script if callable(script) else _in_turn(script)
        self.requests: list[ReceivedRequest] = []
        self._socket = socket.socket()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._socket.bind(("127.0.0.1", 0))
        self._thread.start()
        self._server = self._in_thread(asyncio.start_server(self._serve, sock=self._socket))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_thread(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_thread(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # A client that goes away, or the end of the server, ends what is under way.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                request = await _read(reader)
                self.requests.append(request)
                await _behave(self._decide(request), reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()


def _in_turn(script: Sequence[Behaviour]) -> Decide:
    left = iter(script[:-1])
    return lambda _: next(left, script[-1])


async def _read(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return ReceivedRequest(head[0].split()[1], headers, json.loads(body or b"{}"))


async def _behave(
    behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    match behaviour:
        case Reset():
            _reset_on_close(writer)
        case Hang():
            await reader.read()
        case Held(answer, until):
            while not until.is_set():
                await asyncio.sleep(_LOOK_S)
            writer.write(_bytes(answer))
            await writer.drain()
        case Drip(answer, pause_s):
            for byte in _bytes(answer):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause_s)
        case Torn(answer, part):
            whole = _bytes(answer)
            writer.write(whole[: int(len(whole) * part)])
            await writer.drain()
        case Raw(content):
            writer.write(content)
            await writer.drain()
        case Endless(start, again):
            writer.write(start)
            while True:
                writer.write(again)
                await writer.drain()
        case Answer():
            await asyncio.sleep(behaviour.delay_s)
            writer.write(_bytes(behaviour))
            await writer.drain()


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _bytes(answer: Answer) -> bytes:
    said = answer.body
    if not isinstance(said, bytes):
        said = (said if isinstance(said, str) else json.dumps(said)).encode()
    body = said
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} scripted", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
