"""Messages to a run, read: what came over the wire as an `Event`, or an error that says why it is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from definitions import contract
from definitions.contract import Event


def delivery(message: Any) -> Event:
    """An event that `worker.client` sent. Raises ApplicationError: a malformed one is its sender's fault."""
    if not isinstance(message, dict) or not all(isinstance(message.get(k), str) and message[k] for k in ("id", "name")):
        raise ApplicationError("not a delivery: an object with `id` and `name` is expected", type="message-invalid")
    event: Event = value_to_type(Event, {k: v for k, v in message.items() if k in Event.__dataclass_fields__})
    return event


def signalled(name: str, args: Sequence[RawValue]) -> Event:
    """The event that a raw signal stands for: one of ours by its name, else an event of that name.

    Raises anything for what cannot be decoded.
    """
    values = [workflow.payload_converter().from_payload(arg.payload) for arg in args]
    if name == contract.DELIVER:
        return delivery(values[0] if values else None)
    if name.startswith(contract.MESSAGE_PREFIX):
        raise ValueError("the prefix is reserved and this message is not known")
    return Event(
        id=f"signal:{workflow.uuid4()}",
        name=name,
        payload=values[0] if values else None,
        has_payload=bool(values),
        source="signal",
    )
