"""Claims: which run an idempotency key stands for, for exactly its time to live, whatever becomes of the run.

A claim is an execution that never runs (see `worker.records`). Temporal gives its id to the first caller only, and its
execution timeout frees the id again; both need no worker. What it says is in its memo.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions.contract import CLAIM_WORKFLOW, MEMO
from definitions.errors import InputInvalid, NotFound, Overloaded
from worker.records import NEVER
from worker.rpc import RPC_SECONDS, bounded

#: A claim may expire between being refused and being read: then it is tried again.
TRIES = 5
#: Longer than this is for ever.
LONGEST = timedelta(days=10 * 365)
#: For so long after the claim a missing run was never started, and is started. Later, it has come and gone: Temporal
#: keeps closed runs for an hour at least.
HEALING = timedelta(minutes=50)


@dataclass(frozen=True)
class Claim:
    """What a key stands for. `fresh`: this call has made the claim."""

    run_id: str
    content_hash: str
    fresh: bool
    claimed_at: datetime

    def may_start(self) -> bool:
        """Whether its run is to be started if there is none: the claimant may have died before it did so."""
        return self.fresh or datetime.now(timezone.utc) - self.claimed_at < HEALING


@dataclass(frozen=True)
class Wanted:
    """The claim that a caller asks for: this run, made from this content, for `ttl`."""

    run_id: str
    content_hash: str
    ttl: timedelta


async def claim(
    client: Client, workflow_id: str, wanted: Wanted, *, task_queue: str, seconds: float = RPC_SECONDS
) -> Claim:
    """The claim that stands under this id, which is the wanted one if none stood. Of many callers, one makes it.

    Raises InputInvalid (a time to live that is none), Overloaded, Unavailable.
    """
    if wanted.ttl <= timedelta():
        raise InputInvalid("the time to live of a key must be more than nothing")
    for _ in range(TRIES):
        try:
            await bounded(_start(client, workflow_id, wanted, task_queue, seconds), seconds=seconds)
        except WorkflowAlreadyStartedError:
            found = await standing(client, workflow_id, seconds=seconds)
            if found is not None:
                return found
        else:
            return Claim(wanted.run_id, wanted.content_hash, True, datetime.now(timezone.utc))
    raise Overloaded("the claim of this key changes too fast")


async def _start(client: Client, workflow_id: str, wanted: Wanted, task_queue: str, seconds: float) -> None:
    await client.start_workflow(
        CLAIM_WORKFLOW,
        id=workflow_id,
        task_queue=task_queue,
        memo={MEMO: {"run_id": wanted.run_id, "content_hash": wanted.content_hash}},
        start_delay=NEVER,
        execution_timeout=min(wanted.ttl, LONGEST),
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        rpc_timeout=timedelta(seconds=seconds),
    )


async def standing(client: Client, workflow_id: str, *, seconds: float = RPC_SECONDS) -> Claim | None:
    """The claim as it stands; None if there is none, or if it has expired. Raises Overloaded, Unavailable."""
    found = await _described(client, workflow_id, seconds)
    if found is None or found.status is not WorkflowExecutionStatus.RUNNING:
        return None
    memo: dict[str, Any] = (await found.memo())[MEMO]
    return Claim(memo["run_id"], memo["content_hash"], False, found.start_time)


async def release(client: Client, workflow_id: str, run_id: str, *, seconds: float = RPC_SECONDS) -> None:
    """Give a claim up, if it stands for this run. Idempotent. Raises Overloaded, Unavailable."""
    found = await _described(client, workflow_id, seconds)
    if found is None or found.status is not WorkflowExecutionStatus.RUNNING:
        return
    if (await found.memo())[MEMO]["run_id"] != run_id:
        return
    # This execution, and not one that has been claimed since.
    handle = client.get_workflow_handle(workflow_id, run_id=found.run_id)
    call = handle.terminate(reason="released", rpc_timeout=timedelta(seconds=seconds))
    with contextlib.suppress(NotFound):
        await bounded(call, seconds=seconds)


async def _described(client: Client, workflow_id: str, seconds: float) -> WorkflowExecutionDescription | None:
    call = client.get_workflow_handle(workflow_id).describe(rpc_timeout=timedelta(seconds=seconds))
    try:
        return await bounded(call, seconds=seconds)
    except NotFound:
        return None
