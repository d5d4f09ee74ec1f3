"""Executions that were ended before any worker had begun with them: they cannot be queried, but all they got is in
their history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client

from definitions import contract
from definitions.contract import RunInput, RunSnapshot, RunStatus
from definitions.model import Definition
from worker.rpc import RPC_SECONDS, bounded
from worker.values import put

PAGE_EVENTS = 100


@dataclass
class Unbegun:
    """What such an execution was started with, and the events that were left for it as `contract.DELIVER` messages."""

    argument: RunInput
    deliveries: list[Any] = field(default_factory=list)

    def snapshot(self, status: RunStatus) -> RunSnapshot:
        data: dict[str, Any] = {}
        if self.argument.input is not None:
            put(data, Definition.model_validate(self.argument.definition).save_input, self.argument.input)
        return RunSnapshot(status=status, next_step=None, data=data, records=[], waits=[])


async def read_unbegun(
    client: Client, workflow_id: str, run_id: str, *, seconds: float = RPC_SECONDS
) -> Unbegun | None:
    """What is known of an execution that no worker has begun with; None for any other. Raises NotFound."""
    found: Unbegun | None = None
    async for event in _history(client, workflow_id, run_id, seconds):
        if event.HasField("workflow_task_completed_event_attributes"):
            return None
        if event.HasField("workflow_execution_started_event_attributes"):
            started = event.workflow_execution_started_event_attributes
            (argument,) = await client.data_converter.decode(started.input.payloads, [RunInput])
            found = Unbegun(argument)
        if found is not None and event.HasField("workflow_execution_signaled_event_attributes"):
            signal = event.workflow_execution_signaled_event_attributes
            found.deliveries += await _delivery(client, signal.signal_name, signal.input, f"{run_id}/{event.event_id}")
    return found


async def _history(client: Client, workflow_id: str, run_id: str, seconds: float) -> AsyncIterator[HistoryEvent]:
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=PAGE_EVENTS,
    )
    while True:
        call = client.workflow_service.get_workflow_execution_history(request, retry=True)
        page = await bounded(call, seconds=seconds)
        for event in page.history.events:
            yield event
        if not page.next_page_token:
            return
        request.next_page_token = page.next_page_token


async def _delivery(client: Client, name: str, input: Payloads, place: str) -> list[Any]:
    """A signal as a delivery that counts once, however often it is made; none for what cannot be read."""
    try:
        values = await client.data_converter.decode(input.payloads)
    except Exception:
        return []  # what is no JSON would have been put aside
    if name == contract.DELIVER:
        return values[:1]
    if name.startswith(contract.MESSAGE_PREFIX):
        return []
    payload = {"payload": values[0], "has_payload": True} if values else {}
    return [{"id": f"signal:{place}", "name": name, "source": "signal", **payload}]
