"""Thousands of waits and events: over many keys, over one key, and while workers are killed."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions import ids
from definitions.contract import MailboxAddress, RegisterWait, Waiter
from definitions.errors import Overloaded, Unavailable
from definitions.model import Definition
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.run_worker import kill, start_worker
from worker.client import TidegateClient, mailbox_task_queue
from worker.hand_over import HandOverActivities
from worker.mailbox import TidegateMailbox

LANES = 25


async def each(items: Iterable[Any], act: Callable[[Any], Awaitable[None]]) -> None:
    upcoming = iter(items)

    async def lane() -> None:
        for item in upcoming:
            await act(item)

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def stubborn(act: Callable[[], Awaitable[Any]]) -> Any:
    """As a client does: the same once more, when asked to come back later."""
    deadline = asyncio.get_running_loop().time() + 120
    while True:
        try:
            return await act()
        except (Unavailable, Overloaded) as error:
            assert asyncio.get_running_loop().time() < deadline, "no answer for too long"
            await asyncio.sleep(min(error.retry_after, 2) * random.random())


class Crowd:
    """Runs that each wait for one event name with a key of their own, and the events for them."""

    def __init__(self, runs: Runs, count: int, seed: int) -> None:
        self.runs = runs
        self.random = random.Random(seed)
        self.keys = [f"user:{n}" for n in range(count)]
        self.started: dict[str, str] = {}

    async def start(self, key: str) -> None:
        facts = self.runs.facts()
        self.started[key] = facts.run_id
        definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": correlated()})
        await stubborn(lambda: self.runs.tidegate.start_run(definition, facts, {"key": key}))

    async def send(self, key: str) -> None:
        id = f"{self.runs.organisation}/{key}/{self.random.random()}"
        await stubborn(lambda: post(self.runs, key, {"for": key}, id=id, idempotency_key=f"once:{key}"))

    def events(self, keys: list[str]) -> list[str]:
        """One event for each key, a fifth of them twice, in random order."""
        sent = [*keys, *self.random.sample(keys, len(keys) // 5)]
        self.random.shuffle(sent)
        return sent

    async def check(self) -> None:
        """Each run has resumed once, with its own payload, and no mailbox holds a wait or an event."""

        async def one(key: str) -> None:
            run_id = self.started[key]
            await asyncio.wait_for(self.runs.handle(run_id).result(), 100)
            snapshot = await self.runs.snapshot(run_id)
            assert (snapshot.status, snapshot.output) == ("succeeded", {"for": key})
            assert [record.event for record in snapshot.records if record.event] == ["go"]
            await eventually(lambda: held(self.runs, key), lambda text: "0 waits, 0 events kept" in text, 100)

        await each(self.keys, one)


async def held(runs: Runs, key: str) -> str:
    return str(await mailbox(runs, key).query("__temporal_workflow_metadata", result_type=object))


@pytest.mark.timeout(600)
async def test_two_thousand_runs_and_their_events(temporal_client: Client) -> None:
    """The runs are started while no worker is up: all register at once when there is one, and none is stalled."""
    queue = f"crowd-{uuid.uuid4()}"
    async with runs_on(temporal_client, queue) as runs:
        crowd = Crowd(runs, 2_000, seed=1)
        early = crowd.random.sample(crowd.keys, 400)
        await each(crowd.events(early), crowd.send)
    await each(crowd.random.sample(crowd.keys, 2_000), crowd.start)
    async with runs_on(temporal_client, queue):
        await each(crowd.events([key for key in crowd.keys if key not in set(early)]), crowd.send)
        await crowd.check()


@pytest.mark.timeout(600)
async def test_the_same_while_the_worker_is_killed(temporal_client: Client, temporal_address: str) -> None:
    queue = f"killed-{uuid.uuid4()}"
    runs = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    crowd = Crowd(runs, 2_000, seed=2)
    early = crowd.random.sample(crowd.keys, 400)
    late = [key for key in crowd.keys if key not in set(early)]
    starts, events = crowd.random.sample(crowd.keys, 2_000), crowd.events(late)
    process = await start_worker(temporal_address, queue)
    try:
        await each(crowd.events(early), crowd.send)
        for work, act in ((starts[:1_000], crowd.start), (starts[1_000:], crowd.start), (events, crowd.send)):
            working = asyncio.ensure_future(each(work, act))
            await asyncio.sleep(crowd.random.uniform(2, 5))
            assert not working.done(), "it is killed in the middle"
            await kill(process)
            process = await start_worker(temporal_address, queue)
            await working
        await crowd.check()
    finally:
        await kill(process)


@pytest.mark.timeout(300)
async def test_a_hot_key(temporal_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.mailbox.POSTS_PER_EXECUTION", 100)
    monkeypatch.setattr("worker.mailbox.SIGNALS_PER_EXECUTION", 150)
    async with runs_on(temporal_client) as runs:
        started: list[str] = []

        async def start(_: int) -> None:
            started.append(await runs.start(correlated(), {"key": "hot"}))

        async def send(n: int) -> None:
            await stubborn(lambda: post(runs, "hot", n, id=f"{runs.organisation}/{n}"))

        await asyncio.gather(each(range(500), start), each(range(500), send))
        outputs = [(await runs.ended(run_id)).output for run_id in started]
        assert sorted(outputs) == list(range(500))
        described = await mailbox(runs, "hot").describe()
        first = described.raw_description.workflow_execution_info.first_run_id
        assert first != described.run_id, "it has continued as new"


async def test_five_thousand_waits_on_one_key(temporal_client: Client) -> None:
    """Registered as runs do; nobody asks these runs, as there are none: so each event finds out, and is kept."""
    async with runs_on(temporal_client) as runs:
        address = MailboxAddress(runs.organisation, DIALECT, "go", "hot")

        async def register(n: int) -> None:
            run = ids.run_workflow_id(DIALECT, runs.organisation, f"none-{n}")
            waiter = Waiter(run, "w#1", "2026-01-01T00:00:00.000000Z")
            await stubborn(lambda: runs.tidegate.mailboxes.register(RegisterWait(address, waiter)))

        await each(range(5_000), register)
        await eventually(lambda: held(runs, "hot"), lambda text: "5000 waits" in text)
        await post(runs, "hot", 1)
        await eventually(lambda: held(runs, "hot"), lambda text: "0 waits, 1 events" in text, 50)


async def test_a_hand_over_whose_answer_is_not_heard(temporal_client: Client) -> None:
    """While no worker of the runs is up, the event stays with the wait it was handed to; then the run decides."""
    queue = f"away-{uuid.uuid4()}"
    async with runs_on(temporal_client, queue) as runs:
        first = await runs.start(correlated(), {"key": "k"})
        await runs.parked(first)
        second = await runs.start(correlated(), {"key": "k"})
        await runs.parked(second)
        await eventually(lambda: held(runs, "k"), lambda text: "2 waits" in text)
    only_mailboxes = Worker(
        temporal_client,
        task_queue=mailbox_task_queue(queue),
        workflows=[TidegateMailbox],
        activities=[HandOverActivities(temporal_client).hand_over],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with only_mailboxes:
        assert (await post(runs, "k", 1, wait=True)).outcome == "accepted"
        assert "2 waits, 1 events" in await held(runs, "k")
    async with runs_on(temporal_client, queue):
        assert (await runs.ended(first)).output == 1
        assert (await runs.describe(second)).closed_at is None
        await post(runs, "k", 2)
        assert (await runs.ended(second)).output == 2
