"""A stand-in for AWS Lambda inside the benchmark's own process: answers `{}` and knows when it was called."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast
from urllib.parse import unquote

import httptools

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Endpoint:
    """Serves the Lambda Invoke API on a free loopback port, as an async context manager."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], asyncio.Future[float]] = {}
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Endpoint:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()

    def called(self, function: str, job: str) -> asyncio.Future[float]:
        """When (`time.perf_counter`) the function was called for a job: a future, whichever comes first."""
        key = (function, job)
        if key not in self._calls:
            self._calls[key] = asyncio.get_running_loop().create_future()
        return self._calls[key]

    def forget(self) -> None:
        """Drop what was noted so far."""
        self._calls.clear()

    def note(self, path: str, body: bytes) -> None:
        """One call came in. The payload names its job."""
        function = unquote(path.split("/")[3]).rpartition(":")[2]
        payload: dict[str, Any] = json.loads(body)
        future = self.called(function, payload["__jobContext"]["jobId"])
        if not future.done():
            future.set_result(time.perf_counter())


class _Connection(asyncio.Protocol):
    """One kept-alive connection; called back by the parser."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._parser: Any = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, body, self._path, self._body = self._path.decode(), self._body, b"", b""
        self._endpoint.note(path, body)
        assert self._transport is not None
        self._transport.write(_ANSWER)
