"""What a wait does with an event that has come, before it is sure that this is what it waits for."""

from __future__ import annotations

from typing import Any

from definitions.contract import Event
from definitions.errors import ExpressionError
from definitions.model import WaitStep
from worker.steps.base import StepFailed, Visit
from worker.waits import OpenWait


def event_view(event: Event) -> dict[str, Any]:
    """An event as filters, processors and outputs see it."""
    return {
        "name": event.name,
        "payload": event.payload,
        "id": event.id,
        "source": event.source,
        "receivedAt": event.received_at,
    }


async def accepted(visit: Visit, step: WaitStep, wait: OpenWait) -> bool:
    """Whether a satisfied wait has what it waits for. If not, what has come is used up. Raises StepFailed.

    What a processor gives is kept until the step is over, so that it is run once for each event.
    """
    event = wait.received[-1]
    try:
        if step.processor is None:
            # Raises, if it cannot be told: the wait has taken the event so that it is the wait that fails.
            return step.filter is None or step.on_filter_error == "refuse" or _filtered(visit, step, event)
        output = await visit.run_inner(str(event.seq), step.processor, {"event": event_view(event)})
        visit.frame.memory["processed"] = processed = {"output": output}
        if step.accept is None or visit.evaluate(step.accept, event=event_view(event), processed=processed):
            return True
    except (ExpressionError, StepFailed) as error:
        visit.frame.memory["spent"] = True
        raise StepFailed(error.code, error.message) from None
    visit.frame.frames.pop(str(event.seq))
    visit.frame.memory.pop("processed")
    return False


def wanted(visit: Visit, step: WaitStep, event: Event) -> bool:
    """Whether the wait takes an event, in its filter's words. Raises ExpressionError, unless that fails the step."""
    try:
        return step.filter is None or _filtered(visit, step, event)
    except ExpressionError:
        if step.on_filter_error == "refuse":
            raise
        return True


def _filtered(visit: Visit, step: WaitStep, event: Event) -> bool:
    return step.filter is None or bool(visit.evaluate(step.filter, event=event_view(event)))
