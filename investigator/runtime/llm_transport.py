"""An answer is read where it was asked for, and no further than a reply can be long.

An endpoint decides how much it sends: 50 MB, a body without end, or 10 kB that unpack to 10 GB.
The bound is on the bytes as they come in and on what they unpack to, before anything parses them.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from investigator.runtime.llm_account import without_untruths

MAX_REPLY_BYTES = 4 * 1024 * 1024
"""100,000 tokens of output with their reasoning, every character escaped, are under 2 MB."""

TAKES = "gzip, deflate"
"""The encodings that are asked for, and unpacked here; another one is no reply."""

_PIECE = 64 * 1024
_ANY_ZLIB = zlib.MAX_WBITS | 32
"""zlib finds out by itself whether a body is gzip or deflate."""


class ReplyTooLarge(Exception):
    """More bytes than a reply can have."""


class ReplyUnreadable(Exception):
    """A body that cannot be unpacked."""


class Redirected(Exception):
    """An answer that is to be had elsewhere; nobody goes there."""


async def bound(response: httpx2.Response) -> None:
    """A client's response hook: redirects end here, and what is read of a body is bounded."""
    if response.is_redirect:
        raise Redirected(f"HTTP {response.status_code}")
    encodings = response.headers.get("content-encoding", "identity").strip().lower()
    if encodings not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise ReplyUnreadable(f"the encoding {encodings[:40]} was not asked for")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    packed = encodings not in ("identity", "")
    response.stream = _Bounded(response.stream, packed=packed)
    if packed:
        # What the library reads is unpacked already.
        del response.headers["content-encoding"]


class _Bounded(httpx2.AsyncByteStream):
    """The unpacked body of an answer, up to the bound."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, packed: bool) -> None:
        self._stream = stream
        self._unpacker: Any = zlib.decompressobj(_ANY_ZLIB) if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = bytearray()
        came_in = 0
        async for chunk in self._stream:
            came_in += len(chunk)
            for piece in self._unpacked(chunk):
                body += piece
                if max(came_in, len(body)) > MAX_REPLY_BYTES:
                    raise ReplyTooLarge
        if self._unpacker is not None and came_in and not self._unpacker.eof:
            raise ReplyUnreadable("the packed body ends too soon")
        yield without_untruths(bytes(body))

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        if self._unpacker is None:
            yield chunk
            return
        try:
            yield self._unpacker.decompress(chunk, _PIECE)
            while self._unpacker.unconsumed_tail:
                yield self._unpacker.decompress(self._unpacker.unconsumed_tail, _PIECE)
        except zlib.error as error:
            raise ReplyUnreadable(str(error)) from error

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._stream.aclose()
