"""Mailboxes as runs and senders reach them. Every call is bounded and raises `definitions.errors`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio import activity
from temporalio.client import Client, RPCError, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCStatusCode

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
from definitions.errors import NotFound, Overloaded, TidegateError, Unavailable
from definitions.ids import mailbox_workflow_id
from worker.attributes import short
from worker.failures import error_of
from worker.mailbox import CONTINUING
from worker.mailbox_messages import Mailbox
from worker.pairing import GRACE
from worker.rpc import RPC_SECONDS, bounded, who_is_away

#: A mailbox that holds nothing but waits is not run before the first deadline, or this, has passed.
LONGEST_DELAY = timedelta(days=30)
#: How long messages wait for another worker, when one dies with a mailbox's task.
TASK_TIMEOUT = timedelta(seconds=5)
#: Pauses, in seconds, of a sender who meets a mailbox that ends, continues, or has its hands full.
PAUSES = (0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.0)


class MailboxClient:
    """Mailboxes on one task queue. Safe to use from many requests at once."""

    def __init__(self, client: Client, mailbox_task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._queue = mailbox_task_queue
        self._seconds = seconds

    async def post(self, address: MailboxAddress, event: PostEvent) -> PostOutcome:
        """Post an event; returns when it is durable, or, if `event.wait`, when it is known what became of it.

        Raises Conflict, TooLarge, Overloaded (with `retry_after`), Unavailable.
        """
        deadline = time.monotonic() + self._seconds
        for pause in (*PAUSES, *[PAUSES[-1]] * 10):
            try:
                return await self._post(address, event, deadline - time.monotonic())
            except _Again as again:
                if time.monotonic() + pause >= deadline:
                    raise again.error from again
            # Apart from each other: those who met at the mailbox would meet there again.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        raise Overloaded("the mailbox has its hands full")

    async def _post(self, address: MailboxAddress, event: PostEvent, seconds: float) -> PostOutcome:
        call = self._client.execute_update_with_start_workflow(
            POST,
            event,
            start_workflow_operation=WithStartWorkflowOperation(MAILBOX_WORKFLOW, **self._start(address)),
            id=event.id,
            result_type=PostOutcome,
            rpc_timeout=timedelta(seconds=max(seconds, 0.1)),
        )
        try:
            outcome: PostOutcome = await bounded(call, seconds=max(seconds, 0.1), part="worker")
            return outcome
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except NotFound as error:  # it has ended in this very moment
            raise _Again(Unavailable("the mailbox has just ended", part="worker", retry_after=1)) from error
        except Overloaded as error:
            raise _Again(error) from error
        except Unavailable as error:
            if isinstance(error.__cause__, RPCError) and error.__cause__.status is RPCStatusCode.ABORTED:
                raise _Again(error) from error
            raise await who_is_away(self._client) from error

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


class _Again(Exception):
    """The mailbox was met at a bad moment: the same post may succeed at once. `error` is what to raise if not."""

    def __init__(self, error: TidegateError) -> None:
        super().__init__(error.message)
        self.error = error


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == CONTINUING:
        return _Again(Overloaded(cause.message))
    return error_of(cause) or error


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
