"""`send`: send an event to whichever run waits for its name and key; a repeated attempt sends nothing anew."""

from __future__ import annotations

from definitions.contract import SEND_EVENT, MailboxAddress, PostEvent, PostOutcome, SendEvent
from definitions.expressions import ABSENT
from definitions.ids import digest
from definitions.model import SendStep
from worker.steps.base import Done, Visit
from worker.steps.correlated import KEY_LIMIT, correlation_key
from worker.steps.own_activity import perform, text


async def run(visit: Visit, step: SendStep) -> Done:
    facts = visit.run.facts
    key = correlation_key(step.key, visit)
    repeated = step.idempotency_key
    payload = ABSENT if step.payload is None else visit.evaluate(step.payload)
    event = PostEvent(
        id=event_id(visit),
        payload=None if payload is ABSENT else payload,
        has_payload=payload is not ABSENT,
        idempotency_key=None if repeated is None else text(repeated, visit, "an idempotency key", KEY_LIMIT),
        deliver=step.deliver,
    )
    address = MailboxAddress(facts.organisation, facts.dialect, step.event, key)
    outcome: PostOutcome = await perform(visit, SEND_EVENT, SendEvent(address, event), PostOutcome, step.event)
    return Done({"event_id": outcome.event_id, "duplicate": outcome.duplicate})


def event_id(visit: Visit) -> str:
    """The same for every attempt of one visit, so that the mailbox knows a repetition."""
    return digest("sent", visit.call_context().idempotency_key).hex()[:32]
