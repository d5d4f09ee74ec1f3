"""`sleep`: park for a time. The moment of waking is absolute, so that continue-as-new does not prolong it."""

from __future__ import annotations

import reprlib
from datetime import datetime, timedelta

from temporalio import workflow

from definitions.contract import timestamp
from definitions.model import Expression, SleepStep
from worker.attributes import short
from worker.steps.base import Done, StepFailed, Visit


def seconds(value: float | Expression, visit: Visit) -> float:
    """A duration in seconds, computed if need be. Raises StepFailed for what is no number >= 0."""
    result = visit.evaluate(value) if isinstance(value, Expression) else value
    if isinstance(result, bool) or not isinstance(result, (int, float)) or not 0 <= result < 10**10:
        raise StepFailed("duration-invalid", f"not a duration in seconds: {reprlib.repr(result)}")
    return float(result)


async def run(visit: Visit, step: SleepStep) -> Done:
    memory = visit.frame.memory
    if "until" not in memory:
        memory["until"] = timestamp(visit.run.now() + timedelta(seconds=seconds(step.seconds, visit)))
        memory["parked"] = True
    remaining = datetime.fromisoformat(memory["until"].replace("Z", "+00:00")) - visit.run.now()
    if remaining > timedelta():
        await workflow.sleep(remaining, summary=short(f"{visit.step} until {memory['until']}"))
    return Done(has_output=False)
