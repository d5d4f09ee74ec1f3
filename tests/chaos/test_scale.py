"""Two workers and two adapters on one Temporal: they are one system."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.calls import calls
from tests.chaos.client import Client, new_id
from tests.chaos.parts import Stack

pytestmark = pytest.mark.timeout(120)
JOBS = 6


@pytest_asyncio.fixture(loop_scope="session")
async def beside(stack: Stack, client: Client) -> AsyncIterator[Client]:
    """A client of the same organisation at a second adapter; a second worker is up as well."""
    worker = stack.another_worker("second-worker")
    adapter, url = stack.another_adapter("second-adapter")
    with contextlib.ExitStack() as parts:
        for part in (worker, adapter):
            part.start()
            parts.callback(part.kill)
        await stack.readiness(200, url)
        other = Client(url, client.organisation)
        async with other.http:
            yield other


async def test_flows_run_through_both(stack: Stack, client: Client, beside: Client) -> None:
    workflow_id = await client.publish()
    submissions = [new_id() for _ in range(JOBS)]
    twice = [await asyncio.gather(*(one.submit(workflow_id, s) for one in (client, beside))) for s in submissions]
    assert all(first == second for first, second in twice)
    job_ids = [first for first, _ in twice]
    await asyncio.gather(*(beside.parked(job_id) for job_id in job_ids))
    lists = await asyncio.gather(client.job_ids(JOBS), beside.job_ids(JOBS))
    assert lists[0] == lists[1] and sorted(lists[0]) == sorted(job_ids)

    # One of two workers is enough, also for what the other one held.
    stack.worker.kill()
    events = [(job_id, new_id()) for job_id in job_ids]
    await asyncio.gather(*(one.approve(job_id, event) for job_id, event in events for one in (client, beside)))
    await asyncio.gather(*(beside.succeeded(job_id) for job_id in job_ids))
    for job_id in job_ids:
        assert len(set(calls(stack.lambdas, "run-deployment", job_id))) == 1
    states = await asyncio.gather(*(one.state(job_ids[0]) for one in (client, beside)))
    assert states[0] == states[1]
