"""Calls to Temporal: each bounded in time, each failing with the errors of `definitions.errors`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Literal, TypeVar

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from definitions.errors import NotFound, Overloaded, TidegateError, TooLarge, Unavailable
from worker.failures import error_of

T = TypeVar("T")
Part = Literal["temporal", "worker"]

#: Seconds for one call, all retries of the connection included.
RPC_SECONDS = 5.0
#: Seconds to find out which part is away, once a call has timed out.
PROBE_SECONDS = 0.5

_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        # Ours with Temporal, never the caller's with us.
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
    }
)
_MESSAGES: dict[Part, str] = {
    "temporal": "the Temporal service cannot be reached",
    "worker": "no worker answered in time",
}


def unavailable(part: Part) -> Unavailable:
    return Unavailable(_MESSAGES[part], part=part)


def translated(error: RPCError, part: Part = "temporal", missing: str = "not found") -> TidegateError | None:
    """Our error for one of Temporal's, `missing` being the message of a NotFound; None: it means a mistake of ours."""
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        # gRPC gives a message over its size limit the status of a rate limit, but waiting would not help.
        too_large = "larger than max" in error.message
        return TooLarge("too large for Temporal") if too_large else Overloaded("the Temporal service asks for less")
    if error.status is RPCStatusCode.NOT_FOUND:
        details = error.grpc_status.details
        no_namespace = any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in details)
        return unavailable("temporal") if no_namespace else NotFound(missing)
    if error.status is RPCStatusCode.FAILED_PRECONDITION and part == "worker":
        return unavailable("worker")
    return unavailable(part) if error.status in _AWAY else None


async def bounded(
    call: Coroutine[Any, Any, T], *, seconds: float = RPC_SECONDS, part: Part = "temporal", missing: str = "not found"
) -> T:
    """Await a call to Temporal for at most `seconds`.

    `part` is what is away if it does not answer; `missing` the message of a NotFound.

    Raises NotFound, Overloaded, TooLarge, Unavailable; lets through what says more, such as
    WorkflowAlreadyStartedError and WorkflowUpdateFailedError. A cancelled caller gets CancelledError, always.
    """
    # Not asyncio.wait_for: the client turns the cancellation of an update call into an error of its own.
    task = asyncio.ensure_future(call)
    task.add_done_callback(_retrieve)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise unavailable(part)
    return _outcome(task, part, missing)


def _retrieve(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _outcome(task: asyncio.Task[T], part: Part, missing: str) -> T:
    try:
        return task.result()
    except RPCTimeoutOrCancelledError as error:
        raise unavailable(part) from error
    except RPCError as error:
        ours = translated(error, part, missing)
        if ours is None:
            raise
        raise ours from error
    except RuntimeError as error:
        # What a lazily connecting client raises when its first connection fails.
        if "connect" not in str(error).lower():
            raise
        raise unavailable("temporal") from error


async def execute_update(
    client: Client,
    workflow_id: str,
    name: str,
    arg: Any,
    *,
    result_type: type[T],
    update_id: str | None = None,
    run_id: str | None = None,
    seconds: float = RPC_SECONDS,
    missing: str = "not found",
) -> T:
    """Send an update and wait for its outcome, at most `seconds`.

    `update_id` is one per request (a new one if None): with the same one, every caller gets the first one's outcome.
    An update that timed out may still arrive when a worker returns.
    Raises the error with which the workflow refused it (see `worker.failures`), NotFound (no such workflow, or it has
    closed), Overloaded, Unavailable(part='worker'), or Unavailable(part='temporal') if that does not answer either.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    call = handle.execute_update(
        name,
        arg,
        id=update_id or str(uuid.uuid4()),
        result_type=result_type,
        rpc_timeout=timedelta(seconds=seconds),
    )
    try:
        outcome: T = await bounded(call, seconds=seconds, part="worker", missing=missing)
        return outcome
    except WorkflowUpdateFailedError as error:
        ours = error_of(error.cause)
        if ours is None:
            raise
        raise ours from error
    except Unavailable as error:
        raise await who_is_away(client) from error


async def update_with_start(
    client: Client, name: str, arg: Any, start: WithStartWorkflowOperation[Any, Any], **options: Any
) -> Any:
    """The client's call of the same purpose, for those who do not ask the operation for its handle.

    The operation keeps a failure for them as well, and asyncio would log it as one that nobody looked at.
    """
    try:
        return await client.execute_update_with_start_workflow(name, arg, start_workflow_operation=start, **options)
    except (RPCError, RPCTimeoutOrCancelledError, asyncio.CancelledError):
        asyncio.ensure_future(start.workflow_handle()).add_done_callback(_retrieve)
        raise


async def who_is_away(client: Client) -> Unavailable:
    """After a call that needs a worker got no answer: the worker, unless Temporal itself does not answer."""
    probe = client.service_client.check_health(timeout=timedelta(seconds=PROBE_SECONDS))
    try:
        await bounded(probe, seconds=PROBE_SECONDS)
    except (TidegateError, RPCError):
        return unavailable("temporal")
    return unavailable("worker")
