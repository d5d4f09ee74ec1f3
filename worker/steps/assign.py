"""`assign`: compute a value, with no side effect; without a value, echo the input."""

from __future__ import annotations

from definitions.model import AssignStep
from worker.steps.base import Done, Visit


async def run(visit: Visit, step: AssignStep) -> Done:
    if step.value is None:
        return Done(visit.input, has_output=visit.has_input)
    return Done(visit.evaluate(step.value, **{"$input": visit.input}))
