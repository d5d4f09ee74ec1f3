"""Signals to one execution, and events: for every workflow with a trigger of that name, for one execution, or for
whichever waits for a correlation key."""

from __future__ import annotations

from datetime import datetime, timezone

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.compozy import exec_ids, wire
from adapter.dialects.compozy.exec_ids import NO_EXECUTION
from adapter.dialects.compozy.operations import Answer, operation
from adapter.dialects.compozy.wire import SendEvent, SendSignal
from adapter.dialects.compozy.words import DIALECT, EVENT_SEND, SIGNAL_SEND
from definitions import ids, ksuids
from definitions.contract import Event, PostEvent, Published, PublishEvent, timestamp
from definitions.errors import NotFound, PayloadInvalid, RunClosed

router = APIRouter()

SENT, RECEIVED = "Signal sent successfully", "event received"


@operation(router, "SendSignal", "POST", "/executions/workflows/{exec_id}/signals", SIGNAL_SEND, SendSignal)
async def send_signal(call: Call) -> Answer:
    """Give a signal to an execution. One that no task waits for now is kept for one that will."""
    body = await call.body(SendSignal)
    run_id = exec_ids.run_id(call.path("exec_id"))
    key = wire.idempotency_key(call.request, body.idempotency_key)
    await _deliver(call, run_id, body.signal_name, body, ksuids.derived("signal", run_id, key) if key else None)
    return Answer("signal sent successfully", {"message": SENT})


async def _deliver(call: Call, run_id: str, name: str, body: SendSignal | SendEvent, known_id: str | None) -> None:
    """With no worker up it is left for the one that comes: what becomes of a signal is not its sender's to know.

    `known_id` is that of a signal which may be sent again.
    """
    event = Event(
        id=known_id or exec_ids.new(),
        name=name,
        payload=body.payload,
        has_payload=body.payload is not None,
        received_at=timestamp(datetime.now(timezone.utc)),
    )
    try:
        await call.client.deliver(DIALECT, call.organisation, run_id, event, may_signal=True)
    except NotFound:
        raise NotFound(NO_EXECUTION) from None
    except RunClosed:
        if known_id is None or not await _taken_before(call, run_id, known_id):
            raise


async def _taken_before(call: Call, run_id: str, event_id: str) -> bool:
    """Whether an execution that has ended got this very signal: then this is a repetition, and no error."""
    return await call.client.took_link(ids.run_workflow_id(DIALECT, call.organisation, run_id), event_id)


@operation(router, "SendEvent", "POST", "/events", EVENT_SEND, SendEvent)
async def send_event(call: Call) -> Answer:
    """Take an event; once this is answered it is durable. What can be found wrong with it is told at once."""
    body = await call.body(SendEvent)
    key = wire.idempotency_key(call.request, body.idempotency_key)
    event_id = ksuids.derived("event", body.name, body.correlation_key, key) if key else exec_ids.new()
    if body.exec_id is not None:
        await _deliver(call, exec_ids.run_id(body.exec_id), body.name, body, event_id)
    else:
        await _publish(call, body, event_id)
    return Answer(RECEIVED, {"message": RECEIVED, "event_id": event_id}, 202)


async def _publish(call: Call, body: SendEvent, event_id: str) -> None:
    """Start whoever listens; with a correlation key, also reach a wait.

    Both parts know the id again, so a sender that repeats what failed half-way has each done once.
    """
    published = await call.client.publish(
        PublishEvent(
            organisation=call.organisation,
            dialect=DIALECT,
            name=body.name,
            payload=body.payload,
            has_payload=body.payload is not None,
            event_id=event_id,
        )
    )
    if body.correlation_key is not None:
        posted = PostEvent(
            id=event_id, payload=body.payload, has_payload=body.payload is not None, idempotency_key=event_id
        )
        await call.client.post_event(DIALECT, call.organisation, body.name, body.correlation_key, posted)
    elif not published.started:
        raise _unheard(body.name, published)


def _unheard(name: str, published: Published) -> NotFound | PayloadInvalid:
    if not published.refused:
        return NotFound(f"no workflow has a trigger for the event {name!r}")
    first = published.refused[0]
    return PayloadInvalid(f"{first.definition_name}: {first.reason}", "$.payload")
