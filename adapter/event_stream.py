"""Answers that go on: server-sent events, sent until there are no more, the caller is gone, or the server stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from definitions.errors import TidegateError

#: Seconds of silence after which a comment is sent, so that nobody in between takes the connection for dead.
PING_SECONDS = 15.0
PING = b": ping\n\n"


@dataclass(frozen=True)
class ServerEvent:
    """One event. A caller that comes back names the `id` of the last one it has got."""

    id: str
    name: str
    data: Any

    def encoded(self) -> bytes:
        # In ASCII, on one line: nothing in the data can look like another field.
        return f"id: {self.id}\nevent: {self.name}\ndata: {json.dumps(self.data, allow_nan=False)}\n\n".encode("ascii")


Events = AsyncGenerator[ServerEvent, None]


class EventStream(Response):
    """Sends what `events` gives as it comes. At its end, or as soon as the caller goes away, `held` is closed."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, stopping: asyncio.Event, held: AsyncExitStack) -> None:
        # `no-transform` and the second header keep what is in between from collecting events before it passes them on.
        super().__init__(headers={"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._events = events
        self._stopping = stopping
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        gone, stopped = asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._stopping.wait())
        tasks: list[asyncio.Future[Any]] = [sending, gone, stopped]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                with suppress(TidegateError):  # it ends; whoever comes back is told why
                    sending.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not gone.done() or gone.cancelled():
            await send(_chunk(b"", more=False))

    async def _send(self, send: Send) -> None:
        async with aclosing(_with_pings(self._events)) as chunks:
            async for chunk in chunks:
                await send(_chunk(chunk))


def _chunk(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _with_pings(events: Events) -> AsyncGenerator[bytes, None]:
    following: asyncio.Future[ServerEvent] | None = None
    try:
        yield b"retry: 1000\n\n"
        while True:
            following = following or asyncio.ensure_future(_next(events))
            await asyncio.wait({following}, timeout=PING_SECONDS)
            if not following.done():
                yield PING
                continue
            try:
                yield following.result().encoded()
            except StopAsyncIteration:
                return
            following = None
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await events.aclose()


async def _next(events: Events) -> ServerEvent:
    """The next event, as a coroutine: a task can be made of it."""
    return await events.__anext__()
