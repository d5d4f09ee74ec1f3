"""SIGTERM in the middle of work: a clean end in time, nothing lost, and nothing done again."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.calls import calls
from tests.chaos.client import Client
from tests.chaos.parts import Stack
from tests.lambda_endpoint import Reply

pytestmark = pytest.mark.timeout(120)
JOBS = 5


async def test_a_clean_stop_in_mid_flight(stack: Stack, client: Client) -> None:
    workflow_id = await client.publish()
    stack.lambdas.on("send-approval-request", Reply({}, delay=2))
    before = len(stack.lambdas.invocations)

    flows = [asyncio.ensure_future(client.whole_flow(workflow_id)) for _ in range(JOBS)]
    await asyncio.to_thread(stack.lambdas.wait_for, before + JOBS)
    more = [asyncio.ensure_future(client.whole_flow(workflow_id)) for _ in range(JOBS)]
    stack.adapter.ask_to_stop()
    stack.worker.ask_to_stop()
    assert list(await asyncio.gather(stack.adapter.ended(), stack.worker.ended())) == [0, 0]
    await stack.all_up()
    job_ids = await asyncio.gather(*flows, *more)
    await asyncio.gather(*(client.succeeded(job_id) for job_id in job_ids))
    assert sorted(await client.job_ids(2 * JOBS)) == sorted(job_ids)
    for job_id in job_ids:
        # Not even repeated: what a stopping worker had begun it has finished.
        assert len(calls(stack.lambdas, "send-approval-request", job_id)) == 1
        assert len(calls(stack.lambdas, "run-deployment", job_id)) == 1
    assert "Traceback" not in stack.adapter.log + stack.worker.log


async def test_temporal_stops_cleanly_under_them(stack: Stack, client: Client) -> None:
    """Its restart is no reason for the others to be restarted."""
    job_id = await client.submit(await client.publish())
    await client.parked(job_id)
    stack.temporal.ask_to_stop()
    await stack.temporal.ended()
    await stack.readiness(503)
    await stack.all_up()
    await client.approve(job_id)
    await client.succeeded(job_id)
