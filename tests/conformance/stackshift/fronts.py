"""What stands between a client and an adapter when things go wrong: an adapter that comes and goes, a lost answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from adapter.app import create_app
from adapter.server import AdapterServer, bind
from adapter.settings import Settings
from tests.conformance.stack import TOKEN_KEYS
from worker.client import TidegateClient

_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)


@asynccontextmanager
async def adapter_at(port: int, client: TidegateClient, queue: str, settings: Settings) -> AsyncIterator[None]:
    """An adapter at a given port, until the block ends."""
    used = replace(settings, port=port, task_queue=queue, token_keys=TOKEN_KEYS)
    ready = asyncio.Event()
    with bind(used) as listener:
        server = AdapterServer(create_app(used, client), used, ready.set)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(ready.wait(), 10)
            yield
        finally:
            server.stop()
            await serving


class Lossy:
    """Relays requests to an adapter; the first answer is read, and then lost with its connection."""

    def __init__(self, address: str) -> None:
        self._upstream = urlsplit(address)
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, body = await _message(reader)
        except asyncio.IncompleteReadError:  # a connection opened ahead, and never used
            writer.close()
            return
        self.bodies.append(body)
        first = len(self.bodies) == 1
        their_reader, their_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        their_writer.write(head + body)
        answer = b"".join(await _message(their_reader))
        their_writer.close()
        if not first:
            writer.write(answer)
            await writer.drain()
        writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1]) if length else 0)
