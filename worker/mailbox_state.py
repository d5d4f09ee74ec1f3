"""What a mailbox holds, and how continue-as-new carries it: bounded, and packed when it is large. Pure."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from definitions.contract import PostOutcome, timestamp

#: Events kept for later, in bytes: each counts its payload as JSON and `EVENT_OVERHEAD`.
KEPT_BYTES = 1_000_000
EVENT_OVERHEAD = 200
#: One event's payload.
EVENT_BYTES = 512_000
#: Idempotency keys remembered at a time.
KEYS_LIMIT = 10_000
#: Waits registered at a time. More would not fit into what continue-as-new may carry, beside all the rest.
WAITERS_LIMIT = 10_000
#: Ids of events without a key that are recognised when they come again: the last so many.
RECENT_LIMIT = 1_000
NEVER = float("inf")
#: Refusals that are carried: what is left out is offered, and refused, once more.
REFUSALS_CARRIED = 10_000


@dataclass
class Waiting:
    """A registered wait. `offered` is the number of the event that is being handed to it; `again` tells that the run
    has registered it once more since, and `goes_on` that it did so for a later round: it waits on whatever it took."""

    number: int
    workflow_id: str
    wait_id: str
    deadline: float | None = None
    offered: int | None = None
    again: bool = False
    round: int = 0
    goes_on: bool = False


@dataclass
class Receipt:
    """What became of an event, kept up to date: `offered` while that is being found out."""

    id: str
    until: float
    state: Literal["offered", "matched", "buffered"] = "offered"
    runs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Posted:
    """What a sender is told of."""

    receipt: Receipt
    duplicate: bool

    def outcome(self, asked: bool) -> PostOutcome:
        """The answer to a sender who has, or has not, asked for what became of the event."""
        receipt, state = self.receipt, self.receipt.state
        if not asked or state == "offered":
            return PostOutcome(receipt.id, "accepted", duplicate=self.duplicate)
        until = timestamp(datetime.fromtimestamp(receipt.until, timezone.utc)) if state == "buffered" else None
        return PostOutcome(receipt.id, state, list(receipt.runs), until, self.duplicate)


@dataclass
class Kept:
    """An event that is not consumed yet. `identity` tells it from all others. `for_all`: for each waiter of a smaller
    number, none of which is asked twice. `refused` are the waiters that it does not fit, `flying` counts those that
    decide about it now."""

    number: int
    identity: str
    receipt: Receipt
    payload: Any
    has_payload: bool
    size: int
    for_all: bool = False
    refused: set[int] = field(default_factory=set)
    flying: int = 0


@dataclass
class Remembered:
    """An idempotency key that was used: the hash of the event's payload, the event's id, until when it counts."""

    payload: str
    event_id: str
    until: float


@dataclass
class MailboxState:
    """Times are in seconds since 1970. Dicts are in order of arrival; `number` is the last one given out."""

    number: int = 0
    waiters: dict[int, Waiting] = field(default_factory=dict)
    events: dict[int, Kept] = field(default_factory=dict)
    keys: dict[str, Remembered] = field(default_factory=dict)
    recent: dict[str, Receipt] = field(default_factory=dict)
    #: Registrations beyond the limit, which could not be kept.
    turned_away: int = 0

    def dump(self) -> bytes:
        carried = sum(len(event.refused) for event in self.events.values()) <= REFUSALS_CARRIED
        rows = {
            "number": self.number,
            "waiters": [list(vars(one).values()) for one in self.waiters.values()],
            "events": [_event_row(event, carried) for event in self.events.values()],
            "keys": [[key, *vars(one).values()] for key, one in self.keys.items()],
            "recent": [[one.id, one.until, one.state] for one in self.recent.values()],
            "turned_away": self.turned_away,
        }
        return zlib.compress(
            json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        )

    @staticmethod
    def load(packed: bytes) -> MailboxState:
        rows = json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))
        recent = [Receipt(*row) for row in rows["recent"]]
        events = [_event(row) for row in rows["events"]]
        return MailboxState(
            number=rows["number"],
            waiters={row[0]: Waiting(*row) for row in rows["waiters"]},
            events={event.number: event for event in events},
            keys={row[0]: Remembered(*row[1:]) for row in rows["keys"]},
            recent={one.id: one for one in [*recent, *(event.receipt for event in events)]},
            turned_away=rows["turned_away"],
        )


def _event_row(event: Kept, with_refusals: bool) -> dict[str, Any]:
    return {**vars(event), "receipt": vars(event.receipt), "refused": sorted(event.refused) if with_refusals else []}


def _event(row: dict[str, Any]) -> Kept:
    return Kept(**{**row, "receipt": Receipt(**row["receipt"]), "refused": set(row["refused"])})
