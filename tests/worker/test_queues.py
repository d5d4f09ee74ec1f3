"""Many events for one run at once: all are taken, none waits for the limit that Temporal sets to updates."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from definitions.errors import Unavailable
from tests.running import Runs
from tests.worker.test_interpreter import block, wait
from worker.client import TidegateClient
from worker.queues import Queues


async def test_a_hundred_events_at_once_are_all_taken_without_a_pause(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("end")))
    await runs.parked(run_id)
    began = time.monotonic()
    outcomes = await asyncio.gather(*(runs.send(run_id, "x", {"n": n}) for n in range(100)))
    assert {outcome.status for outcome in outcomes} == {"buffered"}
    # Beyond the limit every refused caller waits for a second and more.
    assert time.monotonic() - began < 5
    events = [record.output["n"] for record in (await runs.snapshot(run_id)).records if record.event == "x"]
    assert sorted(events) == list(range(100))
    await runs.handle(run_id).terminate()


async def test_events_by_several_adapters_at_once_are_all_taken(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("end")))
    await runs.parked(run_id)
    clients = [TidegateClient(runs.tidegate.temporal, runs.tidegate.task_queue) for _ in range(3)]
    adapters = [Runs(client, runs.organisation) for client in clients]
    outcomes = await asyncio.gather(*(adapters[n % 3].send(run_id, "x", {"n": n}) for n in range(45)))
    assert {outcome.status for outcome in outcomes} == {"buffered"}
    await runs.handle(run_id).terminate()


async def test_so_many_at_a_time_for_each_key() -> None:
    queues = Queues(2)
    inside, most = 0, 0

    async def one(key: str) -> None:
        nonlocal inside, most
        async with queues.turn(key, 5):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(one("a") for _ in range(20)))
    assert most == 2
    await asyncio.gather(one("b"), one("c"), one("d"))
    gc.collect()
    assert len(queues._places) == 0


async def test_who_gets_no_turn_in_time_is_told_so() -> None:
    queues = Queues(1)
    async with queues.turn("a", 5):
        with pytest.raises(Unavailable):
            async with queues.turn("a", 0.05):
                raise AssertionError("there was no place")
        async with queues.turn("b", 0.05) as left:
            assert 0 < left <= 0.1
    async with queues.turn("a", 0.05):
        pass
