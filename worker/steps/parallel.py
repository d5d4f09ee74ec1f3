"""`parallel`: several blocks at once."""

from __future__ import annotations

from functools import partial

from definitions.model import ParallelStep
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.inner import report, run_inside


async def run(visit: Visit, step: ParallelStep) -> Done:
    blocks = sorted(step.branches.items())
    inside = [(name, partial(visit.run_inner, name, block, {})) for name, block in blocks]
    at_once = min(step.at_once or len(blocks), len(blocks))
    ended = await run_inside(visit, inside, at_once=at_once, strategy=step.strategy, within=step.within)
    if (first := ended.first_failure(step.strategy)) is not None:
        name, error = first
        raise StepFailed(error.code, f"branch {name!r}: {error.message}")
    if step.report:
        return Done(report(ended, len(blocks)))
    return Done(next(iter(ended.outputs.values())) if step.strategy == "race" else ended.outputs)
