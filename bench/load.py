"""One row's turn: flows in two phases at a fixed concurrency, then events one at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle

from bench.endpoint import Endpoint
from bench.history import Cost, cost
from bench.processes import Meter, Window
from bench.rows import Row

FIRST, SECOND = "send-approval-request", "run-deployment"
#: A single step of a flow, whatever the load, takes less; longer is a defect, not a slow machine.
PATIENCE = 60.0
PARKED_POLL = 0.004
#: Flows that are looked at at once, to see what has become of them.
WATCHERS = 10
#: Flows of a turn whose history is read.
READ_HISTORIES = 10


@dataclass(frozen=True)
class Turn:
    """What one row did in one round. `latencies` are seconds from an event's call to the next function's call."""

    flows: int
    window: Window
    latencies: tuple[float, ...]
    costs: tuple[Cost, ...]
    #: Requests that were sent again, since the server had asked for that.
    repeated: int

    @property
    def rate(self) -> float:
        return self.flows / self.window.seconds


async def take_turn(
    row: Row, endpoint: Endpoint, ours: Iterable[int], *, flows: int, concurrency: int, samples: int
) -> Turn:
    """Run the flows and the samples. Raises WorkflowFailureError if a flow fails."""
    # Parked all, then resumed all: the moment in between, when it is verified that each is parked, is not measured.
    repeated_before = row.repeated
    meter = Meter(row.pids, ours)
    jobs = await each(range(flows), concurrency, lambda _: _start(row, endpoint))
    await _until(parked, row, jobs[-concurrency:])
    started = meter.stop()
    await _until(parked, row, jobs)
    meter = Meter(row.pids, ours)
    await each(jobs, concurrency, lambda job: _resume(row, endpoint, job))
    await _until(_succeeded, row, jobs[-concurrency:])
    resumed = meter.stop()
    await _until(_succeeded, row, jobs)
    latencies = [await _sample(row, endpoint) for _ in range(samples)]
    costs = [await cost(row.handle(job)) for job in jobs[:READ_HISTORIES]]
    endpoint.forget()
    return Turn(flows, joined(started, resumed), tuple(latencies), tuple(costs), row.repeated - repeated_before)


async def each(items: Iterable[Any], concurrency: int, act: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """Act on every item, so many at once; what each gave, in the order of ending. The first failure stops all."""
    upcoming, given = iter(items), []

    async def lane() -> None:
        for item in upcoming:
            given.append(await act(item))

    lanes = [asyncio.ensure_future(lane()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*lanes)
    finally:
        for one in lanes:
            one.cancel()
    return given


async def _start(row: Row, endpoint: Endpoint) -> str:
    job = await row.start()
    await asyncio.wait_for(endpoint.called(FIRST, job), PATIENCE)
    return job


async def _resume(row: Row, endpoint: Endpoint, job: str) -> None:
    await row.send(job)
    await asyncio.wait_for(endpoint.called(SECOND, job), PATIENCE)


async def _until(state: Callable[[WorkflowHandle[Any, Any]], Awaitable[None]], row: Row, jobs: Sequence[str]) -> None:
    """Wait until each of the flows is in a state. Raises TimeoutError if that takes too long."""
    await asyncio.wait_for(each(jobs, WATCHERS, lambda job: state(row.handle(job))), PATIENCE)


async def parked(handle: WorkflowHandle[Any, Any]) -> None:
    """Nothing is pending: neither an activity nor a workflow task."""
    while True:
        described = (await handle.describe()).raw_description
        if not described.pending_activities and not described.HasField("pending_workflow_task"):
            return
        await asyncio.sleep(PARKED_POLL)


async def _succeeded(handle: WorkflowHandle[Any, Any]) -> None:
    """Raises WorkflowFailureError if it has ended otherwise."""
    await handle.result()


async def _sample(row: Row, endpoint: Endpoint) -> float:
    """One flow alone; seconds from the beginning of the event's call to the next function's call."""
    job = await _start(row, endpoint)
    await parked(row.handle(job))
    began = time.perf_counter()
    await _resume(row, endpoint, job)
    took = endpoint.called(SECOND, job).result() - began
    await _succeeded(row.handle(job))
    return took


def joined(first: Window, second: Window) -> Window:
    seconds = first.seconds + second.seconds
    others = (first.others * first.seconds + second.others * second.seconds) / seconds
    return Window(seconds, {name: first.cpu[name] + second.cpu[name] for name in first.cpu}, others)
