"""Events: published by API, system events too; and the names that nobody listened to."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.fastgen import projects, wire
from adapter.dialects.fastgen.operations import Answer, Json, operation
from adapter.dialects.fastgen.words import DIALECT, EVENT_PUBLISH, WORKFLOW_READ
from adapter.failures import RequestInvalid, said_of
from definitions.contract import PublishEvent, UnheardEvent
from definitions.dialects.fastgen import events
from definitions.dialects.fastgen.document import parts_of

router = APIRouter()


@operation(router, "PublishEvent", "POST", "/events", EVENT_PUBLISH, wire.Publish)
async def publish(call: Call) -> Answer:
    """Start a run of every active workflow that listens. The same `event_id` again starts nothing."""
    body = await call.body(wire.Publish)
    if len(body.event) > events.EVENT_LIMIT or not body.event.isprintable():
        message = f"must be 1 to {events.EVENT_LIMIT} printable characters"
        raise RequestInvalid(f"the event's name {message}", {"$.event": message})
    project = await projects.taken(call)
    published = await call.client.publish(
        PublishEvent(
            organisation=call.organisation,
            dialect=DIALECT,
            name=events.scoped(project, body.event),
            payload=body.params,
            has_payload=True,
            event_id=body.event_id or "",
        )
    )
    shown: Json = {"event_id": published.event_id, "started": [run.run_id for run in published.started]}
    if published.refused:
        shown["refused"] = [
            {"workflow": (parts_of(one.definition_name) or ("", "", ""))[2], "reason": one.reason}
            for one in published.refused
        ]
    return Answer(shown | ({"duplicate": True} if published.duplicate else {}), 202)


@operation(router, "ListUnheard", "GET", "/events/unheard", WORKFLOW_READ, wire.ListUnheard)
async def list_unheard(call: Call) -> Answer:
    """Names of events that came while no active workflow listened, last come first."""
    asked = call.query(wire.ListUnheard)
    shown: list[Json] = []
    cursor = asked.cursor
    while len(shown) < asked.limit:
        with said_of("cursor"):
            rows, cursor = await call.client.list_unheard(
                DIALECT, call.organisation, limit=asked.limit - len(shown), cursor=cursor
            )
        shown += [_row(name, row) for row in rows if (name := events.own(call.path("project"), row.event)) is not None]
        if cursor is None:
            break
    return Answer({"events": shown, "nextCursor": cursor})


def _row(name: str, row: UnheardEvent) -> Json:
    return {"event": name, "count": row.count, "first": row.first, "last": row.last}
