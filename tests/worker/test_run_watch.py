"""Watching runs: every change is seen, by one watcher, over continue-as-new and while parts are away."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio.client import Client

from definitions import ids
from definitions.contract import RunSnapshot
from definitions.errors import NotFound, Overloaded, Unavailable
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, wait
from worker import run_watch
from worker.client import Watch
from worker.run_watch import RunWatches


def workflow_id(runs: Runs, run_id: str) -> str:
    return ids.run_workflow_id(DIALECT, runs.organisation, run_id)


async def seen_until(watch: Watch, status: str, seconds: float = 20) -> list[RunSnapshot]:
    """The looks until one with this status."""

    async def follow() -> list[RunSnapshot]:
        found: list[RunSnapshot] = []
        number = 0
        while not found or found[-1].status != status:
            seen = await watch.after(number)
            number = seen.number
            found.append(seen.snapshot)
        return found

    return await asyncio.wait_for(follow(), seconds)


async def test_a_run_is_seen_from_now_to_its_end(runs: Runs) -> None:
    run_id = await runs.start(block("a", a=wait("go", next="b"), b=wait("on")))
    await runs.parked(run_id)
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)) as watch:
        first = await watch.after(0)
        assert (first.number, first.snapshot.next_step, first.ended) == (1, "a", False)
        await runs.send(run_id, "go")
        second = await asyncio.wait_for(watch.after(first.number), 10)
        assert (second.snapshot.next_step, second.ended) == ("b", False)
        await runs.send(run_id, "on")
        assert (await seen_until(watch, "succeeded"))[-1].status == "succeeded"
    assert len(runs.tidegate.watches) == 0


async def test_all_who_look_share_one_watcher(runs: Runs) -> None:
    run_id = await runs.start(block("a", a=wait("go")))
    await runs.parked(run_id)
    looks = 0

    async def look(workflow: str) -> RunSnapshot:
        nonlocal looks
        looks += 1
        return await runs.snapshot(run_id)

    watches = RunWatches(runs.tidegate.temporal, look)
    ready = 0

    async def follow() -> list[RunSnapshot]:
        nonlocal ready
        async with watches.watch(workflow_id(runs, run_id)) as watch:
            await watch.after(0)
            ready += 1
            return await seen_until(watch, "succeeded")

    following = [asyncio.create_task(follow()) for _ in range(20)]

    async def how_many() -> int:
        return ready

    await eventually(how_many, lambda count: count == 20)
    assert (looks, len(watches)) == (1, 1)
    await runs.send(run_id, "go")
    await asyncio.gather(*following)
    assert looks <= 4
    assert len(watches) == 0


async def test_a_run_that_rests_is_not_asked(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "LOOK_SECONDS", 0.01)
    run_id = await runs.start(block("a", a=wait("go")))
    await runs.parked(run_id)
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)) as watch:
        number = (await watch.after(0)).number
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(watch.after(number), 1)


async def test_a_run_is_followed_over_continue_as_new(runs: Runs) -> None:
    run_id = await runs.start(block("a", a=wait("go", next="b"), b=wait("on")))
    await runs.parked(run_id)
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)) as watch:
        await watch.after(0)
        await renew(runs, run_id)
        await runs.send(run_id, "go")
        await renew(runs, run_id)
        await runs.send(run_id, "on")
        found = await seen_until(watch, "succeeded")
    numbers = [record.number for record in found[-1].records]
    assert numbers == sorted(set(numbers))


async def test_a_run_that_was_ended_from_outside(runs: Runs) -> None:
    run_id = await runs.start(block("a", a=wait("go")))
    await runs.parked(run_id)
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)) as watch:
        await watch.after(0)
        await runs.handle(run_id).terminate()
        await seen_until(watch, "cancelled")


async def test_an_unknown_run(runs: Runs) -> None:
    async with runs.tidegate.watches.watch(workflow_id(runs, str(uuid.uuid4()))) as watch:
        with pytest.raises(NotFound):
            await watch.after(0)
    assert len(runs.tidegate.watches) == 0


async def test_too_many_runs(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "WATCHED_AT_ONCE", 1)
    run_id = await runs.start(block("a", a=wait("go")))
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)):
        async with runs.tidegate.watches.watch(workflow_id(runs, run_id)):
            pass
        with pytest.raises(Overloaded):
            async with runs.tidegate.watches.watch("another"):
                pass


async def test_a_worker_that_goes_and_comes_back(temporal_client: Client) -> None:
    queue = f"test-{uuid.uuid4()}"
    async with runs_on(temporal_client, queue) as runs:
        run_id = await runs.start(block("a", a=wait("go")))
        await runs.parked(run_id)
        held = runs.tidegate.watches.watch(workflow_id(runs, run_id))
        watch = await held.__aenter__()
        await watch.after(0)
    async with runs.tidegate.watches.watch(workflow_id(runs, run_id)) as second:
        assert second is watch
    handle = runs.handle(run_id)
    await handle.signal("go")
    async with runs_on(temporal_client, queue):
        await seen_until(watch, "succeeded", 40)
    await held.__aexit__(None, None, None)


async def test_no_worker_at_the_first_look(temporal_client: Client) -> None:
    queue = f"test-{uuid.uuid4()}"
    async with runs_on(temporal_client, queue) as runs:
        run_id = await runs.start(block("a", a=wait("go")))
        await runs.parked(run_id)

    async def look(workflow: str) -> RunSnapshot:
        raise Unavailable("nobody", part="worker")

    async with RunWatches(temporal_client, look).watch(workflow_id(runs, run_id)) as watch:
        with pytest.raises(Unavailable):
            await watch.after(0)
    await runs.handle(run_id).terminate()


async def test_a_run_that_was_resumed_before_its_end_was_seen(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_watch, "RETRY_SECONDS", 2.0)
    run_id = await runs.start(block("a", a=wait("go")))
    await runs.parked(run_id)
    may_look = asyncio.Event()
    may_look.set()

    async def look(workflow: str) -> RunSnapshot:
        await may_look.wait()
        return await runs.snapshot(run_id)

    async with RunWatches(runs.tidegate.temporal, look).watch(workflow_id(runs, run_id)) as watch:
        number = (await watch.after(0)).number
        may_look.clear()
        await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
        await runs.ended(run_id, "cancelled")
        await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id, request_id="again")
        await runs.parked(run_id)
        may_look.set()
        with pytest.raises(asyncio.TimeoutError):
            while (seen := await asyncio.wait_for(watch.after(number), 1)).snapshot.status == "running":
                number = seen.number
        await runs.send(run_id, "go")  # before the watcher turns to the new execution
        await runs.ended(run_id)
        await seen_until(watch, "succeeded", 10)
