"""Runs on Temporal: start, describe, deliver to and cancel them. `worker.client` is its face."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from definitions import contract, ids
from definitions.contract import DeliveryOutcome, Event, RunFacts, RunInput, RunSnapshot, RunStatus
from definitions.errors import NotFound, RunClosed, TidegateError, TooLarge, Unavailable
from definitions.model import Definition
from worker import attributes, showing
from worker.described import described
from worker.queues import UPDATES_AT_ONCE, Queues
from worker.rpc import RPC_SECONDS, bounded, execute_update, who_is_away
from worker.scheduled import read_scheduled
from worker.unbegun import Unbegun, read_unbegun
from worker.views import RunDescription

#: Seconds that a cancel waits for the run to stop, and that an event waits for a worker before it is left as a signal.
CANCEL_SECONDS = 3.0
#: Where a closed run's cancel request is looked for: among its last events.
CANCEL_LOOKBACK_EVENTS = 200
SIGNAL_AFTER_SECONDS = 2.0
#: Seconds after which a namespace is asked again whether it knows our search attributes.
ATTRIBUTES_RECHECK_SECONDS = 60.0


class RunClient:
    """Runs of one namespace and task queue."""

    def __init__(self, client: Client, task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._task_queue = task_queue
        self._seconds = seconds
        self._queues = Queues(UPDATES_AT_ONCE)
        self._attributes_known = False
        self._attributes_asked = float("-inf")
        self._asking = asyncio.Lock()

    async def start(
        self, definition: Definition, facts: RunFacts, input: Any, start_at: datetime | None = None
    ) -> tuple[RunDescription, bool]:
        now = datetime.now(timezone.utc)
        if start_at is not None and start_at > now:
            facts = replace(facts, start_at=contract.timestamp(start_at))
        argument = RunInput(
            definition=definition.dump(),
            facts=facts,
            input=input,
            search_attributes=await self.search_attributes(),
        )
        workflow_id = ids.run_workflow_id(facts.dialect, facts.organisation, facts.run_id)
        try:
            delay = start_at - now if start_at is not None and facts.start_at is not None else None
            handle = await self.start_with(workflow_id, argument, WorkflowIDReusePolicy.REJECT_DUPLICATE, delay)
        except WorkflowAlreadyStartedError:
            return await self.describe_workflow(workflow_id), False
        run_id = handle.first_execution_run_id or ""
        status: RunStatus = "pending" if facts.start_at is None else "scheduled"
        return RunDescription(workflow_id, run_id, status, facts, now, now, None), True

    async def start_with(
        self, workflow_id: str, argument: RunInput, reuse: WorkflowIDReusePolicy, delay: timedelta | None = None
    ) -> WorkflowHandle[Any, Any]:
        # As a dict: encoding a dataclass would copy the definition, level by level.
        written = {**vars(argument), "facts": asdict(argument.facts)}
        return await bounded(
            self._client.start_workflow(
                contract.RUN_WORKFLOW,
                written,
                id=workflow_id,
                task_queue=self._task_queue,
                id_reuse_policy=reuse,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={contract.MEMO: written["facts"]},
                search_attributes=attributes.start_attributes(argument.facts) if argument.search_attributes else None,
                static_summary=attributes.summary(argument.facts),
                start_delay=delay,
                rpc_timeout=timedelta(seconds=self._seconds),
            ),
            seconds=self._seconds,
        )

    async def search_attributes(self) -> bool:
        """Whether the namespace knows all of our search attributes; asked now and then, as operators may change it."""
        # Whoever comes while it is being asked waits for the answer: the first runs are shown as well.
        async with self._asking:
            if time.monotonic() - self._attributes_asked >= ATTRIBUTES_RECHECK_SECONDS:
                self._attributes_known = await self._ask_for_attributes()
                self._attributes_asked = time.monotonic()
        return self._attributes_known

    async def _ask_for_attributes(self) -> bool:
        try:
            known = await bounded(
                self._client.operator_service.list_search_attributes(
                    ListSearchAttributesRequest(namespace=self._client.namespace),
                    timeout=timedelta(seconds=self._seconds),
                ),
                seconds=self._seconds,
            )
        except (TidegateError, RPCError):
            return self._attributes_known  # not told, or not allowed to ask, in which case runs do without
        return set(contract.SEARCH_ATTRIBUTES) <= set(known.custom_attributes)

    async def describe(self, dialect: str, organisation: str, run_id: str) -> RunDescription:
        return await self.describe_workflow(ids.run_workflow_id(dialect, organisation, run_id))

    async def describe_workflow(self, workflow_id: str) -> RunDescription:
        handle = self._client.get_workflow_handle(workflow_id)
        call = handle.describe(rpc_timeout=timedelta(seconds=self._seconds))
        return await described(await bounded(call, seconds=self._seconds, missing="no such run"))

    async def snapshot(self, workflow_id: str) -> RunSnapshot:
        description = await self.describe_workflow(workflow_id)
        if description.status == "scheduled":  # a query would wait until it has begun
            return await read_scheduled(self._client, workflow_id, seconds=self._seconds)
        try:
            answer = await self._query(workflow_id, description.temporal_run_id, contract.SNAPSHOT, None)
        except Unavailable:
            unbegun = await self._unbegun(description)
            if unbegun is None:
                raise
            return unbegun.snapshot(description.status)
        snapshot = showing.unpacked(answer)
        if description.closed_at is not None and snapshot.status == "running":  # terminated or timed out by Temporal
            return replace(snapshot, status=description.status, next_step=None, waits=[])
        return snapshot

    async def _unbegun(self, description: RunDescription) -> Unbegun | None:
        if description.closed_at is None:
            return None
        found = description.workflow_id, description.temporal_run_id
        return await read_unbegun(self._client, *found, seconds=self._seconds)

    async def carried(self, workflow_id: str, temporal_run_id: str) -> RunInput:
        """What a resume of a closed run starts with. Needs a worker. Raises TooLarge for what cannot be carried."""
        argument: RunInput = await self._query(workflow_id, temporal_run_id, contract.STATE, RunInput)
        if argument.state is None:
            raise TooLarge("the run's state is too large for Temporal")
        return argument

    async def _query(
        self, workflow_id: str, temporal_run_id: str | None, name: str, result_type: Any, *args: Any
    ) -> Any:
        handle = self._client.get_workflow_handle(workflow_id, run_id=temporal_run_id)
        call = handle.query(name, args=args, result_type=result_type, rpc_timeout=timedelta(seconds=self._seconds))
        try:
            return await bounded(call, seconds=self._seconds, part="worker")
        except WorkflowQueryFailedError as error:
            raise Unavailable("the run cannot be read now", part="worker") from error
        except Unavailable as error:
            raise await who_is_away(self._client) from error

    async def deliver(self, workflow_id: str, event: Event, may_signal: bool) -> DeliveryOutcome:
        seconds = min(SIGNAL_AFTER_SECONDS, self._seconds) if may_signal else self._seconds
        try:
            async with self._queues.turn(workflow_id, seconds) as left:
                return await execute_update(
                    self._client,
                    workflow_id,
                    contract.DELIVER,
                    asdict(event),
                    result_type=DeliveryOutcome,
                    update_id=event.id,
                    seconds=left,
                )
        except NotFound as error:
            if isinstance(error.__cause__, WorkflowUpdateFailedError):
                raise  # the run itself says so: of the wait that the event is for
            raise await self._closed_or_unknown(workflow_id) from None
        except Unavailable as error:
            if not may_signal or error.part != "worker":
                raise
        return await self._signal(workflow_id, event)

    async def _signal(self, workflow_id: str, event: Event) -> DeliveryOutcome:
        handle = self._client.get_workflow_handle(workflow_id)
        call = handle.signal(contract.DELIVER, asdict(event), rpc_timeout=timedelta(seconds=self._seconds))
        try:
            await bounded(call, seconds=self._seconds)
        except NotFound:
            ended = await self._closed_or_unknown(workflow_id)
            # The update before it may have been what the run ended with, though its answer came too late.
            if isinstance(ended, RunClosed) and await self._query(workflow_id, None, contract.TOOK, bool, event.id):
                return DeliveryOutcome("matched")
            raise ended from None
        return DeliveryOutcome("buffered")

    async def _closed_or_unknown(self, workflow_id: str) -> TidegateError:
        """Temporal says NOT_FOUND for a closed run as for an unknown one: only Describe tells them apart."""
        try:
            description = await self.describe_workflow(workflow_id)
        except NotFound as error:
            return error
        if description.closed_at is None:  # resumed in this very moment
            return Unavailable("the run is being resumed", part="worker", retry_after=1)
        return RunClosed(f"the run has ended: {description.status}", description.status)

    async def pause(self, workflow_id: str, paused: bool) -> None:
        """Raises NotFound, RunClosed, Overloaded, Unavailable."""
        try:
            async with self._queues.turn(workflow_id, self._seconds) as left:
                await execute_update(
                    self._client, workflow_id, contract.PAUSE, paused, result_type=type(None), seconds=left
                )
        except NotFound:
            raise await self._closed_or_unknown(workflow_id) from None

    async def cancel(self, workflow_id: str, request_id: str) -> None:
        if await self._is_cancelled(workflow_id, request_id):
            return
        handle = self._client.get_workflow_handle(workflow_id, run_id=None)
        call = handle.cancel(reason=request_id, rpc_timeout=timedelta(seconds=self._seconds))
        try:
            await bounded(call, seconds=self._seconds)
        except NotFound:  # it has ended in this very moment
            if await self._is_cancelled(workflow_id, request_id):
                return
            raise
        waiting = asyncio.ensure_future(self._closed(handle))
        await asyncio.wait({waiting}, timeout=CANCEL_SECONDS)
        waiting.cancel()

    async def _is_cancelled(self, workflow_id: str, request_id: str) -> bool:
        """Whether this very request has done it. Raises RunClosed for a run that has ended otherwise."""
        description = await self.describe_workflow(workflow_id)
        if await self._cancelled_by(description, request_id):
            return True
        if description.closed_at is not None:
            raise RunClosed(f"the run has ended: {description.status}", description.status)
        return False

    async def _cancelled_by(self, description: RunDescription, request_id: str) -> bool:
        """Whether this very request has cancelled the run, or the closed one that was resumed as it."""
        run_id = description.temporal_run_id if description.status == "cancelled" else description.facts.resumed_from
        if not request_id or run_id is None:
            return False
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=description.workflow_id, run_id=run_id),
            maximum_page_size=CANCEL_LOOKBACK_EVENTS,
        )
        call = self._client.workflow_service.get_workflow_execution_history_reverse(request, retry=True)
        found = await bounded(call, seconds=self._seconds)
        return any(
            event.workflow_execution_cancel_requested_event_attributes.cause == request_id
            for event in found.history.events
        )

    async def _closed(self, handle: WorkflowHandle[Any, Any]) -> None:
        try:
            await handle.result()
        except (WorkflowFailureError, RPCError):
            return
