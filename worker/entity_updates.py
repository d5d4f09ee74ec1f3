"""Updates of entities that are started by the first one: each bounded, and tried again where it met a bad moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from definitions.errors import NotFound, Overloaded, TidegateError, Unavailable
from worker.failures import CONTINUING, error_of
from worker.queues import UPDATES_AT_ONCE, Queues
from worker.rpc import RPC_SECONDS, bounded, update_with_start, who_is_away

#: How long messages wait for another worker, when one dies with an entity's task.
TASK_TIMEOUT = timedelta(seconds=5)
#: Pauses, in seconds, of a caller who meets an entity that ends, continues, or has its hands full.
PAUSES = (0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.0)


class EntityUpdates:
    """Updates of one kind of entity. Safe to use from many requests at once: they queue, entity by entity."""

    def __init__(self, client: Client, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._queues = Queues(UPDATES_AT_ONCE)

    async def execute(
        self,
        name: str,
        arg: Any,
        start: Callable[[], WithStartWorkflowOperation[Any, Any]],
        *,
        entity: str,
        update_id: str,
        result_type: type[Any] | None = None,
    ) -> Any:
        """The update's outcome; `entity` is the workflow id, and `start` how it is started. Each `update_id` acts once.

        Raises the error with which the entity refused it, Overloaded, Unavailable.
        """
        deadline = time.monotonic() + self._seconds
        attempt = 0
        async with self._queues.turn(entity, self._seconds):
            while True:
                left = max(0.1, deadline - time.monotonic())
                options = {"id": update_id, "result_type": result_type, "rpc_timeout": timedelta(seconds=left)}
                try:
                    return await self._once(update_with_start(self._client, name, arg, start(), **options), left)
                except _Again as again:
                    # Apart from each other: those who met at the entity would meet there again.
                    pause = PAUSES[min(attempt, len(PAUSES) - 1)] * random.uniform(0.5, 1.5)
                    if time.monotonic() + pause >= deadline:
                        raise again.error from again
                attempt += 1
                await asyncio.sleep(pause)

    async def _once(self, call: Any, seconds: float) -> Any:
        try:
            return await bounded(call, seconds=seconds, part="worker")
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except NotFound as error:  # it has ended in this very moment
            raise _Again(Unavailable("the entity has just ended", part="worker", retry_after=1)) from error
        except Overloaded as error:
            raise _Again(error) from error
        except Unavailable as error:
            if isinstance(error.__cause__, RPCError) and error.__cause__.status is RPCStatusCode.ABORTED:
                raise _Again(error) from error
            raise await who_is_away(self._client) from error


class _Again(Exception):
    """The entity was met at a bad moment: the same update may succeed at once. `error` is what to raise if not."""

    def __init__(self, error: TidegateError) -> None:
        super().__init__(error.message)
        self.error = error


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == CONTINUING:
        return _Again(Overloaded(cause.message))
    return error_of(cause) or error
