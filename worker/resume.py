"""The workflow that resumes one closed run: a claim that only the first caller gets, carried out durably."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from definitions import contract
from definitions.contract import ResumeInput


@workflow.defn(name=contract.RESUME_WORKFLOW)
class TidegateResume:
    """The claim to resume one closed run, and the carrying out of it: durable, and once."""

    @workflow.run
    async def run(self, claim: ResumeInput) -> None:
        await workflow.execute_activity(
            contract.RESUME_RUN,
            claim,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
            summary="start the run again",
        )
