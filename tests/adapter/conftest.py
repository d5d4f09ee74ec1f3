"""The adapter on a real HTTP server and a free port, with Temporal really absent unless a test brings one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from adapter.app import create_app
from adapter.server import AdapterServer, bind
from adapter.settings import Settings
from tests.adapter.toy import TOY
from tests.conftest import free_port
from worker.client import TidegateClient

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def absent_temporal() -> TidegateClient:
    """A client of a port that nobody listens on, which gives up after a second."""
    return TidegateClient(await Client.connect(f"127.0.0.1:{free_port()}", lazy=True), "tidegate", 1.0)


@asynccontextmanager
async def served(
    settings: Settings | None = None, client: TidegateClient | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of a server of its own, which stops at the end."""
    used = settings or Settings()
    away = client or await absent_temporal()
    app = create_app(used, away, (TOY,))
    ready = asyncio.Event()
    with bind(Settings(host=used.host, port=0, api_keys=used.api_keys)) as listener:
        server = AdapterServer(app, used, ready.set)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait_for(ready.wait(), 10)
        try:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=address, timeout=20) as http:
                yield http
        finally:
            server.stop()
            await running


@pytest.fixture
def serve() -> Serve:
    return served


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A server without keys, shared by the tests of a module."""
    async with served() as client:
        yield client
