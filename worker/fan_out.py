"""One event that starts runs. Its argument has the listeners, so that all of them are started whatever becomes of the
publisher, and nobody else is, whatever becomes of the listeners. Its id is the event's: there is one for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from definitions.contract import FAN_OUT_WORKFLOW, START_LISTENERS
from worker.attributes import short
from worker.fan_out_messages import FanOut, NotStarted, StartListeners
from worker.record_workflows import stand_until

#: So many are started in the event's own task, which saves it a second one. That waits for no worker, and the ids of
#: the runs make a repetition harmless.
AT_ONCE = 20
LOCAL_SECONDS = timedelta(seconds=4)
#: Listeners of one activity, activities at a time, and how soon a worker that died is noticed.
BATCH = 50
BATCHES_AT_ONCE = 4
HEARTBEAT = timedelta(seconds=10)
BATCH_SECONDS = timedelta(minutes=5)
#: For ever: an event that was accepted starts its listeners once Temporal answers.
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


@workflow.defn(name=FAN_OUT_WORKFLOW)
class TidegateFanOut:
    """Starts a run of every listener, each once."""

    @workflow.init
    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._places = asyncio.Semaphore(BATCHES_AT_ONCE)

    @workflow.run
    async def run(self, fan_out: FanOut) -> int:
        """The number of runs started. Fails, in the end, with the listeners that could not be."""
        work = asyncio.ensure_future(self._start_all())
        await stand_until(work.done)  # a cancellation would leave the event half served
        failed = work.result()
        if failed:
            text = "; ".join(f"{one.definition_name}: {one.reason}" for one in failed[:10])
            raise ApplicationError(short(f"{len(failed)} listeners could not be started: {text}"), non_retryable=True)
        return len(fan_out.listeners)

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """Nothing here listens to signals, and none may do harm."""

    async def _start_all(self) -> list[NotStarted]:
        count = len(self._fan_out.listeners)
        if count <= AT_ONCE:
            try:
                return await self._start_here(StartListeners(0, count, self._fan_out))
            except FailureError:  # a local activity fails with its own error
                workflow.logger.warning("the listeners could not be started at once")
        batches = [StartListeners(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]
        return [one for found in await asyncio.gather(*map(self._start, batches)) for one in found]

    async def _start_here(self, batch: StartListeners) -> list[NotStarted]:
        found: list[NotStarted] = await workflow.execute_local_activity(
            START_LISTENERS,
            batch,
            result_type=list[NotStarted],
            start_to_close_timeout=LOCAL_SECONDS,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        return found

    async def _start(self, batch: StartListeners) -> list[NotStarted]:
        async with self._places:
            found: list[NotStarted] = await workflow.execute_activity(
                START_LISTENERS,
                batch,
                result_type=list[NotStarted],
                start_to_close_timeout=BATCH_SECONDS,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RETRY,
                summary=f"listeners {batch.first + 1} to {batch.end}",
            )
        return found
