"""What a mailbox accepts: events and waits whose every part it can keep, compare, carry on and hand over. Pure.

Whatever cannot is refused here, before anything depends on it: an error later would stop the mailbox for good.
"""

from __future__ import annotations

import json
from datetime import datetime

from definitions.contract import PostEvent, Waiter
from definitions.errors import InputInvalid, TooLarge
from worker.mailbox_state import EVENT_BYTES, EVENT_OVERHEAD
from worker.messages import check_json

#: Characters of an event's id, of an idempotency key, and of the names of a wait and its run.
ID_LIMIT = 1_000
#: Seconds that an event or a key may be kept at most: ten years.
LONGEST = 10 * 366 * 86_400.0


def size_of(event: PostEvent) -> int:
    """In bytes, as Temporal carries it: a letter beyond ASCII takes six or more."""
    return EVENT_OVERHEAD + (len(json.dumps(event.payload)) if event.has_payload else 0)


def check_event(event: PostEvent) -> None:
    """Raises TooLarge, or InputInvalid for an event with a part that no sender of ours would give it."""
    try:
        check_json([event.id, event.idempotency_key])
        check_json(event.payload)
    except ValueError as error:
        raise InputInvalid(f"an event is JSON: {error}") from None
    if not 1 <= len(event.id) <= ID_LIMIT:
        raise InputInvalid(f"an event's id has 1 to {ID_LIMIT} characters", "$.id")
    if len(event.idempotency_key or "") > ID_LIMIT:
        raise InputInvalid(f"an idempotency key has at most {ID_LIMIT} characters", "$.idempotency_key")
    # Neither is true of what is no number.
    if not (0 <= event.retention <= LONGEST and 0 <= event.window <= LONGEST):
        raise InputInvalid(f"an event and its key are kept for 0 to {LONGEST:.0f} seconds")
    if size_of(event) > EVENT_BYTES + EVENT_OVERHEAD:
        raise TooLarge(f"an event may carry {EVENT_BYTES} bytes")


def check_waiter(waiter: Waiter) -> float | None:
    """The deadline of a wait in seconds since 1970, if it has one. Raises ValueError for what is no wait."""
    names = waiter.workflow_id, waiter.wait_id
    check_json([*names])
    if not all(1 <= len(name) <= ID_LIMIT for name in names):
        raise ValueError(f"a wait and its run are named by 1 to {ID_LIMIT} characters")
    if waiter.deadline is None:
        return None
    deadline = datetime.fromisoformat(waiter.deadline.replace("Z", "+00:00"))
    if deadline.tzinfo is None:
        raise ValueError("a deadline has a time zone")
    return deadline.timestamp()
