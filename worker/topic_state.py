"""What a topic knows: which definitions may listen to an event's name, and how often nobody did. Pure.

Each subscription has a number that grows with every subscription to the topic, so that who wants one removed names the
one that was seen: a newer one, of the same definition, stays.
"""

# Annotations are not postponed here: Temporal's converter evaluates them whenever it reads one of these.
import base64
import itertools
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from definitions.errors import TooLarge

#: Definitions that may listen to one event.
LISTENERS_LIMIT = 2_000
#: Bytes of listeners, as JSON, above which a memo has them packed. Some databases of Temporal take 64 kB as a memo.
PACK_BYTES = 16_000
#: And bytes that they have then at most.
MEMO_BYTES = 60_000
#: Events that nobody heard, by whose ids a repetition is known.
REMEMBERED_UNHEARD = 500


@dataclass
class Subscription:
    """The argument of SUBSCRIBE; of UNSUBSCRIBE with the number of the subscription that is to be removed."""

    definition_id: str
    number: int = 0


@dataclass
class UnheardEvents:
    """The argument of the signal UNHEARD: the hashed ids of events, and the timestamp of the last."""

    ids: list[str]
    at: str


@dataclass
class TopicState:
    """The argument of `TidegateTopic`. `listeners` maps definition id -> number of its subscription."""

    name: str
    listeners: dict[str, int] = field(default_factory=dict)
    number: int = 0
    unheard: int = 0
    first: str = ""
    last: str = ""
    recent: list[str] = field(default_factory=list)
    changed_at: str = ""

    def check(self, subscription: Subscription) -> None:
        """Raises TooLarge for a definition too many."""
        if subscription.definition_id in self.listeners:
            return
        if len(self.listeners) >= LISTENERS_LIMIT:
            raise TooLarge(f"{LISTENERS_LIMIT} workflows listen to this event, and no more can")
        packed = _packed({**self.listeners, subscription.definition_id: self.number + 1})
        if isinstance(packed, str) and len(packed) > MEMO_BYTES:
            raise TooLarge(f"the entries of this topic take {MEMO_BYTES} bytes, and no more can")

    def subscribe(self, subscription: Subscription) -> int:
        """The number of the new subscription, in place of an earlier one of the same definition."""
        self.number += 1
        self.listeners.pop(subscription.definition_id, None)
        self.listeners[subscription.definition_id] = self.number
        return self.number

    def unsubscribe(self, subscription: Subscription) -> bool:
        """Remove the very subscription of this number; whether it was there."""
        if self.listeners.get(subscription.definition_id) != subscription.number:
            return False
        del self.listeners[subscription.definition_id]
        return True

    def note(self, events: UnheardEvents) -> bool:
        """Count the events that have not been counted before; whether there was one."""
        new = [one for one in dict.fromkeys(events.ids) if one not in self.recent]
        if not new:
            return False
        self.unheard += len(new)
        self.first, self.last = self.first or events.at, max(self.last, events.at)
        self.recent = [*self.recent, *new][-REMEMBERED_UNHEARD:]
        return True

    def shown(self) -> dict[str, Any]:
        """The memo: what a read sees."""
        shown: dict[str, Any] = {"event": self.name, "listeners": _packed(self.listeners)}
        return {**shown, "unheard": [self.unheard, self.first, self.last]}


def listeners_of(shown: dict[str, Any]) -> dict[str, int]:
    """Definition id -> number of its subscription, of a topic's memo; in the order of the numbers."""
    kept = shown.get("listeners", {})
    return _unpacked(kept) if isinstance(kept, str) else _ordered(kept)


def _ordered(listeners: dict[str, int]) -> dict[str, int]:
    """JSON does not keep the order, as Temporal carries it."""
    return dict(sorted(listeners.items(), key=lambda one: one[1]))


def _packed(listeners: dict[str, int]) -> dict[str, int] | str:
    """As it is, or, if it is large, ids and numbers apart from each other: so they take a quarter less, packed."""
    listeners = _ordered(listeners)
    if len(json.dumps(listeners)) <= PACK_BYTES:
        return listeners
    steps = [after - before for before, after in itertools.pairwise([0, *listeners.values()])]
    text = json.dumps([list(listeners), steps], separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), 9)).decode()


def _unpacked(packed: str) -> dict[str, int]:
    ids, steps = json.loads(zlib.decompress(base64.b85decode(packed)))
    return dict(zip(ids, itertools.accumulate(steps), strict=True))
