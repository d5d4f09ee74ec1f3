"""The pairing of events and waits in one mailbox. Pure: no Temporal, no clock, no I/O; `now` is given, in seconds.

* The oldest event goes to the oldest wait. An offer is not a delivery: the run alone decides, and its answer is applied
  with `answered`. Until it is known, the event is offered to nobody else and the wait gets no other event.
* `taken` uses up event and wait, `used` the event only; `gone` drops the wait; `unfit` leaves both, but not as a pair.
* An event that nobody takes is kept until its retention ends. An event for all goes to every wait registered when it
  came; if none takes it, it is kept for the first that does.
* An idempotency key is remembered for its window, whatever becomes of the event. What does not fit is refused.
"""

from __future__ import annotations

import bisect
from typing import Literal, NamedTuple

from definitions.contract import PostEvent
from definitions.errors import Overloaded
from definitions.ids import digest
from worker.acceptance import check_event, size_of
from worker.event_memory import EventMemory
from worker.free_waiters import FreeWaiters
from worker.mailbox_state import (
    KEPT_BYTES,
    NEVER,
    WAITERS_LIMIT,
    Kept,
    MailboxState,
    Posted,
    Receipt,
    Waiting,
)

Verdict = Literal["taken", "used", "gone", "unfit"]
#: A wait is dropped this long after its deadline, in seconds: until then the run itself says that it has passed.
GRACE = 10.0


class Offer(NamedTuple):
    """Numbers of an event and of the wait that is asked to take it."""

    event: int
    waiter: int


