"""What the catalog outlives: continue-as-new, dead workers, evictions, stray signals, cancellations, terminations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

import worker.catalog as entities
from definitions.contract import SET_TAG, AddVersion
from definitions.errors import NotFound, Unavailable
from definitions.ids import secret_workflow_id
from tests.worker.catalog_fixtures import DIALECT, Shop, new_shop
from worker.catalog import ENTITY_WORKFLOWS, PUBLISH_VERSION, CatalogActivities, PublishVersion
from worker.catalog_client import CatalogClient

SHAPES: list[list[Any]] = [[], ["text"], [{"a": 1}], [1, 2, 3], [None], [b"\x00\xff"], [AddVersion("t", "h", "c")]]
NAMES = ["approved", "tidegate:add-version", "tidegate:set-tag", "__temporal", "ä b", "x" * 500]


@pytest.fixture
async def shop(temporal_client: Client) -> AsyncIterator[Shop]:
    shop = new_shop(temporal_client)
    async with shop.worker():
        yield shop


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "not in time"
        await asyncio.sleep(0.05)


async def _unlisted(shop: Shop) -> bool:
    return await shop.catalog.list_definitions(DIALECT, shop.organisation) == []


async def executions(shop: Shop, workflow_id: str) -> int:
    chain = await shop.client.get_workflow_handle(workflow_id).describe()
    return 1 + (chain.raw_description.workflow_execution_info.first_run_id != chain.run_id)


async def test_nothing_is_lost_or_given_twice_across_continue_as_new(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entities, "HISTORY_EVENTS", 30)
    definition_id = (await shop.register(request_id="made")).definition_id
    await shop.add(definition_id, "text 0", "r0")
    await shop.tag(definition_id, "live", 1)

    async def sender(first: int) -> None:
        for n in range(first, 1_000, 4):
            if await executions(shop, shop.entity(definition_id)) > 1 and n > 40:
                return
            await shop.add(definition_id, f"text {n}", f"r{n}")

    await asyncio.gather(*(sender(n) for n in range(1, 5)))
    facts = await shop.describe(definition_id)
    assert facts.tags == {"live": 1}
    versions = await shop.catalog.list_versions(DIALECT, shop.organisation, definition_id)
    assert [version.number for version in versions] == list(range(facts.latest, 0, -1))
    assert len({version.text for version in versions}) == len(versions), "each request made one version"
    for version in versions[:: len(versions) // 8]:
        assert (await shop.add(definition_id, "another text", version.request_id)).number == version.number
    assert (await shop.register(request_id="made")).latest == facts.latest
    assert facts.latest < 900, "it continued though the changes never paused"
    assert [one.name for one in await shop.catalog.list_definitions(DIALECT, shop.organisation)] == ["order"]
    await shop.client.get_workflow_handle(shop.entity(definition_id)).terminate()
    await eventually(lambda: _unlisted(shop))


async def test_requests_are_remembered_up_to_the_bound(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "REMEMBERED_REQUESTS", 3)
    definition_id = (await shop.register()).definition_id
    for n in range(4):
        await shop.add(definition_id, f"text {n}", f"r{n}")
    assert (await shop.add(definition_id, "text 1", "r1")).number == 2
    assert (await shop.add(definition_id, "text 0", "r0")).number == 5, "forgotten"


async def test_a_worker_that_dies_before_the_version_is_written(temporal_client: Client) -> None:
    shop = new_shop(temporal_client)
    impatient = CatalogClient(temporal_client, shop.queue, rpc_seconds=1.0)
    definition_id = (await shop.register()).definition_id
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal_client, task_queue=shop.queue, workflows=ENTITY_WORKFLOWS, workflow_runner=runner):
        with pytest.raises(Unavailable):
            await impatient.add_version(DIALECT, shop.organisation, definition_id, "a", "hash", request_id="r1")
    assert (await shop.describe(definition_id)).latest == 0
    async with shop.worker():
        again = await shop.catalog.add_version(DIALECT, shop.organisation, definition_id, "a", "hash", request_id="r1")
        assert (again.number, again.text) == (1, "a")
        assert await shop.numbers(definition_id) == [1]


async def test_a_worker_that_dies_after_the_version_was_written(temporal_client: Client) -> None:
    shop = new_shop(temporal_client)
    attempts: list[int] = []

    @activity.defn(name=PUBLISH_VERSION)
    async def dies_first(command: PublishVersion) -> int:
        number = await CatalogActivities(temporal_client).publish_version(command)
        attempts.append(number)
        if len(attempts) == 1:
            raise RuntimeError("died before the result was reported")
        return number

    definition_id = (await shop.register()).definition_id
    async with Worker(
        temporal_client,
        task_queue=shop.queue,
        workflows=ENTITY_WORKFLOWS,
        activities=[dies_first],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        assert (await shop.add(definition_id, "a", "r1")).number == 1
        assert (await shop.add(definition_id, "b", "r2")).number == 2
    assert attempts == [1, 1, 2]


async def spawn_worker(address: str, queue: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.worker.entity_worker", address, queue]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.communicate()


async def test_requests_repeated_through_a_killed_worker_act_once(
    temporal_client: Client, temporal_address: str
) -> None:
    shop = new_shop(temporal_client, seconds=2.0)
    definition_id = (await shop.register()).definition_id

    async def insist(n: int) -> int:
        while True:
            try:
                return (await shop.add(definition_id, f"text {n}", f"r{n}")).number
            except Unavailable:
                await asyncio.sleep(0.1)

    process = await spawn_worker(temporal_address, shop.queue)
    try:
        sending = [asyncio.create_task(insist(n)) for n in range(6)]
        await eventually(lambda: _reached(shop, definition_id, 2))
        await kill(process)
        process = await spawn_worker(temporal_address, shop.queue)
        await asyncio.gather(*sending)
    finally:
        await kill(process)
    versions = await shop.catalog.list_versions(DIALECT, shop.organisation, definition_id)
    assert [version.number for version in versions] == list(range(6, 0, -1))
    assert {version.text for version in versions} == {f"text {n}" for n in range(6)}


async def _reached(shop: Shop, definition_id: str, latest: int) -> bool:
    return (await shop.describe(definition_id)).latest >= latest


async def test_stray_signals_updates_and_cancellations_harm_nothing(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a")
    await shop.catalog.put_secret(shop.organisation, "KEY", "sealed")
    secret = secret_workflow_id(shop.organisation, "KEY")
    for workflow_id in (shop.entity(definition_id), shop.version(definition_id, 1), secret):
        handle = shop.client.get_workflow_handle(workflow_id)
        for name in NAMES:
            await asyncio.gather(*(handle.signal(name, args=shape) for shape in SHAPES))
        await handle.cancel()
        for shape in SHAPES[:5]:
            with pytest.raises(Exception, match="update"):
                await handle.execute_update(SET_TAG, args=shape)
        assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    fresh = CatalogClient(shop.client, shop.queue)
    assert (await shop.add(definition_id, "b")).number == 2
    assert [version.text for version in await fresh.list_versions(DIALECT, shop.organisation, definition_id)] == [
        "b",
        "a",
    ]
    assert await fresh.get_secret(shop.organisation, "KEY") == "sealed"


async def test_entities_leave_the_workers_memory_and_come_back(temporal_client: Client) -> None:
    shop = new_shop(temporal_client)
    async with shop.worker(max_cached_workflows=0):
        definition_id = (await shop.register()).definition_id
        await temporal_client.get_workflow_handle(shop.entity(definition_id)).cancel()
        for n in range(5):
            assert (await shop.add(definition_id, f"text {n}", f"r{n}")).number == n + 1
        await shop.tag(definition_id, "live", 5)
        assert (await shop.add(definition_id, "text 0", "r0")).number == 1
    history = await temporal_client.get_workflow_handle(shop.entity(definition_id)).fetch_history()
    await Replayer(workflows=ENTITY_WORKFLOWS, workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(history)


async def test_a_terminated_definition_is_gone_and_its_versions_never_change(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a", "r1")
    await shop.add(definition_id, "b", "r2")
    await shop.client.get_workflow_handle(shop.entity(definition_id)).terminate()
    for call in (shop.describe(definition_id), shop.add(definition_id, "c"), shop.tag(definition_id, "live", 1)):
        with pytest.raises(NotFound):
            await call
    assert (await shop.register()).latest == 0
    assert (await shop.add(definition_id, "c", "r3")).number == 3
    fresh = CatalogClient(shop.client, shop.queue)
    texts = [version.text for version in await fresh.list_versions(DIALECT, shop.organisation, definition_id)]
    assert texts == ["c", "b", "a"]


async def test_a_terminated_version_is_gone_and_its_number_not_given_again(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a")
    await shop.tag(definition_id, "live", 1)
    await shop.client.get_workflow_handle(shop.version(definition_id, 1)).terminate()
    fresh = CatalogClient(shop.client, shop.queue)
    with pytest.raises(NotFound):
        await fresh.get_version(DIALECT, shop.organisation, definition_id, 1)
    added = await fresh.add_version(DIALECT, shop.organisation, definition_id, "a", "another hash", unless_tag="live")
    assert added.number == 2
