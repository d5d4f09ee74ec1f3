"""Events, sent by name and correlation key."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from adapter.body import json_object
from adapter.calls import Call
from adapter.dialects.stackshift import wire
from adapter.dialects.stackshift.operations import Answer, operation
from adapter.dialects.stackshift.words import DIALECT, EVENT_SEND
from definitions.contract import PostEvent

router = APIRouter()


@operation(router, "SendEvent", "POST", "/events", EVENT_SEND, wire.SendEvent)
async def send_event(call: Call) -> Answer:
    """Send an event; once this is answered it is durable, whether a run waits for it now or later."""
    body = await call.body(wire.SendEvent)
    event = PostEvent(
        id=str(uuid.uuid4()),
        payload=body.payload,
        has_payload=PAYLOAD in await json_object(call.request),
        idempotency_key=body.idempotency_key,
        deliver=body.deliver,
        retention=float(body.retention or wire.DEFAULT_RETENTION),
        window=float(body.idempotency_ttl or wire.DEFAULT_TTL),
        wait=body.wait,
    )
    posted = await call.client.post_event(DIALECT, call.organisation, body.name, body.correlation_key, event)
    data = {"event_id": posted.event_id, "duplicate": posted.duplicate}
    if body.wait:
        data |= {"outcome": posted.outcome, "runs": [_run_id(run) for run in posted.runs], "until": posted.until}
    return Answer(data, "The event is accepted.", 202)


PAYLOAD = "payload"


def _run_id(run: str) -> str:
    """A run's id of its workflow's id."""
    return run.rpartition("/")[2]
