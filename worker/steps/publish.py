"""`publish`: start every workflow that listens to an event; a repeated attempt publishes nothing anew."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from definitions.contract import PUBLISH, PublishEvent, PublishRequest, PublishResult, timestamp
from definitions.expressions import ABSENT
from definitions.model import NAME_LIMIT, PublishStep
from worker.lineage import extended
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.correlated import correlation_key
from worker.steps.own_activity import perform, text
from worker.steps.send import event_id

#: Characters of a run's id.
RUN_ID_LIMIT = 200
#: Many listeners may have to be looked at; a worker that dies meanwhile is noticed sooner.
ATTEMPT, HEARTBEAT = timedelta(seconds=60), timedelta(seconds=10)


async def run(visit: Visit, step: PublishStep) -> Done:
    request = _request(visit, step)
    event = request.event
    if step.dry:
        shown = {"payload": event.payload} if event.has_payload else {}
        return Done({"event": event.name, **shown, "emitted": False})
    result: PublishResult = await perform(
        visit, PUBLISH, request, PublishResult, event.name, attempt=ATTEMPT, heartbeat=HEARTBEAT
    )
    return Done(_output(result))


def _request(visit: Visit, step: PublishStep) -> PublishRequest:
    facts = visit.run.facts
    payload = ABSENT if step.payload is None else visit.evaluate(step.payload)
    event = PublishEvent(
        organisation=facts.organisation,
        dialect=facts.dialect,
        name=_name(visit, step),
        payload=None if payload is ABSENT else payload,
        has_payload=payload is not ABSENT,
        event_id=event_id(visit),
        received_at=timestamp(visit.run.now()),
        lineage=extended(facts),
        source=facts.run_id,
        # Only this visit has this id: with another payload it was resumed with other data, and what was sent counts.
        repeats=True,
    )
    key = None if step.key is None else [correlation_key(step.key, visit)]
    target = None if step.target is None else text(step.target, visit, "the run that an event is for", RUN_ID_LIMIT)
    return PublishRequest(event, facts.definition_id, step.watch, key, target)


def _name(visit: Visit, step: PublishStep) -> str:
    if isinstance(step.event, str):
        return step.event
    try:
        return text(step.event, visit, "an event's name", NAME_LIMIT)
    except StepFailed as error:
        raise StepFailed("event-invalid", error.message) from None


def _output(result: PublishResult) -> dict[str, Any]:
    output: dict[str, Any] = {"event_id": result.event_id, "started": result.started}
    if result.refused:
        output["refused"] = [asdict(one) for one in result.refused]
    if result.posted is not None:
        output["posted"] = {"outcome": result.posted.outcome, "runs": result.posted.runs}
    if result.delivered is not None:
        taken = result.delivered
        output["delivered"] = {"status": taken.status, "step": taken.step, "completed": taken.completed}
        del output["started"]
    return output
