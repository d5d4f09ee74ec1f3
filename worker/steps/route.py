"""`route`: go to the step that a value names."""

from __future__ import annotations

import json
import reprlib

from definitions.expressions import ABSENT
from definitions.model import RouteStep
from worker.steps.base import Done, StepFailed, Visit


async def run(visit: Visit, step: RouteStep) -> Done:
    value = visit.evaluate(step.value, **{"$input": visit.input})
    value = None if value is ABSENT else value
    target = step.routes.get(value if isinstance(value, str) else json.dumps(value), step.otherwise)
    if target is None:
        raise StepFailed("route-unknown", f"there is no route for {reprlib.repr(value)}")
    return Done({"value": value, "route": target}, goto=target)
