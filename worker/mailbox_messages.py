"""What mailboxes and their worker tell each other; in recorded histories, so new fields need a default."""

# Annotations are not postponed here: Temporal's converter evaluates them whenever it reads one of these.
from dataclasses import dataclass, field
from typing import Any

#: In place of a verdict of `worker.pairing`: no answer was heard.
UNANSWERED = "unanswered"


@dataclass
class Mailbox:
    """The first argument of `TidegateMailbox`; the second is a dumped `MailboxState`, or None. The key is not in it:
    nobody needs it here."""

    name: str
    generation: int = 0


@dataclass
class Handed:
    """One event for one wait; `id` is the delivery's, the same whenever this event is handed to this wait."""

    event: int
    workflow_id: str
    wait_id: str
    id: str


@dataclass
class HandOver:
    """Argument of HAND_OVER. `payloads` maps event number -> [its payload], or [] if it has none.

    `again`: these have been handed over before, and no answer was heard.
    """

    name: str
    again: bool = False
    payloads: dict[str, list[Any]] = field(default_factory=dict)
    to: list[Handed] = field(default_factory=list)
