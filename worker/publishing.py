"""Publishing events: find who listens, make that durable as one fan-out, answer. What a client does of it; the runs are
started by the fan-out's own worker."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions.contract import FAN_OUT_WORKFLOW, MEMO, Published, PublishEvent, timestamp
from definitions.errors import Conflict, InputInvalid, NotFound, TooLarge
from definitions.ids import content_hash, event_workflow_id
from worker.attributes import short
from worker.entity_updates import TASK_TIMEOUT
from worker.fan_out_messages import FanOut
from worker.listeners import Listeners
from worker.mailbox_state import EVENT_BYTES
from worker.messages import check_json
from worker.records import read_argument
from worker.rpc import RPC_SECONDS, bounded
from worker.topic_client import Topics, check_name

#: Characters of an event's id.
ID_LIMIT = 256


class Publisher:
    """Publishes events of any organisation. Safe to use from many requests and activities at once."""

    def __init__(
        self, client: Client, entity_task_queue: str, topics: Topics, listeners: Listeners, seconds: float = RPC_SECONDS
    ) -> None:
        self._client = client
        self._queue = entity_task_queue
        self._topics = topics
        self._listeners = listeners
        self._seconds = seconds

    async def publish(self, event: PublishEvent) -> Published:
        """Start a run of every workflow that listens; returns when that is durable. Needs no worker.

        Raises Conflict (the same id with another payload), InputInvalid, TooLarge, Overloaded, Unavailable.
        """
        check_event(event)
        given = bool(event.event_id)
        event = _completed(event)
        candidates = await self._topics.listeners(event.dialect, event.organisation, event.name)
        started, refused = await self._listeners.of(event, candidates)
        if started:
            return await self._start(FanOut(event, _content(event), started, refused))
        known = await self._known(event) if given else None
        if known is not None:
            return known
        if not refused:
            await self._topics.unheard(event.dialect, event.organisation, event.name, event.event_id, event.received_at)
        return Published(event.event_id, refused=refused)

    async def _start(self, fan_out: FanOut) -> Published:
        event = fan_out.event
        call = self._client.start_workflow(
            FAN_OUT_WORKFLOW,
            fan_out,
            id=_workflow_id(event),
            task_queue=self._queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={MEMO: {"event": event.name, "event_id": event.event_id, "listeners": len(fan_out.listeners)}},
            static_summary=short(event.name),
            task_timeout=TASK_TIMEOUT,
            rpc_timeout=timedelta(seconds=self._seconds),
        )
        try:
            await bounded(call, seconds=self._seconds)
        except WorkflowAlreadyStartedError:
            known = await self._known(event)
            if known is None:  # Temporal has just removed it
                raise Conflict("the event's id has been used before") from None
            return known
        return Published(event.event_id, fan_out.listeners, fan_out.refused)

    async def _known(self, event: PublishEvent) -> Published | None:
        """What an earlier event of the same name and id has been answered; None if there is none."""
        try:
            first = await read_argument(self._client, _workflow_id(event), FanOut, seconds=self._seconds)
        except NotFound:
            return None
        if first.content != _content(event) and not event.repeats:
            raise Conflict("the event's id was used with another payload")
        return Published(event.event_id, first.listeners, first.refused, duplicate=True)


def check_event(event: PublishEvent) -> None:
    """Raises InputInvalid, TooLarge."""
    check_name(event.name)
    try:
        check_json(event.event_id)
        check_json(event.payload)
    except ValueError as error:
        raise InputInvalid(f"an event is JSON: {error}") from None
    if not isinstance(event.event_id, str) or len(event.event_id) > ID_LIMIT:
        raise InputInvalid(f"an event's id is a text of at most {ID_LIMIT} characters", "$.event_id")
    if event.has_payload and len(json.dumps(event.payload)) > EVENT_BYTES:
        raise TooLarge(f"an event may carry {EVENT_BYTES} bytes")


def _completed(event: PublishEvent) -> PublishEvent:
    return replace(
        event,
        event_id=event.event_id or uuid.uuid4().hex,
        received_at=event.received_at or timestamp(datetime.now(timezone.utc)),
        payload=event.payload if event.has_payload else None,
    )


def _content(event: PublishEvent) -> str:
    return content_hash([event.has_payload, event.payload])


def _workflow_id(event: PublishEvent) -> str:
    return event_workflow_id(event.dialect, event.organisation, event.name, event.event_id)
