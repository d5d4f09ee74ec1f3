"""What a finished flow has cost on Temporal: events of its history, and actions as Temporal Cloud bills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

#: Event -> actions. A retried attempt of an activity is one more; it shows as the attempt in the started event.
ACTIONS: Mapping[EventType.ValueType, int] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: 1,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: 1,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
    EventType.EVENT_TYPE_MARKER_RECORDED: 1,
    EventType.EVENT_TYPE_TIMER_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: 1,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
}


@dataclass(frozen=True)
class Cost:
    """`events` in the history, `actions` billed; `names` are the events' types, oldest first."""

    events: int
    actions: int
    names: tuple[str, ...]


def actions(event: HistoryEvent) -> int:
    retries = event.activity_task_started_event_attributes.attempt - 1
    return ACTIONS.get(event.event_type, 0) + max(retries, 0)


async def cost(handle: WorkflowHandle[object, object]) -> Cost:
    """Count the history of a flow."""
    events = [event async for event in handle.fetch_history_events()]
    names = tuple(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events)
    return Cost(len(events), sum(actions(event) for event in events), names)
