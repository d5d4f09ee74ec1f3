"""Records: executions that never run and only hold their argument, to be read at any time without any worker.

The content is in the argument and not in the memo, because every list of executions carries their memos along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from definitions.contract import MEMO, SECRET_WORKFLOW, VERSION_WORKFLOW, VersionFacts
from definitions.errors import NotFound
from worker.rpc import RPC_SECONDS, bounded

T = TypeVar("T")

#: Long enough to be never; Temporal cuts delays at a hundred years.
NEVER = timedelta(days=50 * 365)


async def start_version(client: Client, workflow_id: str, facts: VersionFacts, *, task_queue: str) -> None:
    """Write a version, once. Raises WorkflowAlreadyStartedError, also after it was terminated."""
    memo = {MEMO: replace(facts, text="")}
    policy = WorkflowIDReusePolicy.REJECT_DUPLICATE
    await _start(client, VERSION_WORKFLOW, facts, workflow_id, task_queue, memo, id_reuse_policy=policy)


async def replace_secret(
    client: Client, workflow_id: str, sealed: str, *, task_queue: str, seconds: float = RPC_SECONDS
) -> None:
    """Write a sealed secret in place of an earlier one, in one step: no reader finds it missing.

    Temporal lets an id be taken over about once a second; within `seconds` this call waits for its turn.
    """
    policy = WorkflowIDConflictPolicy.TERMINATE_EXISTING
    call = _start(client, SECRET_WORKFLOW, sealed, workflow_id, task_queue, {}, id_conflict_policy=policy)
    await bounded(call, seconds=seconds)


async def _start(
    client: Client, kind: str, content: Any, workflow_id: str, task_queue: str, memo: Mapping[str, Any], **policy: Any
) -> None:
    await client.start_workflow(
        kind, content, id=workflow_id, task_queue=task_queue, memo=memo, start_delay=NEVER, **policy
    )


async def read_record(
    client: Client, workflow_id: str, kind: type[T], *, seconds: float = RPC_SECONDS, missing: str = "not found"
) -> T:
    """The content of a record, from its first event: strongly consistent. Raises NotFound, also once terminated."""
    terminated = ""
    while True:
        events = await bounded(_events(client, workflow_id), seconds=seconds, missing=missing)
        started = events[0].workflow_execution_started_event_attributes
        if not any(event.HasField("workflow_execution_terminated_event_attributes") for event in events):
            content: list[T] = await client.data_converter.decode(started.input.payloads, [kind])
            return content[0]
        # Replaced while it was read, most likely: then there is another execution by now.
        if terminated == started.original_execution_run_id:
            raise NotFound(missing)
        terminated = started.original_execution_run_id


async def read_argument(client: Client, workflow_id: str, kind: type[T], *, seconds: float = RPC_SECONDS) -> T:
    """What the latest execution of this id was started with, whether or not it has ended. Raises NotFound."""
    events = await bounded(_events(client, workflow_id, 1), seconds=seconds)
    started = events[0].workflow_execution_started_event_attributes
    content: list[T] = await client.data_converter.decode(started.input.payloads, [kind])
    return content[0]


async def _events(client: Client, workflow_id: str, most: int = 100) -> Sequence[HistoryEvent]:
    """The first events: of a record that stands there is one, then come the stray messages it got, and its end."""
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id),
        maximum_page_size=most,
    )
    return (await client.workflow_service.get_workflow_execution_history(request, retry=True)).history.events
