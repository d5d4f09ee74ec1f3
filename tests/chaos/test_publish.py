"""Publishers and workers are killed while events start runs: every listener of every event is started exactly once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from tests.running import Runs, eventually
from tests.worker.listening import ended, plant, publish, runs_in, toy, toy_language
from tests.worker.run_worker import kill
from tests.worker.test_interpreter import block, path
from tests.worker.toy_process import start
from worker.client import TidegateClient

#: Seconds after which a publisher is killed: before, within and after its first events.
MOMENTS = (0.0, 0.01, 0.03, 0.07, 0.15)


@pytest.fixture(autouse=True, scope="module")
def language() -> Iterator[None]:
    with toy_language():
        yield


@pytest.fixture
def org(temporal_client: Client) -> Runs:
    """An organisation of its own, with no worker yet."""
    return Runs(TidegateClient(temporal_client, f"killed-{uuid.uuid4()}"), f"org-{uuid.uuid4()}")


@pytest.mark.timeout(180)
async def test_a_publisher_that_was_killed_may_publish_again(org: Runs, temporal_address: str) -> None:
    queue = org.tidegate.task_queue
    await plant(org, "e", 8)
    worker = await start(temporal_address, queue)
    try:
        told = 0
        for moment in MOMENTS:
            publisher = await start(temporal_address, queue, org.organisation, "e")
            await asyncio.sleep(moment)  # the moment of its death is what varies
            publisher.kill()
            output, _ = await publisher.communicate()
            told = max(told, len(output.splitlines()))
        events = told + 2
        again = [await publish(org, "e", n, event_id=str(n)) for n in range(events)]
        assert all(one.duplicate for one in again[:told]), "what was acknowledged is known"
        expected = {run.run_id for one in again for run in one.started}
        assert len(expected) == 8 * events
        assert await eventually(lambda: runs_in(org), lambda seen: seen >= len(expected), 60) == len(expected)
        for n, one in enumerate(again):
            assert (await ended(org, one.started[-1].run_id)).output == n
    finally:
        await kill(worker)


@pytest.mark.timeout(180)
async def test_a_worker_that_is_killed_in_the_middle_of_a_fan_out_is_replaced(org: Runs, temporal_address: str) -> None:
    queue, listeners = org.tidegate.task_queue, 300
    await plant(org, "e", listeners)
    worker = await start(temporal_address, queue)
    try:
        sent = await publish(org, "e", "payload", event_id="x")
        for share in (10, 2):
            seen = await eventually(lambda: runs_in(org), lambda seen: seen >= listeners // share)  # noqa: B023
            assert share == 2 or seen < listeners, "it is killed in the middle"
            await kill(worker)
            worker = await start(temporal_address, queue)
        assert await eventually(lambda: runs_in(org), lambda seen: seen >= listeners, 90) == listeners
        for run in sent.started[::30]:
            assert (await ended(org, run.run_id)).output == "payload"
        assert (await publish(org, "e", "payload", event_id="x")).started == sent.started
    finally:
        await kill(worker)


@pytest.mark.timeout(180)
async def test_steps_whose_worker_is_killed_publish_once(org: Runs, temporal_address: str) -> None:
    queue, runs = org.tidegate.task_queue, 8
    worker = await start(temporal_address, queue)
    try:
        for _ in range(3):
            await toy(org, ["made"])
        await plant(org, "e", 30)
        body = block(
            "first",
            first={"kind": "publish", "event": "e", "payload": path("${input}"), "next": "second"},
            second={"kind": "publish", "event": "made", "payload": path("${input}")},
        )
        started = [await org.start(body, f"run {n}") for n in range(runs)]
        for least in (1, 60):
            await eventually(lambda: runs_in(org), lambda seen: seen >= runs + least)  # noqa: B023
            await kill(worker)
            worker = await start(temporal_address, queue)
        for n, run_id in enumerate(started):
            await eventually(lambda: org.describe(run_id), lambda seen: seen.closed_at is not None, 60)  # noqa: B023
            output = (await org.ended(run_id)).output
            assert len(output["started"]) == 3
            assert (await ended(org, output["started"][0])).output == f"run {n}"
        expected = runs + runs * 33
        assert await eventually(lambda: runs_in(org), lambda seen: seen >= expected, 60) == expected
    finally:
        await kill(worker)
