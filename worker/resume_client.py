"""Resuming closed runs: a claim in Temporal that the first caller gets, and the start of the run from what it was."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions import contract, ids
from definitions.contract import ResumeInput
from definitions.errors import NotFound, NotResumable, TooLarge, Unavailable
from worker.failures import error_of
from worker.rpc import RPC_SECONDS, bounded, who_is_away
from worker.run_client import RunClient
from worker.unbegun import Unbegun, read_unbegun
from worker.views import RunDescription


class ResumeClient:
    """Resumes runs of one namespace and task queue."""

    def __init__(self, client: Client, task_queue: str, runs: RunClient, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._task_queue = task_queue
        self._runs = runs
        self._seconds = seconds

    async def resume(self, workflow_id: str, request_id: str) -> None:
        description = await self._runs.describe_workflow(workflow_id)
        if description.status not in ("failed", "cancelled"):
            await self._resumed_by(description, request_id)
            return
        claim = ResumeInput(workflow_id, description.temporal_run_id, request_id, description.status)
        claim_id = ids.resume_workflow_id(workflow_id, description.temporal_run_id)
        try:
            handle = await self._claim(claim_id, claim)
        except WorkflowAlreadyStartedError:
            if not request_id or await self._claimed_by(claim_id) != request_id:
                raise NotResumable("the run has been resumed already") from None
            handle = self._client.get_workflow_handle(claim_id)
        await self._resumption(handle)

    async def _resumed_by(self, description: RunDescription, request_id: str) -> None:
        """A repeated request succeeds: the open run may be the one that it made."""
        closed_run_id = description.facts.resumed_from
        if request_id and closed_run_id:
            claim_id = ids.resume_workflow_id(description.workflow_id, closed_run_id)
            if await self._claimed_by(claim_id) == request_id:
                return
        raise NotResumable(f"only a failed or cancelled run can be resumed; this one: {description.status}")

    async def _claim(self, claim_id: str, claim: ResumeInput) -> WorkflowHandle[Any, Any]:
        return await bounded(
            self._client.start_workflow(
                contract.RESUME_WORKFLOW,
                claim,
                id=claim_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={contract.MEMO: {"request_id": claim.request_id}},
                static_summary=f"resume of {claim.run_workflow_id}"[:200],
                rpc_timeout=timedelta(seconds=self._seconds),
            ),
            seconds=self._seconds,
        )

    async def _claimed_by(self, claim_id: str) -> str:
        handle = self._client.get_workflow_handle(claim_id)
        try:
            found = await bounded(handle.describe(rpc_timeout=timedelta(seconds=self._seconds)), seconds=self._seconds)
        except NotFound:
            return ""
        memo = await found.memo()
        return str(memo.get(contract.MEMO, {}).get("request_id", ""))

    async def _resumption(self, handle: WorkflowHandle[Any, Any]) -> None:
        try:
            await bounded(handle.result(), seconds=self._seconds, part="worker")
        except WorkflowFailureError as error:
            raise error_of(error.cause) or NotResumable("the run cannot be resumed") from error
        except Unavailable as error:
            raise await who_is_away(self._client) from error

    async def start_resumed(self, claim: ResumeInput) -> None:
        """Start the run again that `claim` names; safe to repeat. Called by the claim's activity."""
        unbegun = await read_unbegun(self._client, claim.run_workflow_id, claim.closed_run_id, seconds=self._seconds)
        if not await self._is_done(claim):
            await self._start_again(claim, unbegun)
        for message in unbegun.deliveries if unbegun else []:
            handle = self._client.get_workflow_handle(claim.run_workflow_id)
            with contextlib.suppress(NotFound):  # it has ended meanwhile
                await bounded(handle.signal(contract.DELIVER, message), seconds=self._seconds)

    async def _is_done(self, claim: ResumeInput) -> bool:
        """Whether the run has been started again from the closed one. Raises NotResumable if it was by other means."""
        description = await self._runs.describe_workflow(claim.run_workflow_id)
        if description.temporal_run_id == claim.closed_run_id:
            return False
        if description.facts.resumed_from != claim.closed_run_id:
            raise NotResumable("the run has been started again by other means")
        return True

    async def _start_again(self, claim: ResumeInput, unbegun: Unbegun | None) -> None:
        try:
            known = unbegun.argument if unbegun else None
            argument = known or await self._runs.carried(claim.run_workflow_id, claim.closed_run_id)
            argument.facts.resumed_from = claim.closed_run_id
            argument.search_attributes = await self._runs.search_attributes()
            argument.resumed = argument.state is not None
            await self._runs.start_with(claim.run_workflow_id, argument, WorkflowIDReusePolicy.ALLOW_DUPLICATE)
        except WorkflowAlreadyStartedError:
            await self._is_done(claim)
        except TooLarge:
            raise NotResumable("the run's state is too large to be carried on") from None
