"""Starting the runs of an event: each has the id that follows from event and listener, so that it is started once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from temporalio import activity

from definitions.contract import START_LISTENERS, RunFacts, StartedRun
from definitions.errors import Overloaded, TidegateError, Unavailable
from worker.fan_out_messages import FanOut, NotStarted, StartListeners
from worker.listeners import Compiled, check
from worker.records import read_argument

if TYPE_CHECKING:
    from worker.client import TidegateClient

#: Starts of one batch at a time, and seconds between heartbeats.
STARTS_AT_ONCE = 10
HEARTBEAT_SECONDS = 3.0


@dataclass
class _Progress:
    """Where a batch is, for an attempt that follows: the next listener, and (name, reason) of those that cannot be
    started."""

    following: int
    failed: list[list[str]] = field(default_factory=list)


class FanOutActivities:
    """The activity of fan-outs, over one client of ours."""

    def __init__(self, tidegate: TidegateClient) -> None:
        self._tidegate = tidegate

    def all(self) -> list[Callable[..., Coroutine[Any, Any, Any]]]:
        return [self.start_listeners]

    @activity.defn(name=START_LISTENERS)
    async def start_listeners(self, batch: StartListeners) -> list[NotStarted]:
        """Those of the batch that can never be started. Raises Overloaded, Unavailable, to be repeated.

        A repetition goes on where the attempt before was last heard of. One listener's trouble is not the others'.
        """
        info = activity.info()
        fan_out = batch.fan_out
        if fan_out is None:
            fan_out = await read_argument(self._tidegate.temporal, info.workflow_id or "", FanOut)
        progress = _Progress(*info.heartbeat_details) if info.heartbeat_details else _Progress(batch.first)
        trouble: BaseException | None = None
        async with _heartbeats(progress):
            for first in range(progress.following, batch.end, STARTS_AT_ONCE):
                upcoming = fan_out.listeners[first : min(first + STARTS_AT_ONCE, batch.end)]
                calls = (self._start(fan_out, listener, progress) for listener in upcoming)
                found = await asyncio.gather(*calls, return_exceptions=True)
                trouble = trouble or next((one for one in found if one is not None), None)
                progress.following = progress.following if trouble else first + STARTS_AT_ONCE
        if trouble is not None:
            raise trouble
        return [NotStarted(*one) for one in progress.failed]

    async def _start(self, fan_out: FanOut, listener: StartedRun, progress: _Progress) -> None:
        event = fan_out.event
        try:
            compiled = await self._tidegate.compiled_listener(
                event.dialect, event.organisation, listener.definition_id, listener.version_number
            )
            given = check(event, compiled)
            await self._tidegate.start_run(compiled.definition, _facts(fan_out, listener, compiled), given)
        except (Overloaded, Unavailable):
            raise
        except TidegateError as error:
            failed = [listener.definition_name, error.message[:200]]
            if failed not in progress.failed:
                progress.failed.append(failed)


def _facts(fan_out: FanOut, listener: StartedRun, compiled: Compiled) -> RunFacts:
    event = fan_out.event
    return RunFacts(
        organisation=event.organisation,
        dialect=event.dialect,
        run_id=listener.run_id,
        definition_id=listener.definition_id,
        definition_name=listener.definition_name,
        version_id=compiled.version.version_id,
        version_number=listener.version_number,
        created_at=event.received_at,
        submitted_by=f"event {event.name}",
        request_id=event.event_id,
        lineage=event.lineage,
    )


@contextlib.asynccontextmanager
async def _heartbeats(progress: _Progress) -> AsyncIterator[None]:
    """Tell how far the batch is; nobody asks a local activity."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            activity.heartbeat(progress.following, progress.failed)

    task = None if activity.info().is_local else asyncio.create_task(beat())
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
