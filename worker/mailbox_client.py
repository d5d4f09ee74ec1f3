"""Mailboxes as runs and senders reach them. Every call is bounded and raises `definitions.errors`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from definitions.contract import (
    MAILBOX_WORKFLOW,
    POST,
    REGISTER,
    REGISTER_WAIT,
    WITHDRAW,
    WITHDRAW_WAIT,
    MailboxAddress,
    PostEvent,
    PostOutcome,
    RegisterWait,
)
from definitions.errors import NotFound
from definitions.ids import mailbox_workflow_id
from worker.attributes import short
from worker.entity_updates import TASK_TIMEOUT, EntityUpdates
from worker.mailbox_messages import Mailbox
from worker.pairing import GRACE
from worker.rpc import RPC_SECONDS, bounded

#: A mailbox that holds nothing but waits is not run before the first deadline, or this, has passed.
LONGEST_DELAY = timedelta(days=30)


class MailboxClient:
    """Mailboxes on one task queue. Safe to use from many requests at once."""

    def __init__(self, client: Client, mailbox_task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._queue = mailbox_task_queue
        self._seconds = seconds
        self._updates = EntityUpdates(client, seconds)

    async def post(self, address: MailboxAddress, event: PostEvent) -> PostOutcome:
        """Post an event; returns when it is durable, or, if `event.wait`, when it is known what became of it.

        Raises Conflict, TooLarge, Overloaded (with `retry_after`), Unavailable.
        """
        start = self._start(address)

        def operation() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(MAILBOX_WORKFLOW, **start)

        outcome: PostOutcome = await self._updates.execute(
            POST, event, operation, entity=start["id"], update_id=event.id, result_type=PostOutcome
        )
        return outcome

    def _start(self, address: MailboxAddress) -> dict[str, Any]:
        return {
            "args": [Mailbox(address.name), None],
            "id": mailbox_workflow_id(address.dialect, address.organisation, address.name, address.key),
            "task_queue": self._queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "static_summary": short(address.name),
            "task_timeout": TASK_TIMEOUT,
        }

    async def register(self, request: RegisterWait) -> None:
        """Register a wait: durable when it returns; needs no worker. Raises Overloaded, Unavailable."""
        delay = LONGEST_DELAY
        if request.waiter.deadline is not None:
            ends = datetime.fromisoformat(request.waiter.deadline.replace("Z", "+00:00"))
            delay = min(delay, max(timedelta(), ends - datetime.now(timezone.utc)) + timedelta(seconds=GRACE + 1))
        call = self._client.start_workflow(
            MAILBOX_WORKFLOW,
            **self._start(request.address),
            start_signal=REGISTER,
            start_signal_args=[request.waiter],
            # The first registration alone is no work: the first event, or another wait, wakes the mailbox.
            start_delay=delay,
            rpc_timeout=timedelta(seconds=self._seconds),
        )
        await bounded(call, seconds=self._seconds)

    async def withdraw(self, request: RegisterWait) -> None:
        """Tell that a registered wait has ended. Raises Overloaded, Unavailable; a mailbox that is gone is no error."""
        address = request.address
        handle = self._client.get_workflow_handle(
            mailbox_workflow_id(address.dialect, address.organisation, address.name, address.key)
        )
        call = handle.signal(WITHDRAW, request.waiter, rpc_timeout=timedelta(seconds=self._seconds))
        try:
            await bounded(call, seconds=self._seconds)
        except NotFound:
            return


class MailboxActivities:
    """The local activities by which runs reach mailboxes."""

    def __init__(self, mailboxes: MailboxClient) -> None:
        self._mailboxes = mailboxes

    def all(self) -> list[Callable[..., Coroutine[Any, Any, Any]]]:
        return [self.register_wait, self.withdraw_wait]

    @activity.defn(name=REGISTER_WAIT)
    async def register_wait(self, request: RegisterWait) -> None:
        """Waits for no worker, so that a run may hold its own while it is done."""
        await self._mailboxes.register(request)

    @activity.defn(name=WITHDRAW_WAIT)
    async def withdraw_wait(self, request: RegisterWait) -> None:
        await self._mailboxes.withdraw(request)
