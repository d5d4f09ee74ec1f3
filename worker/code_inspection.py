"""The workflow that has a worker look at code which is about to be registered."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from definitions.contract import INSPECT_CODE, INSPECT_WORKFLOW, InspectCode, InspectedCode


@workflow.defn(name=INSPECT_WORKFLOW)
class TidegateInspect:
    """One look at one source; its result says what is wrong, so it fails only if no worker could look."""

    @workflow.run
    async def run(self, asked: InspectCode) -> InspectedCode:
        found: InspectedCode = await workflow.execute_activity(
            INSPECT_CODE,
            asked,
            result_type=InspectedCode,
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=2),
            summary="look at the source",
        )
        return found
