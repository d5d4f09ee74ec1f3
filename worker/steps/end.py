"""`end`: finish the whole run with an outcome."""

from __future__ import annotations

from definitions.model import EndStep
from worker.steps.base import Done, RunEnded, Visit


async def run(visit: Visit, step: EndStep) -> Done:
    raise RunEnded(step.outcome, visit.input, step.message)
