"""A part that is away for a while: the adapter says so in time, and nothing acknowledged is lost when it is back."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos.calls import calls
from tests.chaos.client import Client, approval, ended, new_id
from tests.chaos.parts import Stack
from tests.running import eventually

pytestmark = pytest.mark.timeout(120)
#: How many requests are refused before Temporal comes back: some seconds' worth.
REFUSALS = 12


async def test_temporal_away_under_a_trickle(stack: Stack, client: Client) -> None:
    workflow_id = await client.publish()

    flows: list[asyncio.Future[str]] = []

    async def trickle() -> None:
        while True:
            flows.append(asyncio.ensure_future(client.whole_flow(workflow_id)))
            await asyncio.sleep(0.3)

    async def refusals() -> int:
        return client.answers[503]

    trickling = asyncio.ensure_future(trickle())
    await ended(flows, 2)
    stack.temporal.kill()
    unready = await stack.readiness(503)
    assert unready["parts"]["temporal"] == "down"
    await eventually(refusals, lambda count: count >= REFUSALS)
    stack.temporal.start()
    ready = await stack.readiness(200)
    assert ready["parts"] == {"temporal": "up", "worker": "up"}
    trickling.cancel()
    job_ids = await asyncio.gather(*flows)
    assert client.cut_off == 0
    await asyncio.gather(*(client.succeeded(job_id) for job_id in job_ids))
    assert sorted(await client.job_ids(len(flows))) == sorted(job_ids)
    for job_id in job_ids:
        assert len(calls(stack.lambdas, "run-deployment", job_id)) == 1


async def test_without_a_worker_what_needs_none_works_and_the_rest_says_so(stack: Stack, client: Client) -> None:
    workflow_id = await client.publish()
    parked, other = [await client.submit(workflow_id) for _ in range(2)]
    await asyncio.gather(client.parked(parked), client.parked(other))
    stack.worker.kill()

    pending = await client.submit(workflow_id)
    assert (await client.job(parked))["status"] == "RUNNING"
    assert (await client.job(pending))["status"] == "PENDING"
    assert sorted(await client.job_ids(3)) == sorted([parked, other, pending])
    invocation = new_id()
    answers = await asyncio.gather(
        client.once("GET", f"/jobs/{parked}/state"),
        client.once("GET", f"/jobs/{pending}/state"),
        client.once("POST", f"/jobs/{parked}/events", approval(), invocation),
    )
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    # Without a payload there is nothing that the run could refuse: the event is left for the worker that comes.
    without = await client.once("POST", f"/jobs/{other}/events", approval(payload=False))
    assert without.status_code == 200

    stack.worker.start()
    # The event that was refused may have arrived all the same; sent again, it counts once.
    await client.approve(parked, invocation)
    await client.approve(parked, invocation)
    await client.succeeded(parked)
    await client.succeeded(other)
    await client.approve(pending)
    await client.succeeded(pending)
