"""A flow through `tidegate dev`, all of whose parts are killed, and which is itself stopped and started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.chaos.client import Client
from tests.lambda_endpoint import LambdaEndpoint
from tests.tidegate.supervised import Dev, answers, running, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
    pytest.mark.timeout(120),
]


async def replaced(dev: Dev, name: str) -> None:
    """Kill a child, and wait for the one that takes its place."""
    killed = dev.child(name)
    os.kill(killed, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: dev.child(name) not in (0, killed), 20, f"another {name}")
    await asyncio.to_thread(until, lambda: answers(f"{dev.url}/readyz"), 40, "readiness")


async def test_a_flow_outlives_every_process(tmp_path: Path, lambdas: LambdaEndpoint) -> None:
    for function in ("send-approval-request", "run-deployment"):
        lambdas.on(function, {})
    environ = lambdas.environment()
    with running(tmp_path, environ=environ) as dev:
        client = Client(dev.url)
        async with client.http:
            workflow_id = await client.publish()
            first, second = [await client.submit(workflow_id) for _ in range(2)]
            await asyncio.gather(client.parked(first), client.parked(second))
            for name in ("worker", "adapter", "temporal"):
                await replaced(dev, name)
            await client.approve(first)
            await client.succeeded(first)
        assert dev.stop() == 0
    with running(tmp_path, environ=environ) as dev:
        client = Client(dev.url, client.organisation)
        async with client.http:
            assert sorted(await client.job_ids(2)) == sorted([first, second])
            await client.succeeded(first)
            await client.approve(second)
            await client.succeeded(second)
