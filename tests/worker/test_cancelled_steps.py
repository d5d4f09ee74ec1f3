"""A run that is cancelled while a step of its asks an entity: nothing follows, no other attempt and no other step."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.contract import SEND_EVENT, USE_STORE
from tests.running import Runs
from tests.worker.test_interpreter import block, literal
from worker.client import TidegateClient
from worker.interpreter import TidegateRun


async def test_nothing_follows_a_cancelled_step(temporal_client: Client) -> None:
    entered, asked = asyncio.Event(), []

    @activity.defn(name=USE_STORE)
    async def hangs(request: Any) -> Any:
        asked.append("store")
        entered.set()
        if len(asked) == 1:
            await asyncio.sleep(2)

    @activity.defn(name=SEND_EVENT)
    async def sends(request: Any) -> Any:
        asked.append("send")

    queue = f"alone-{uuid.uuid4()}"
    runs = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[TidegateRun],
        activities=[hangs, sends],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=5),
    ):
        asking = {"kind": "store", "operation": "get", "key": literal("k"), "next": "after"}
        steps = block("s", s=asking, after={"kind": "send", "event": "done"})
        attempts = {"maximum_attempts": 3, "initial_interval": 0.1}
        run_id = await runs.start(steps, attempts=attempts)
        await entered.wait()
        await runs.handle(run_id).cancel()
        ended = await runs.ended(run_id, "cancelled")
    assert [one.status for one in ended.records] == []
    assert asked == ["store"]