class Pairing:
    """The pairing over a `MailboxState`. Offers that were open when it was carried over are in `open_offers`."""

    def __init__(self, state: MailboxState | None = None) -> None:
        self.state = state or MailboxState()
        waiters, events = self.state.waiters, self.state.events
        self._memory = EventMemory(self.state)
        self._numbers = {(one.workflow_id, one.wait_id): one.number for one in waiters.values()}
        self._free = FreeWaiters(one.number for one in waiters.values() if one.offered is None)
        self._ready = sorted(one.number for one in events.values() if _may_go(one))
        self._bytes = sum(one.size for one in events.values())
        #: Nothing ends before this moment: when to call `expire`.
        self.soonest = self._soonest()

    def open_offers(self) -> list[Offer]:
        return [Offer(one.offered, one.number) for one in self.state.waiters.values() if one.offered is not None]

    @property
    def empty(self) -> bool:
        return not (self.state.waiters or self.state.events or self.state.keys)

    # --- waits ---

    def register(self, workflow_id: str, wait_id: str, deadline: float | None, round: int = 0) -> None:
        """A run waits. A repetition changes nothing, unless the run is being asked: it may not have known the wait; or,
        in a later round, what it took was not what it waits for."""
        known = self._numbers.get((workflow_id, wait_id))
        if known is not None:
            waiter = self.state.waiters[known]
            waiter.again = waiter.offered is not None
            if round > waiter.round:
                waiter.round, waiter.goes_on = round, waiter.again
        elif len(self.state.waiters) >= WAITERS_LIMIT:
            self.state.turned_away += 1
        else:
            number = self._next()
            self.state.waiters[number] = Waiting(number, workflow_id, wait_id, deadline, round=round)
            self._numbers[workflow_id, wait_id] = number
            self._free.add(number)
            self.soonest = min(self.soonest, NEVER if deadline is None else deadline + GRACE)

    def withdraw(self, workflow_id: str, wait_id: str) -> None:
        """A run waits no more. While it is being asked, its answer counts instead, and is the last."""
        number = self._numbers.get((workflow_id, wait_id))
        if number is not None and self.state.waiters[number].offered is None:
            self._drop(number)
        elif number is not None:
            self.state.waiters[number].again = self.state.waiters[number].goes_on = False

    def _drop(self, number: int) -> None:
        waiter = self.state.waiters.pop(number)
        del self._numbers[waiter.workflow_id, waiter.wait_id]
        if waiter.offered is None:
            self._free.remove(number)

    # --- events ---

    def check(self, event: PostEvent, now: float) -> None:
        """Raise what `post` would raise, changing nothing: InputInvalid, TooLarge, Conflict, Overloaded if full."""
        check_event(event)
        if self._memory.known(event, now) is not None:
            return
        self._memory.check_room(event, now)
        held = self._bytes
        if self.soonest <= now:
            held = sum(one.size for one in self.state.events.values() if one.flying or one.receipt.until > now)
        if held + size_of(event) > KEPT_BYTES:
            raise Overloaded(f"{len(self.state.events)} events wait to be used; no more are kept until some are")

    def post(self, event: PostEvent, now: float) -> Posted:
        """Take an event. Raises as `check` does."""
        if self.soonest <= now:
            self.expire(now)
        self.check(event, now)
        if (known := self._memory.known(event, now)) is not None:
            return Posted(known, duplicate=True)
        receipt = Receipt(event.id, now + event.retention)
        self._memory.remember(event, receipt, now)
        # A key may be used anew once its window has ended: that is another event, which ends at another moment.
        name = event.idempotency_key or event.id
        identity = digest(name, event.idempotency_key is None, receipt.until).hex()[:32]
        kept = Kept(self._next(), identity, receipt, event.payload, event.has_payload, size_of(event))
        kept.for_all = event.deliver == "all"
        self.state.events[kept.number] = kept
        self._ready.append(kept.number)
        self._bytes += kept.size
        self.soonest = min(self.soonest, receipt.until, NEVER if event.idempotency_key is None else now + event.window)
        return Posted(receipt, duplicate=False)

    # --- pairs ---

    def offers(self, room: int, now: float) -> list[Offer]:
        """At most `room` new pairs to be asked about. An event left over is `buffered`, unless the room ended first."""
        made: list[Offer] = []
        for number in list(self._ready):
            event = self.state.events[number]
            if event.receipt.until <= now and not event.flying:
                self._forget(event)
            elif not self._is_done(event):
                for waiter in self._candidates(event, now, room - len(made) + 1):
                    if len(made) >= room:
                        return made
                    made.append(self._offer(event, waiter))
                if not event.for_all and not event.flying:
                    event.receipt.state = "buffered"
        self._free.looked_through()
        return made

    def _is_done(self, event: Kept) -> bool:
        """Whether an event for all has been answered by all; if none took it, it is from now on for the first."""
        if event.for_all and not event.flying and not self._is_for_more(event):
            if event.receipt.runs:
                self._consume(event)
                return True
            event.for_all = False
            self._free.forget(event.number)
        return False

    def _is_for_more(self, event: Kept) -> bool:
        """Whether a waiter that was there before the event, which is for all, is still to be asked."""
        for number in self.state.waiters:
            if number > event.number:
                return False
            if number not in event.refused:
                return True
        return False

    def _candidates(self, event: Kept, now: float, most: int) -> list[int]:
        """Free waiters to offer it to: the oldest that it fits, or those that it is for, up to `most`."""
        found: list[int] = []
        for number in self._free.to_compare(event.number, older_only=event.for_all):
            if self._is_over(number, now):
                self._drop(number)
            elif number not in event.refused:
                found.append(number)
                if len(found) == (most if event.for_all else 1):
                    return found
        if not found:
            self._free.fit_none(event.number)
        return found

    def _offer(self, event: Kept, waiter: int) -> Offer:
        self.state.waiters[waiter].offered = event.number
        self._free.remove(waiter)
        self._free.forget(event.number)
        event.flying += 1
        event.receipt.state = "offered"
        if not _may_go(event):
            self._ready.remove(event.number)
        return Offer(event.number, waiter)

    def answered(self, offer: Offer, verdict: Verdict) -> None:
        """Apply a run's answer to an open offer."""
        event, waiter = self.state.events[offer.event], self.state.waiters[offer.waiter]
        event.flying -= 1
        if (verdict == "taken" and not waiter.goes_on) or (verdict == "gone" and not waiter.again):
            self._drop(offer.waiter)
        else:
            waiter.offered, waiter.again, waiter.goes_on = None, False, False
            self._free.add(offer.waiter)
        if verdict in ("taken", "used"):
            event.receipt.runs.append(waiter.workflow_id.rpartition("/")[2])
        if verdict == "unfit" or (verdict in ("taken", "used") and event.for_all):
            event.refused.add(offer.waiter)
        if not event.for_all and event.receipt.runs:
            self._consume(event)
        elif not event.flying and event.number not in self._ready:
            bisect.insort(self._ready, event.number)

    def _consume(self, event: Kept) -> None:
        event.receipt.state = "matched"
        self._forget(event)

    def _forget(self, event: Kept) -> None:
        del self.state.events[event.number]
        self._bytes -= event.size
        self._free.forget(event.number)
        if event.number in self._ready:
            self._ready.remove(event.number)

    # --- time ---

    def expire(self, now: float) -> None:
        """Drop what has ended; `soonest` is exact afterwards."""
        for event in [one for one in self.state.events.values() if one.receipt.until <= now and not one.flying]:
            self._forget(event)
        for number in [one for one in self._free if self._is_over(one, now)]:
            self._drop(number)
        self._memory.expire(now)
        self.soonest = self._soonest()

    def _is_over(self, waiter: int, now: float) -> bool:
        deadline = self.state.waiters[waiter].deadline
        return deadline is not None and deadline + GRACE <= now

    def _soonest(self) -> float:
        ends = [event.receipt.until for event in self.state.events.values()]
        ends += [one.deadline + GRACE for one in self.state.waiters.values() if one.deadline is not None]
        return min([*ends, self._memory.soonest()])

    def _next(self) -> int:
        self.state.number += 1
        return self.state.number


def _may_go(event: Kept) -> bool:
    """Whether it may be offered to somebody now: one decides at a time, unless it is for all."""
    return event.for_all or event.flying == 0
