"""`send`: send an event to whichever run waits for its name and key; a repeated attempt sends nothing anew."""

from __future__ import annotations

from definitions.contract import SEND_EVENT, MailboxAddress, PostEvent, PostOutcome, SendEvent
from definitions.expressions import ABSENT
from definitions.ids import digest
from definitions.model import SendStep
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.correlated import KEY_LIMIT, correlation_key
from worker.steps.own_activity import perform, text

#: Seconds for which a repetition of a step's own event is known: a mailbox knows keys for longer than bare ids.
OWN_WINDOW = 3_600.0


async def run(visit: Visit, step: SendStep) -> Done:
    facts = visit.run.facts
    address = MailboxAddress(facts.organisation, facts.dialect, step.event, correlation_key(step.key, visit))
    event = _event(visit, step)
    try:
        outcome: PostOutcome = await perform(visit, SEND_EVENT, SendEvent(address, event), PostOutcome, step.event)
    except StepFailed as error:
        if error.code != "conflict" or step.idempotency_key is not None:
            raise
        # An earlier attempt has sent it, with a payload that is computed otherwise now: what was sent counts.
        outcome = PostOutcome(event.id, "accepted", duplicate=True)
    return Done({"event_id": outcome.event_id, "duplicate": outcome.duplicate})


def _event(visit: Visit, step: SendStep) -> PostEvent:
    payload = ABSENT if step.payload is None else visit.evaluate(step.payload)
    own, given = event_id(visit), step.idempotency_key
    return PostEvent(
        id=own,
        payload=None if payload is ABSENT else payload,
        has_payload=payload is not ABSENT,
        idempotency_key=own if given is None else text(given, visit, "an idempotency key", KEY_LIMIT),
        deliver=step.deliver,
        window=OWN_WINDOW if given is None else PostEvent.window,
    )


def event_id(visit: Visit) -> str:
    """The same for every attempt of one visit, so that the mailbox knows a repetition."""
    return digest("sent", visit.call_context().idempotency_key).hex()[:32]
