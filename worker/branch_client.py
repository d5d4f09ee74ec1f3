"""What branches of runs are asked for from outside: their outcome, and the store that they share."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowQueryFailedError

from definitions.contract import OUTCOME, RUN_STORE, TOOK, BranchOutcome, StoreChange
from definitions.errors import NotFound, Overloaded, RunClosed, Unavailable
from definitions.ids import digest
from worker.queues import UPDATES_AT_ONCE, Queues
from worker.rpc import RPC_SECONDS, bounded, execute_update

#: Pauses, in seconds, between two questions whether a branch has ended.
PAUSES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5)


class BranchClient:
    """Branches of any run. Safe to use from many requests and activities at once."""

    def __init__(self, client: Client, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._queues = Queues(UPDATES_AT_ONCE)

    async def outcome(self, workflow_id: str, branch: str, seconds: float) -> BranchOutcome:
        """Wait for the end of a branch's action, at most `seconds`: `pending` then, or while no worker answers.

        Raises NotFound for an unknown run.
        """
        deadline = time.monotonic() + seconds
        attempt = 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return BranchOutcome("pending")
            found = await self._ask(workflow_id, branch, min(left, self._seconds))
            if found.state != "pending":
                return found
            pause = PAUSES[min(attempt, len(PAUSES) - 1)]
            attempt += 1
            await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))

    async def _ask(self, workflow_id: str, branch: str, seconds: float) -> BranchOutcome:
        handle = self._client.get_workflow_handle(workflow_id)
        call = handle.query(OUTCOME, branch, result_type=BranchOutcome, rpc_timeout=timedelta(seconds=seconds))
        try:
            found: BranchOutcome = await bounded(call, seconds=seconds, part="worker", missing="no such run")
            return found
        except (Unavailable, Overloaded, WorkflowQueryFailedError):
            return BranchOutcome("pending")

    async def took(self, workflow_id: str, delivery_id: str) -> bool:
        """Whether a run, open or ended, has taken this delivery. Raises NotFound, Overloaded, Unavailable."""
        handle = self._client.get_workflow_handle(workflow_id)
        seconds = self._seconds
        call = handle.query(TOOK, delivery_id, result_type=bool, rpc_timeout=timedelta(seconds=seconds))
        try:
            return await bounded(call, seconds=seconds, part="worker", missing="no such run")
        except WorkflowQueryFailedError:
            raise Unavailable("the run cannot be asked now", part="worker") from None

    async def use_store(self, workflow_id: str, change: StoreChange) -> Any:
        """One operation on a run's store; the same `change.id` again is answered as the first time.

        Raises InputInvalid, NotANumber, TooLarge, RunClosed, Overloaded, Unavailable.
        """
        # Of a question each one is another: the update id of the first would give the first one's answer.
        update_id = str(uuid.uuid4()) if change.operation == "get" else digest("store", change.id).hex()[:32]
        async with self._queues.turn(workflow_id, self._seconds) as left:
            try:
                return await execute_update(
                    self._client,
                    workflow_id,
                    RUN_STORE,
                    asdict(change),
                    result_type=Any,
                    update_id=update_id,
                    seconds=left,
                )
            except NotFound:
                raise RunClosed("the run has ended", "closed") from None
