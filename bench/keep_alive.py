"""A cheap HTTP/1.1 client for load: connections are kept, and a call costs next to nothing here.

Like the vendors' own clients it repeats a call that was answered with 503, under the same invocation id.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

ATTEMPTS = 10
AWAY = 503
PAUSE = 0.2


class HttpFailure(Exception):
    """An answer other than 2xx."""


class KeepAlive:
    """JSON calls of one server; opens as many connections as there are calls at once. `repeated` counts repetitions."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        assert parts.hostname is not None and parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._idle: list[_Connection] = []
        self._prefix = uuid.uuid4().hex
        self._numbers = itertools.count()
        self.repeated = 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON value. Raises HttpFailure."""
        content = b"" if body is None else json.dumps(body).encode()
        request = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\ncontent-type: application/json\r\n"
            f"amz-sdk-invocation-id: {self._prefix}{next(self._numbers)}\r\ncontent-length: {len(content)}\r\n\r\n"
        ).encode() + content
        status, answer = await self._exchange(request)
        for _ in range(ATTEMPTS - 1):
            if status != AWAY:
                break
            self.repeated += 1
            await asyncio.sleep(PAUSE)
            status, answer = await self._exchange(request)
        if status >= 300:
            raise HttpFailure(f"{method} {path}: {status} {answer[:500].decode('utf-8', 'replace')}")
        return json.loads(answer)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        connection = self._kept() or await self._connect()
        found = await connection.exchange(request)
        self._idle.append(connection)
        return found

    def _kept(self) -> _Connection | None:
        """An idle connection that the server has not closed meanwhile."""
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()


class _Connection(asyncio.Protocol):
    """One exchange at a time; called back by the parser."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser: Any = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        assert self._transport is not None
        self._body, self._parser = b"", httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((self._parser.get_status_code(), self._body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionError("the server closed the connection"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
