"""The organisation's durable values, as steps, sandboxed code and callers reach them. Every call is bounded."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from definitions.contract import CHANGE_VALUE, MEMO, VALUE_WORKFLOW, UseStore, timestamp
from definitions.errors import InputInvalid, NotANumber, NotFound, Overloaded, TidegateError, TooLarge, Unavailable
from definitions.ids import digest, value_workflow_id
from worker.failures import error_of
from worker.messages import check_json
from worker.rpc import RPC_SECONDS, bounded, update_with_start, who_is_away
from worker.value_entity import CONTINUING, VALUE_BYTES, Change, ValueState, is_number, value_size

KEY_LENGTH = 256
#: Pauses, in seconds, of a caller who meets an entity that ends, continues, or has its hands full.
PAUSES = (0.01, 0.03, 0.1, 0.2, 0.4)
#: How long messages wait for another worker, when one dies with an entity's task.
TASK_TIMEOUT = timedelta(seconds=5)


class Values:
    """Values of any organisation. Safe to use from many requests and activities at once."""

    def __init__(self, client: Client, entity_task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._queue = entity_task_queue
        self._seconds = seconds

    async def use(self, request: UseStore) -> Any:
        """Do one operation; its answer is as `StoreStep` says. The same `id` again changes nothing, and is answered
        as the first time.

        `get` needs no worker. Raises InputInvalid (key, expiry), TooLarge, NotANumber, Overloaded, Unavailable.
        """
        _check(request)
        workflow_id = value_workflow_id(request.dialect, request.organisation, request.key)
        if request.operation == "get":
            return await self._get(workflow_id)
        value = 1 if request.operation == "increment" and request.value is None else request.value
        return await self._insist(
            workflow_id, Change(request.id, request.operation, value, _expiry(request.expires_at))
        )

    async def _get(self, workflow_id: str) -> Any:
        call = self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=timedelta(seconds=self._seconds))
        try:
            found = await bounded(call, seconds=self._seconds)
        except NotFound:
            return None
        shown = (await found.memo()).get(MEMO, {})
        expires_at = shown.get("expires_at")
        expired = expires_at is not None and expires_at <= timestamp(datetime.now(timezone.utc))
        is_there = found.status is WorkflowExecutionStatus.RUNNING and shown.get("present", False) and not expired
        return shown["value"] if is_there else None

    async def _insist(self, workflow_id: str, change: Change) -> Any:
        deadline = time.monotonic() + self._seconds
        attempt = 0
        while True:
            try:
                return await self._change(workflow_id, change, max(0.1, deadline - time.monotonic()))
            except _Again as again:
                pause = PAUSES[min(attempt, len(PAUSES) - 1)] * random.uniform(0.5, 1.5)
                if time.monotonic() + pause >= deadline:
                    raise again.error from again
            attempt += 1
            await asyncio.sleep(pause)

    async def _change(self, workflow_id: str, change: Change, seconds: float) -> Any:
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            VALUE_WORKFLOW,
            ValueState(),
            id=workflow_id,
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=TASK_TIMEOUT,
        )
        update_id, timeout = digest(change.id).hex()[:32], timedelta(seconds=seconds)
        call = update_with_start(self._client, CHANGE_VALUE, change, start, id=update_id, rpc_timeout=timeout)
        try:
            return await bounded(call, seconds=seconds, part="worker")
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except NotFound as error:  # it has ended in this very moment
            raise _Again(Unavailable("the value has just ended", part="worker", retry_after=1)) from error
        except Overloaded as error:
            raise _Again(error) from error
        except Unavailable as error:
            if isinstance(error.__cause__, RPCError) and error.__cause__.status is RPCStatusCode.ABORTED:
                raise _Again(error) from error
            raise await who_is_away(self._client) from error


class _Again(Exception):
    """The entity was met at a bad moment: the same change may succeed at once. `error` is what to raise if not."""

    def __init__(self, error: TidegateError) -> None:
        super().__init__(error.message)
        self.error = error


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == CONTINUING:
        return _Again(Overloaded(cause.message))
    return error_of(cause) or error


def _check(request: UseStore) -> None:
    if not isinstance(request.key, str) or not 1 <= len(request.key) <= KEY_LENGTH:
        raise InputInvalid(f"a key is a text of 1 to {KEY_LENGTH} characters", "$.key")
    if request.operation == "increment" and request.value is not None and not is_number(request.value):
        raise NotANumber("a number is incremented by a number")
    if request.operation == "set":
        try:
            check_json(request.value)
        except ValueError as error:
            raise InputInvalid(f"a value is JSON: {error}", "$.value") from None
        if value_size(request.value) > VALUE_BYTES:
            raise TooLarge(f"a value has at most {VALUE_BYTES} bytes as JSON")


def _expiry(text: str | None) -> str | None:
    """An expiry as the entity compares it."""
    try:
        moment = None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InputInvalid("an expiry is a timestamp", "$.expires_at") from None
    if moment is not None and moment.tzinfo is None:
        raise InputInvalid("an expiry needs a time zone", "$.expires_at")
    return None if moment is None else timestamp(moment)
