"""Messages to a run, read: what came over the wire as an `Event`, or an error that says why it is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from definitions import contract
from definitions.contract import Event, StoreChange

#: Levels of a payload. What is nested much deeper could be read, but not be carried on or shown.
DEPTH_LIMIT = 64


def delivery(message: Any) -> Event:
    """An event that `worker.client` sent. Raises ApplicationError: a malformed one is its sender's fault."""
    if not isinstance(message, dict) or not all(isinstance(message.get(k), str) and message[k] for k in ("id", "name")):
        raise ApplicationError("not a delivery: an object with `id` and `name` is expected", type="message-invalid")
    event: Event = value_to_type(Event, {k: v for k, v in message.items() if k in Event.__dataclass_fields__})
    return event


def store_change(message: Any) -> StoreChange:
    """A change of the run's store that `worker.client` sent. Raises ApplicationError for what is none."""
    try:
        change: StoreChange = value_to_type(StoreChange, message)
        if not (isinstance(change.key, str) and isinstance(change.id, str)):
            raise TypeError("not text")
        check_json(change.value)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ApplicationError(f"not a change of the store: {error}", type="message-invalid") from None
    return change


def signalled(name: str, args: Sequence[RawValue]) -> Event:
    """The event that a raw signal stands for: one of ours by its name, else an event of that name.

    Raises anything for what cannot be decoded, and ValueError for what is no JSON.
    """
    values = [workflow.payload_converter().from_payload(arg.payload) for arg in args]
    for value in values:
        check_json(value)
    if name == contract.DELIVER:
        return delivery(values[0] if values else None)
    if name.startswith(contract.MESSAGE_PREFIX):
        raise ValueError("the prefix is reserved and this message is not known")
    payload = values[0] if values else None
    return Event(
        id=f"signal:{workflow.uuid4()}",
        name=name,
        payload=payload,
        # `--input null` is what a caller writes who has nothing to say.
        has_payload=payload is not None,
        source="signal",
    )


def check_json(value: Any, levels: int = DEPTH_LIMIT) -> None:
    """Raise ValueError for a value that JSON has no words for: whoever reads the run's state would stumble over it."""
    if isinstance(value, (dict, list)):
        if levels == 0:
            raise ValueError(f"nested more than {DEPTH_LIMIT} levels deep")
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            check_json(item, levels - 1)
    elif isinstance(value, str):
        if not value.isascii() and any("\ud800" <= one <= "\udfff" for one in value):
            raise ValueError("text with half of a surrogate pair")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number that is not finite")
    elif value is not None and not isinstance(value, int):
        raise ValueError("not JSON")
