"""What a client of a vendor meets: the adapter on a real HTTP server, a worker, and a real Temporal behind them."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapter.app import create_app
from adapter.server import AdapterServer, bind
from adapter.settings import Settings
from tests.conftest import temporal_executable
from tests.running import worker_settings
from tests.worker.test_long_waits import SKIPPING
from worker.__main__ import running
from worker.client import TidegateClient

TOKEN_KEYS = ("conformance-tests-sign-with-this-key-0001",)


@dataclass
class Stack:
    """`address` is where the adapter serves; `queue` is what its workers poll."""

    address: str
    temporal: Client
    queue: str

    def worker(self, **settings: Any) -> contextlib.AbstractAsyncContextManager[None]:
        """A worker, for as long as the block lasts."""
        return running(self.temporal, worker_settings(self.queue, **settings))


@contextlib.asynccontextmanager
async def adapter(
    temporal: Client, *, queue: str | None = None, settings: Settings | None = None, rpc_seconds: float = 5.0
) -> AsyncIterator[Stack]:
    """The adapter on a free port, without any worker."""
    queue = queue or f"test-{uuid.uuid4()}"
    used = replace(settings or Settings(), port=0, task_queue=queue, token_keys=TOKEN_KEYS)
    app = create_app(used, TidegateClient(temporal, queue, rpc_seconds))
    ready = asyncio.Event()
    with bind(used) as listener:
        server = AdapterServer(app, used, ready.set)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(ready.wait(), 10)
            yield Stack(f"http://127.0.0.1:{listener.getsockname()[1]}", temporal, queue)
        finally:
            server.stop()
            await serving


@contextlib.asynccontextmanager
async def skipping_stack(settings: Settings) -> AsyncIterator[tuple[WorkflowEnvironment, Stack]]:
    """A server that skips time, with an adapter and a worker of its own."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(), dev_server_extra_args=SKIPPING
    )
    async with environment, adapter(environment.client, settings=settings) as stack, stack.worker():
        yield environment, stack
