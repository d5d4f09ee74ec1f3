"""kill -9 of one part: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.chaos.calls import calls
from tests.chaos.client import Client, ended, external, new_id
from tests.chaos.parts import Stack
from tests.lambda_endpoint import Invoked

pytestmark = pytest.mark.timeout(120)
PARTS = ("worker", "adapter", "temporal")


@pytest.mark.parametrize("name", PARTS)
async def test_parked_jobs_survive(stack: Stack, client: Client, name: str) -> None:
    workflow_id = await client.publish()
    submitted, approved = new_id(), new_id()
    parked, answered = [await client.submit(workflow_id) for _ in range(2)]
    await asyncio.gather(client.parked(parked), client.parked(answered))
    latest = await client.submit(workflow_id, submitted)
    await client.approve(answered, approved)

    stack.part(name).kill()
    await stack.all_up()

    assert await client.submit(workflow_id, submitted) == latest
    await client.approve(answered, approved)
    await client.parked(latest)
    await asyncio.gather(client.approve(parked), client.approve(latest))
    for job_id in (parked, answered, latest):
        state = await client.succeeded(job_id)
        assert state["executionData"]["waitForApprovalOutput"] == {"approved": True}
        # A call may be repeated when its worker dies, but then it is the same one.
        assert len(set(calls(stack.lambdas, "run-deployment", job_id))) == 1
    assert sorted(await client.job_ids(3)) == sorted([parked, answered, latest])


async def test_an_event_before_the_step_survives_everything(stack: Stack, client: Client) -> None:
    workflow_id = await client.publish()
    stack.worker.kill()
    early = await client.submit(workflow_id)
    assert (await client.job(early))["status"] == "PENDING"
    await client.approve(early)
    stack.adapter.kill()
    stack.temporal.kill()
    await stack.all_up()
    state = await client.succeeded(early)
    assert state["executionData"]["waitForApprovalOutput"] == {"approved": True}


async def test_a_call_whose_worker_dies_is_made_again(stack: Stack, client: Client) -> None:
    """The definition allows no retries: a lost worker is not the step's failure."""
    answer = threading.Event()

    def blocks(invoked: Invoked) -> dict[str, str]:
        answer.wait(60)
        return {}

    stack.lambdas.on("send-approval-request", blocks, {})
    before = len(stack.lambdas.invocations)
    job_id = await client.submit(await client.publish())
    try:
        await asyncio.to_thread(stack.lambdas.wait_for, before + 1)
        stack.worker.kill()
        stack.worker.start()
        await asyncio.to_thread(stack.lambdas.wait_for, before + 2, 40)
    finally:
        answer.set()
    await client.parked(job_id)
    await client.approve(job_id)
    state = await client.succeeded(job_id)
    keys = calls(stack.lambdas, "send-approval-request", job_id)
    assert len(keys) == 2 and len(set(keys)) == 1
    steps = [item["stepName"] for item in state["executionHistory"] if item not in external(state)]
    assert steps.count("requestApproval") == 1


async def test_requests_cut_off_by_the_adapters_death_are_done_once(stack: Stack, client: Client) -> None:
    workflow_id = await client.publish()
    jobs = 12

    flows = [asyncio.ensure_future(client.whole_flow(workflow_id)) for _ in range(jobs)]
    for done in (1, jobs // 2):
        await ended(flows, done)
        stack.adapter.kill()
        stack.adapter.start()
    job_ids = await asyncio.gather(*flows)
    assert client.cut_off > 0
    await asyncio.gather(*(client.succeeded(job_id) for job_id in job_ids))
    assert sorted(await client.job_ids(jobs)) == sorted(job_ids)
    for job_id in job_ids:
        assert len(calls(stack.lambdas, "run-deployment", job_id)) == 1
