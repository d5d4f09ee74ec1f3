"""An execution as a stream of server-sent events, each of which a client gets once, however often it comes back.

The ids follow from the execution's own records, so every replica gives the same ones: `0` is the start, `n` what its
nth record tells, and `n.end` the end after that record. What goes on after an end (an execution that an operator has
had resumed) is the next number.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator
from contextlib import AsyncExitStack, aclosing

from fastapi import APIRouter
from starlette.responses import Response

from adapter.calls import Call
from adapter.dialects.compozy import exec_ids, projection, wire
from adapter.dialects.compozy.exec_ids import NO_EXECUTION
from adapter.dialects.compozy.executions import EXECUTIONS
from adapter.dialects.compozy.operations import Json, operation
from adapter.dialects.compozy.words import DIALECT, EXECUTION_READ
from adapter.event_stream import Events, EventStream, ServerEvent
from adapter.failures import RequestInvalid
from adapter.services import services
from definitions.contract import RunFacts, RunSnapshot
from definitions.errors import NotFound
from worker.client import Watch

router = APIRouter()

_LAST_ID = re.compile(r"(\d{1,9})(\.end)?", re.ASCII)
#: What a client that has got everything is answered: it comes back no more.
NOTHING_MORE = 204

#: Where a client stands: the number of the last record it knows (-1: none, not even the start), and whether it has been
#: told of the end after it.
Place = tuple[int, bool]


@operation(router, "StreamExecution", "GET", EXECUTIONS + "/{exec_id}/stream", EXECUTION_READ, wire.Stream)
async def stream(call: Call) -> Response:
    """What happens in an execution, as it happens, from its start or from after `Last-Event-ID`."""
    asked = call.query(wire.Stream)
    place = _place(call.request.headers.get("last-event-id", ""))
    run_id = exec_ids.run_id(call.path("exec_id"))
    try:
        run = await call.client.describe_run(DIALECT, call.organisation, run_id)
    except NotFound:
        raise NotFound(NO_EXECUTION) from None
    async with AsyncExitStack() as held:
        watch = await held.enter_async_context(call.client.watches.watch(run.workflow_id))
        seen = await watch.after(0)
        if seen.ended and place == end_of(seen.snapshot):
            return Response(status_code=NOTHING_MORE)
        events = _asked(_events(watch, run.facts, place, asked.poll_ms / 1000), asked.events)
        return EventStream(events, services(call.request).stopping, held.pop_all())


async def _asked(events: Events, names: Collection[str]) -> Events:
    async with aclosing(events):
        async for event in events:
            if event.name in names:
                yield event


def _place(given: str) -> Place:
    """Raises RequestInvalid for an id that is none of a stream's."""
    if not given:
        return -1, False
    found = _LAST_ID.fullmatch(given)
    if found is None:
        raise RequestInvalid("Last-Event-ID is not an id of this stream", {"Last-Event-ID": "is not an event's id"})
    return int(found[1]), found[2] is not None


def end_of(snapshot: RunSnapshot) -> Place:
    """Where somebody stands who knows all of an execution that has ended."""
    return max((record.number for record in snapshot.records), default=0), True


async def _events(watch: Watch, facts: RunFacts, place: Place, pause: float) -> Events:
    look = 0
    while True:
        seen = await watch.after(look)
        look = seen.number
        for event in told(facts, seen.snapshot, place):
            yield event
        place = max(place[0], *(record.number for record in seen.snapshot.records), 0), False
        if seen.ended:
            return
        await asyncio.sleep(pause)


def told(facts: RunFacts, snapshot: RunSnapshot, place: Place) -> Iterator[ServerEvent]:
    """What somebody who stands at this place has not been told."""
    head: Json = {"workflow_id": facts.definition_name, "workflow_exec_id": exec_ids.of_run(facts)}
    if place[0] < 0:
        yield ServerEvent("0", "workflow_start", head | {"status": "RUNNING", "ts": facts.created_at})
    for record, status in projection.statuses(snapshot.records):
        if record.number > place[0]:
            data = head | {"status": status, "ts": record.ended_at or record.started_at}
            yield ServerEvent(str(record.number), "workflow_status", data | projection.happened(record))
    if projection.has_ended(snapshot):
        end = end_of(snapshot)
        if place != end:
            name, data = projection.ending(snapshot)
            yield ServerEvent(f"{end[0]}.end", name, head | data)
