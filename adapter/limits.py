"""The limits of request bodies, declared or chunked, before anything reads them: their size, and how long they take."""

from __future__ import annotations

import asyncio
import time

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.failures import TooSlow
from definitions.errors import TooLarge

#: Seconds from the end of a request's head to the end of its body.
BODY_SECONDS = 10.0
#: How much of a refused body is still read, and for how long, so that its sender gets to see the answer.
DRAIN_BYTES = 8_388_608
DRAIN_SECONDS = 1.0


class BodyLimit:
    """ASGI middleware: raises TooLarge, out of `receive` or at once if the length is declared, and TooSlow."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            await self._refuse(receive, headers, int(length))
        taken, whole, deadline = 0, False, time.monotonic() + BODY_SECONDS

        async def limited() -> Message:
            nonlocal taken, whole
            # After the body, what is waited for is the end of the connection, which may take long.
            message = await receive() if whole else await _in_time(receive, deadline)
            whole = not message.get("more_body")
            taken += len(message.get("body", b""))
            if taken > self._limit:
                await self._refuse(receive, headers, None if message.get("more_body") else 0)
            return message

        await self._app(scope, limited, send)

    async def _refuse(self, receive: Receive, headers: Headers, left: int | None) -> None:
        """`left` is how many bytes are still to come, at most; None if nobody knows."""
        # A sender that asks first is told before it sends; reading would tell it to go on.
        if "expect" not in headers and left != 0 and (left is None or left <= DRAIN_BYTES):
            await _drain(receive)
        raise TooLarge(f"the body is larger than {self._limit} bytes")


async def _in_time(receive: Receive, deadline: float) -> Message:
    try:
        with anyio.fail_after(deadline - time.monotonic()):
            return await receive()
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {BODY_SECONDS:g} s") from None


async def _drain(receive: Receive) -> None:
    async def read() -> None:
        taken = 0
        while taken <= DRAIN_BYTES:
            message = await receive()
            taken += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    try:
        await asyncio.wait_for(read(), DRAIN_SECONDS)
    except asyncio.TimeoutError:
        return
