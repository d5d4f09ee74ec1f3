"""What a mailbox remembers of events that have come: idempotency keys for their window, and the last ids. Pure."""

from __future__ import annotations

from definitions.contract import PostEvent
from definitions.errors import Conflict, Overloaded
from definitions.ids import content_hash, digest
from worker.mailbox_state import KEYS_LIMIT, NEVER, RECENT_LIMIT, MailboxState, Receipt, Remembered

#: The longest pause that a sender is asked for, in seconds.
LONGEST_PAUSE = 3_600


class EventMemory:
    """Over the `keys` and `recent` of a state. A key counts until its window ends: none is forgotten early."""

    def __init__(self, state: MailboxState) -> None:
        self._state = state

    def known(self, event: PostEvent, now: float) -> Receipt | None:
        """The receipt of the same event, if it has come before. Raises Conflict for its key with another payload."""
        if event.idempotency_key is None:
            return self._state.recent.get(event.id)
        known = self._state.keys.get(_key(event.idempotency_key))
        if known is None or known.until <= now:
            return None
        if known.payload != _payload_hash(event):
            raise Conflict("the idempotency key was used with another payload")
        return self._state.recent.get(known.event_id) or Receipt(known.event_id, known.until)

    def check_room(self, event: PostEvent, now: float) -> None:
        """Raise Overloaded if there is no room for the key of one more event; one that has ended makes room."""
        if event.idempotency_key is None or len(self._state.keys) < KEYS_LIMIT:
            return
        if self.soonest() > now:
            pause = max(1, min(LONGEST_PAUSE, round(self.soonest() - now)))
            raise Overloaded(f"{KEYS_LIMIT} idempotency keys are remembered; no more fit", pause)

    def remember(self, event: PostEvent, receipt: Receipt, now: float) -> None:
        self._state.recent[event.id] = receipt
        while len(self._state.recent) > RECENT_LIMIT:
            del self._state.recent[next(iter(self._state.recent))]
        if event.idempotency_key is not None:
            known = Remembered(_payload_hash(event), event.id, now + event.window)
            self._state.keys[_key(event.idempotency_key)] = known

    def expire(self, now: float) -> None:
        self._state.keys = {key: one for key, one in self._state.keys.items() if one.until > now}

    def soonest(self) -> float:
        return min((one.until for one in self._state.keys.values()), default=NEVER)


def _key(idempotency_key: str) -> str:
    return digest(idempotency_key).hex()[:20]


def _payload_hash(event: PostEvent) -> str:
    return content_hash([event.has_payload, event.payload])[:16]
