"""`group`: one block inside the run's, as a step of its own."""

from __future__ import annotations

from definitions.model import GroupStep
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.inner import Inside, report, run_inside

#: The name of the block in the records and the report.
BODY = "body"


async def run(visit: Visit, step: GroupStep) -> Done:
    inside: Inside = [(BODY, lambda: visit.run_inner(BODY, step.body, {}))]
    ended = await run_inside(visit, inside, at_once=1, strategy="wait_all", within=step.within)
    for error in ended.failures.values():
        raise StepFailed(error.code, error.message)
    return Done(report(ended, 1) if step.report else ended.outputs[BODY])
