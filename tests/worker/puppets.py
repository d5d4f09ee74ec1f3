"""Executions that lists see as runs, of any age, status and descent, without the interpreter."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.contract import MEMO, RESUME_WORKFLOW, RUN_WORKFLOW, RunFacts, timestamp
from definitions.ids import definition_id, prefix, resume_workflow_id, run_id, run_workflow_id
from worker.listing import list_runs
from worker.views import RunPage, RunQuery
from worker.visibility import count, quoted

DIALECT = "test"
NEVER = timedelta(days=3650)


@workflow.defn(name=RUN_WORKFLOW)
class Puppet:
    """Does what its script says, then stays."""

    @workflow.run
    async def run(self, script: list[str]) -> None:
        memo = {MEMO: workflow.memo_value(MEMO)}
        for place, line in enumerate(script):
            word, _, rest = line.partition(" ")
            if word == "continue":
                workflow.continue_as_new(script[place + 1 :], memo=memo)
            if word == "child":
                child_id, _, lines = rest.partition(" ")
                child_memo = {MEMO: {**memo[MEMO], "run_id": child_id.rpartition("/")[2]}}
                await workflow.start_child_workflow(
                    RUN_WORKFLOW, lines.split("+"), id=child_id, memo=child_memo,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                )  # fmt: skip
            if word == "complete":
                return
            if word == "fail":
                raise ApplicationError("as written", non_retryable=True)
        await workflow.wait_condition(lambda: False)


@workflow.defn(name=RESUME_WORKFLOW)
class Claim:
    @workflow.run
    async def run(self, _: Any) -> None:
        return None


@dataclass
class Stage:
    """One organisation's runs."""

    client: Client
    organisation: str
    queue: str
    planted: int = 0

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        runner = UnsandboxedWorkflowRunner()
        async with Worker(self.client, task_queue=self.queue, workflows=[Puppet, Claim], workflow_runner=runner):
            yield

    def facts(
        self, name: str = "a", version: int = 1, *, child: bool = False, created: datetime | None = None
    ) -> RunFacts:
        self.planted += 1
        of = definition_id(DIALECT, self.organisation, name)
        return RunFacts(
            organisation=self.organisation,
            dialect=DIALECT,
            run_id=run_id(self.organisation, of, version, self.planted, child=child),
            definition_id=of,
            definition_name=name,
            version_id="",
            version_number=version,
            created_at=timestamp(created or datetime.now(timezone.utc)),
        )

    def workflow_id(self, facts: RunFacts) -> str:
        return run_workflow_id(DIALECT, self.organisation, facts.run_id)

    async def start(self, facts: RunFacts, *script: str) -> str:
        """Start a run; without a script it never runs. Returns its Temporal run id."""
        delay = None if script else NEVER
        handle = await self.client.start_workflow(
            RUN_WORKFLOW,
            list(script),
            id=self.workflow_id(facts),
            task_queue=self.queue,
            memo={MEMO: facts},
            start_delay=delay,
        )
        return handle.first_execution_run_id or ""

    async def finish(self, facts: RunFacts, how: str) -> str:
        """Start a run and let it `complete`, `fail` or be `terminated`. Returns its Temporal run id."""
        temporal_run_id = await self.start(facts, *([] if how == "terminated" else [how]))
        handle = self.client.get_workflow_handle(self.workflow_id(facts))
        if how == "terminated":
            await handle.terminate()
        await asyncio.gather(handle.result(), return_exceptions=True)
        return temporal_run_id

    async def resume(self, facts: RunFacts, closed_run_id: str, *script: str) -> str:
        """What a resume leaves: the completed claim, and a new execution of the same id."""
        claim_id = resume_workflow_id(self.workflow_id(facts), closed_run_id)
        await self.client.execute_workflow(RESUME_WORKFLOW, None, id=claim_id, task_queue=self.queue)
        return await self.start(facts, *script)

    def query(self, **conditions: Any) -> RunQuery:
        return RunQuery(DIALECT, self.organisation, **conditions)

    async def page(self, **conditions: Any) -> RunPage:
        return await list_runs(self.client, self.query(**conditions))

    async def run_ids(self, **conditions: Any) -> list[str]:
        page = await self.page(**{"page_size": 100, **conditions})
        assert page.total == len(page.runs)
        return [run.facts.run_id for run in page.runs]

    async def visible(self, executions: int, status: str = "ExecutionStatus != 'ContinuedAsNew'") -> None:
        """Wait until visibility has caught up: so many executions of any kind."""
        query = f"WorkflowId STARTS_WITH {quoted(prefix(DIALECT, self.organisation))} AND {status}"
        deadline = asyncio.get_running_loop().time() + 20
        while (seen := await count(self.client, query)) != executions:
            assert asyncio.get_running_loop().time() < deadline, f"{seen} executions, not {executions}"
            await asyncio.sleep(0.05)


def new_stage(client: Client) -> Stage:
    unique = uuid.uuid4().hex[:12]
    return Stage(client, f"org-{unique}", f"runs-{unique}")
