"""Topics as publishers and dialects reach them. Every call is bounded and raises `definitions.errors`."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy

from definitions.contract import MEMO, SUBSCRIBE, TOPIC_WORKFLOW, UNHEARD, UNSUBSCRIBE, UnheardEvent
from definitions.errors import InputInvalid, NotFound
from definitions.ids import digest, prefix, topic_workflow_id
from definitions.model import NAME_LIMIT
from worker.attributes import short
from worker.entity_updates import TASK_TIMEOUT, EntityUpdates
from worker.messages import check_json
from worker.rpc import RPC_SECONDS, bounded
from worker.shared_reads import SharedReads
from worker.topic_state import Subscription, TopicState, UnheardEvents, listeners_of
from worker.visibility import collect, newest, quoted

#: Topics that a list of unheard events looks at.
LISTED_TOPICS = 10_000


def check_name(name: str) -> None:
    """Raises InputInvalid for what is no event's name."""
    try:
        check_json(name)
    except ValueError as error:
        raise InputInvalid(f"an event's name: {error}", "$.name") from None
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT:
        raise InputInvalid(f"an event's name is a text of 1 to {NAME_LIMIT} characters", "$.name")


class Topics:
    """Topics of any organisation. Safe to use from many requests and activities at once."""

    def __init__(self, client: Client, entity_task_queue: str, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._queue = entity_task_queue
        self._seconds = seconds
        self._updates = EntityUpdates(client, seconds)
        self._reads = SharedReads[dict[str, int]]()
        self._signals = SharedReads[None]()
        self._unheard: dict[str, list[str]] = {}

    async def listeners(self, dialect: str, organisation: str, name: str) -> dict[str, int]:
        """Definition id -> number of its subscription, of those that may listen. Needs no worker."""
        workflow_id = topic_workflow_id(dialect, organisation, name)
        return await bounded(self._reads.read(workflow_id, partial(self._read, workflow_id)), seconds=self._seconds)

    async def _read(self, workflow_id: str) -> dict[str, int]:
        call = self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=timedelta(seconds=self._seconds))
        try:
            found = await bounded(call, seconds=self._seconds)
        except NotFound:
            return {}
        is_there = found.status is WorkflowExecutionStatus.RUNNING
        return listeners_of((await found.memo()).get(MEMO, {})) if is_there else {}

    async def subscribe(self, dialect: str, organisation: str, name: str, definition_id: str) -> int:
        """Make a definition one that may listen; the number of the subscription. Needs a worker.

        Raises InputInvalid (name), TooLarge (too many listen to it), Overloaded, Unavailable.
        """
        check_name(name)
        subscription = Subscription(definition_id)
        number: int = await self._update(dialect, organisation, name, SUBSCRIBE, subscription, int)
        return number

    async def remove(self, dialect: str, organisation: str, name: str, definition_id: str, number: int) -> bool:
        """Remove a definition's subscription, unless it has another number by now; whether it was there."""
        subscription = Subscription(definition_id, number)
        removed: bool = await self._update(dialect, organisation, name, UNSUBSCRIBE, subscription, bool)
        return removed

    async def _update(
        self, dialect: str, organisation: str, name: str, update: str, subscription: Subscription, result: type[Any]
    ) -> Any:
        start = self._start(dialect, organisation, name)

        def operation() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(TOPIC_WORKFLOW, **start)

        return await self._updates.execute(
            update, subscription, operation, entity=start["id"], update_id=uuid.uuid4().hex, result_type=result
        )

    def _start(self, dialect: str, organisation: str, name: str) -> dict[str, Any]:
        state = TopicState(name)
        return {
            "args": [state],
            "id": topic_workflow_id(dialect, organisation, name),
            "task_queue": self._queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "memo": {MEMO: state.shown()},
            "static_summary": short(name),
            "task_timeout": TASK_TIMEOUT,
        }

    async def unheard(self, dialect: str, organisation: str, name: str, event_id: str, at: str) -> None:
        """Count an event that nobody heard: durable when it returns; needs no worker. Raises Overloaded, Unavailable.

        One signal is under way for a name; what comes meanwhile goes with the next one: a name that is mistyped by a
        busy sender is no hot spot.
        """
        start = self._start(dialect, organisation, name)
        self._unheard.setdefault(start["id"], []).append(digest(event_id).hex()[:16])
        await bounded(self._signals.read(start["id"], partial(self._signal, start, at)), seconds=2 * self._seconds)

    async def _signal(self, start: dict[str, Any], at: str) -> None:
        call = self._client.start_workflow(
            TOPIC_WORKFLOW,
            **start,
            start_signal=UNHEARD,
            start_signal_args=[UnheardEvents(self._unheard.pop(start["id"], []), at)],
            rpc_timeout=timedelta(seconds=self._seconds),
        )
        await bounded(call, seconds=self._seconds)

    async def list_unheard(self, dialect: str, organisation: str) -> list[UnheardEvent]:
        """Names that nobody listened to when an event came, newest event first; through visibility."""
        query = (
            f"WorkflowId STARTS_WITH {quoted(prefix(dialect, organisation) + 'topic/')}"
            f" AND WorkflowType = {quoted(TOPIC_WORKFLOW)} AND ExecutionStatus = 'Running'"
        )
        found = newest(await collect(self._client, query, limit=LISTED_TOPICS, seconds=self._seconds)).values()
        rows = [_unheard((await one.memo()).get(MEMO, {})) for one in found]
        return sorted((row for row in rows if row.count), key=lambda row: (row.last, row.event), reverse=True)


def _unheard(shown: dict[str, Any]) -> UnheardEvent:
    count, first, last = shown.get("unheard", (0, "", ""))
    return UnheardEvent(shown.get("event", ""), count, first, last, len(listeners_of(shown)))
