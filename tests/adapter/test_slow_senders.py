"""Senders that take too long, or never end: each is answered or cut off, and costs nobody else anything."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from adapter import limits, protocol
from tests.adapter.conftest import Serve

HEAD = b"POST /toy-echo HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.6)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.6)
    monkeypatch.setattr(protocol, "SILENT_SECONDS", 0.6)


async def dripping(piece: bytes) -> AsyncIterator[bytes]:
    while True:
        yield piece
        await asyncio.sleep(0.1)


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes. Whoever goes on sending to a closed connection is told so by a reset."""
    pieces: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            pieces.append(piece)
    return b"".join(pieces)


async def said(http: httpx.AsyncClient, start: bytes, piece: bytes = b"") -> bytes:
    """What the server says, until it closes, to someone who sends `start` and then `piece` again and again."""
    assert http.base_url.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)

    async def feed() -> None:
        async for more in dripping(piece):
            writer.write(more)
            await writer.drain()

    writer.write(start)
    feeding = asyncio.create_task(feed())
    began = time.monotonic()
    try:
        answer = await asyncio.wait_for(until_closed(reader), 20)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        writer.close()
    assert time.monotonic() - began > 0.4
    return answer


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD + b'Content-Length: 100\r\n\r\n{"a"', b""),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b"1"),
        (CHUNKED, b"1\r\n1\r\n"),
    ],
    ids=["cut", "byte by byte", "chunk by chunk"],
)
async def test_a_body_that_does_not_end_in_time_is_refused(serve: Serve, start: bytes, piece: bytes) -> None:
    async with serve() as http:
        answer = await said(http, start, piece)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head.lower()
        assert b'"toy":"too-slow"' in body
        assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("start", "piece"),
    [(b"", b""), (b"POST /toy-echo HTT", b""), (HEAD, b"X-More: x\r\n")],
    ids=["nothing", "half a line", "line by line"],
)
async def test_a_head_that_does_not_end_in_time_is_cut_off(serve: Serve, start: bytes, piece: bytes) -> None:
    async with serve() as http:
        answer = await said(http, start, piece)
        assert answer == b"" if not start else answer.startswith(b"HTTP/1.1 400 ")
        assert (await http.get("/healthz")).status_code == 200


async def test_a_second_head_on_a_connection_has_to_end_in_time_too(serve: Serve) -> None:
    async with serve() as http:
        answer = await said(http, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea", b"x")
        first, second = answer.split(b"HTTP/1.1 ")[1:]
        assert (first[:3], second[:3]) == (b"200", b"400")


async def test_who_is_slow_but_in_time_is_served(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 20.0)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"a"', b": ", b"1}"):
            yield piece
            await asyncio.sleep(0.1)

    async with serve() as http:
        assert (await http.post("/toy-echo", content=pieces())).json() == {"value": {"a": 1}}


async def test_an_answer_that_takes_longer_than_a_body_may_is_given(serve: Serve) -> None:
    async with serve() as http:
        assert (await http.get("/toy-slow/1.5")).json() == {"seconds": 1.5}
