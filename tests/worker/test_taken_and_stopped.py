"""An event that a wait has taken when its visit is stopped is not lost: the visit that takes its place has it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.mailboxes import correlated, post
from tests.worker.test_interpreter import block, literal, path, wait
from tests.worker.test_mailboxes import key, registered, waiting
from worker.client import mailbox_task_queue
from worker.hand_over import HandOverActivities
from worker.mailbox import TidegateMailbox
from worker.mailbox_client import MailboxClient


@contextlib.asynccontextmanager
async def mailboxes_only(client: Client, queue: str) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=mailbox_task_queue(queue),
        workflows=[TidegateMailbox],
        activities=[HandOverActivities(client).hand_over],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def resume(runs: Runs, run_id: str) -> None:
    await eventually(lambda: runs.describe(run_id), lambda described: described.closed_at is not None)
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)


async def asked(runs: Runs, run_id: str) -> None:
    """The mailbox's question has reached the run, which no worker serves."""
    await eventually(
        runs.handle(run_id).describe, lambda described: described.raw_description.HasField("pending_workflow_task")
    )


@pytest.mark.parametrize("event", ["by signal", "by key"])
async def test_a_cancellation_of_the_same_turn(temporal_client: Client, event: str) -> None:
    queue = f"stopped-{uuid.uuid4()}"
    async with runs_on(temporal_client, queue) as runs:
        run_id = await waiting(runs, "k", events=["go", "other"])
    if event == "by signal":
        await runs.handle(run_id).signal("go", "taken")
        await runs.handle(run_id).cancel()
    else:
        async with mailboxes_only(temporal_client, queue):
            await post(runs, "k", "taken")
            await asked(runs, run_id)
            await runs.handle(run_id).cancel()
    async with runs_on(temporal_client, queue):
        await resume(runs, run_id)
        other = await runs.start(correlated(), {"key": "k"})
        await post(runs, "k", "another")
        outputs = [(await runs.ended(one)).output for one in (run_id, other)]
        assert sorted(outputs) == ["another", "taken"]


async def test_a_cancellation_while_other_mailboxes_are_told(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    telling, withdraw = asyncio.Event(), MailboxClient.withdraw

    async def slow(self: MailboxClient, request: Any) -> None:
        telling.set()
        await asyncio.sleep(1)
        await withdraw(self, request)

    monkeypatch.setattr(MailboxClient, "withdraw", slow)
    k = key()
    run_id = await waiting(runs, k, events=["paid", "refused"])
    sending = asyncio.ensure_future(post(runs, k, "taken", name="paid"))
    await asyncio.wait_for(telling.wait(), 10)
    await runs.handle(run_id).cancel()
    await sending
    await resume(runs, run_id)
    assert (await runs.ended(run_id)).output == "taken"


async def test_what_is_given_back_is_for_its_own_key(temporal_client: Client) -> None:
    """A correlated wait lost a race with its event in hand: a later wait for the same name gets it by its key only."""
    queue = f"stopped-{uuid.uuid4()}"
    by = {"need": "any", "output": "first", "deadline": {"after": 600, "then": "continue"}}
    race = {
        "kind": "parallel",
        "strategy": "race",
        "branches": {
            "a": block("w", w=wait("a", need="any")),
            "b": block("w", w=wait("go", "else", **by, correlation={"key": path("${input.key}")})),
        },
        "next": "other",
    }
    body = block(
        "p",
        p=race,
        other=wait("go", **by, correlation={"key": literal("another key")}, next="same", save={"output": ["other"]}),
        same=wait("go", **by, correlation={"key": path("${input.key}")}, next="end", save={"output": ["same"]}),
        end={"kind": "assign", "value": path({"other": "${other}", "same": "${same}"})},
    )
    async with runs_on(temporal_client, queue) as runs:
        run_id = await runs.start(body, {"key": "k"})
        await runs.parked(run_id, 2)
        await registered(runs, run_id)
    async with mailboxes_only(temporal_client, queue):
        await post(runs, "k", "held")
        await asked(runs, run_id)
        await runs.handle(run_id).signal("a", 1)
    async with runs_on(temporal_client, queue):
        parked = await eventually(lambda: runs.snapshot(run_id), lambda s: len(s.waits) == 1)
        assert parked.waits[0].step == "other"
        await post(runs, "another key", "other")
        assert (await runs.ended(run_id)).output == {"other": "other", "same": "held"}
