"""The organisation's durable values, as steps, sandboxed code and callers reach them. Every call is bounded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
)
from temporalio.common import WorkflowIDConflictPolicy

from definitions.contract import CHANGE_VALUE, MEMO, VALUE_WORKFLOW, UseStore, timestamp
from definitions.errors import InputInvalid, NotANumber, NotFound, TooLarge
from definitions.ids import digest, value_workflow_id
from worker.entity_updates import TASK_TIMEOUT, EntityUpdates
from worker.messages import check_json
from worker.rpc import RPC_SECONDS, bounded
from worker.value_entity import VALUE_BYTES, Change, ValueState, is_number, value_size

KEY_LENGTH = 256


class Values:
    """Values of any organisation. Safe to use from many requests and activities at once."""

    def __init__(self, client: Client, entity_task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._queue = entity_task_queue
        self._seconds = seconds
        self._updates = EntityUpdates(client, seconds)

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
        change = Change(request.id, request.operation, value, _expiry(request.expires_at))
        update_id = digest(change.id).hex()[:32]
        start = partial(self._start, workflow_id)
        return await self._updates.execute(CHANGE_VALUE, change, start, entity=workflow_id, update_id=update_id)

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

    def _start(self, workflow_id: str) -> WithStartWorkflowOperation[Any, Any]:
        return WithStartWorkflowOperation(
            VALUE_WORKFLOW,
            ValueState(),
            id=workflow_id,
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=TASK_TIMEOUT,
        )


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
