"""The wait machine: which event goes to which wait, and what became of every delivery.

Pure: no Temporal, no clock, no I/O; the interpreter feeds it and carries its state. Rules:

* An event is consumed by one visit of one wait: by the open wait that was opened first and wants it, else it is kept in
  the inbox and taken, oldest first, by the next wait that wants it.
* A wait needs a number of distinct names; it holds at most one event of each.
* A wait that ends unsatisfied (deadline, cancellation), or whose visit is stopped before it could use what has come,
  gives back what it holds, to the other open waits and then to the inbox: it swallows nothing.
* An event that is for one wait only (`Event.wait`) is taken by that wait or refused. It is kept only while the wait may
  still be opened, by what is expected to, and one such event at most. Given back, it is for the waits with the same
  correlation key.
* Every delivery id is answered once; a repetition gets the first answer and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from definitions.contract import LINK, DeliveryOutcome, Event
from definitions.errors import ExpressionError, NotFound, Overloaded, PayloadInvalid, TooLarge

#: How many delivery ids are remembered, how many events (and bytes of them) are kept unconsumed, how large one
#: event may be, how much all open waits may hold, and how many bad messages are shown.
RING_LIMIT = 2_000
INBOX_LIMIT = 1_000
INBOX_BYTES = 256_000
EVENT_BYTES = 512_000
HELD_BYTES = 768_000
QUARANTINE_LIMIT = 50

#: Says whether a wait wants an event; raises ExpressionError when that cannot be told.
Accepts = Callable[[Event], bool]
#: Raises PayloadInvalid when the wait cannot take the last of these events after the others (arrival order).
Check = Callable[[list[Event], bool], None]


@dataclass
class OpenWait:
    """One open wait. `id` names the visit; `deadline` is a timestamp or None for never."""

    id: str
    step: str
    visit: int
    events: list[str]
    need: int
    since: str
    deadline: str | None = None
    on_deadline: str | None = None
    next: str | None = None
    on_reject: Literal["keep", "discard"] = "keep"
    received: list[Event] = field(default_factory=list)
    satisfied: bool = False
    #: Set when an early event, already accepted, turned out not to fit: the reason.
    broken: str | None = None
    #: [correlation key] of a correlated wait.
    key: list[str | None] | None = None

    @property
    def decided(self) -> bool:
        """Nothing more can come of it."""
        return self.satisfied or self.broken is not None

    def wants(self, event: Event) -> bool:
        return (
            not self.decided
            and (event.name in self.events or (event.name == LINK and event.wait == self.id))
            and event.wait in (None, self.id)
            and event.key in (None, self.key)
            and all(held.name != event.name for held in self.received)
        )

    def given_back(self) -> list[Event]:
        """What it has received, for others to take; but what came by a link is for its wait alone."""
        bound = [event.wait is not None and event.name != LINK for event in self.received]
        return [
            replace(event, wait=None, key=self.key) if was_bound else event
            for event, was_bound in zip(self.received, bound, strict=True)
        ]


@dataclass
class WaitState:
    """What is carried over continue-as-new."""

    inbox: list[Event] = field(default_factory=list)
    open: list[OpenWait] = field(default_factory=list)
    ring: dict[str, DeliveryOutcome] = field(default_factory=dict)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    quarantined: int = 0
    delivered: int = 0
    #: Whoever of these may still open waits, of ids that begin with theirs and a dot.
    expected: list[str] = field(default_factory=list)


def _bytes(event: Event) -> int:
    return len(json.dumps(event.payload)) if event.has_payload else 0


def _accept_all(event: Event) -> bool:
    return True


def _check_nothing(events: list[Event], complete: bool) -> None:
    return None


class Waits:
    """The machine over a `WaitState`. Waits carried over take anything until they are given their rules again."""

    def __init__(self, state: WaitState | None = None) -> None:
        self.state = state or WaitState()
        self._rules: dict[str, tuple[Accepts, Check]] = {}

    # --- deliveries ---

    def check(self, event: Event) -> None:
        """Raise what `deliver` would raise, changing nothing: PayloadInvalid, ExpressionError, TooLarge, Overloaded for
        a full inbox; NotFound or PayloadInvalid for an event that is for one wait, which is gone or rejects it."""
        if event.id in self.state.ring:
            return
        if _bytes(event) > EVENT_BYTES:
            raise TooLarge(f"an event may carry {EVENT_BYTES} bytes")
        if event.wait is not None:
            self._check_target(event)
        wait = self._taker(event)
        if wait is None:
            if self._discarder(event) is None:
                self._refuse_target(event)
                self._check_room(event)
            return
        events = [*wait.received, event]
        self._check_held(wait, event)
        self._rule(wait)[1](events, len(events) >= wait.need)

    def _check_target(self, event: Event) -> None:
        wait = next((wait for wait in self.state.open if wait.wants(event)), None)
        if wait is None:
            if self._may_come(event):
                return
            raise NotFound(f"no open wait {event.wait} for this event")
        if wait.id not in self._rules:
            raise Overloaded("the run has just continued; it decides in a moment")

    def _may_come(self, event: Event) -> bool:
        """Whether the wait of an event is not open yet, and none has come for it."""
        wait = event.wait or ""
        head, _, number = wait.rpartition(".")
        known = self.is_open(wait) or any(kept.wait == wait for kept in self.state.inbox)
        return not known and head in self.state.expected and number.isascii() and number.isdigit()

    def _refuse_target(self, event: Event) -> None:
        if event.wait is not None and not self._may_come(event):
            raise PayloadInvalid("the wait's filter rejects the event")

    def _check_held(self, wait: OpenWait, event: Event) -> None:
        """What waits hold is carried with the run's state, so it is bounded for each and for all."""
        if wait.received and sum(map(_bytes, [*wait.received, event])) > EVENT_BYTES:
            raise TooLarge(f"the events of one wait may carry {EVENT_BYTES} bytes together")
        held = [one for other in self.state.open for one in other.received]
        if held and sum(map(_bytes, [*held, event])) > HELD_BYTES:
            raise Overloaded("the open waits hold as much as they can; no more is accepted until some are over")

    def _check_room(self, event: Event) -> None:
        inbox = self.state.inbox
        kept = sum(_bytes(one) for one in inbox)
        # An empty inbox takes any event: otherwise one that is too large for it could never come early.
        if inbox and (len(inbox) >= INBOX_LIMIT or kept + _bytes(event) > INBOX_BYTES):
            held = f"{len(inbox)} events of {kept} bytes wait to be used"
            raise Overloaded(f"{held}; beyond {INBOX_LIMIT} or {INBOX_BYTES} bytes none is accepted until some are")

    def deliver(self, event: Event, checked: bool = False) -> DeliveryOutcome:
        """Take an event, checked already or not. Raises as `check` does, and then has changed nothing."""
        if (first := self.state.ring.get(event.id)) is not None:
            return replace(first, duplicate=True)
        if not checked:
            self.check(event)
        self.state.delivered += 1
        outcome = self._place(replace(event, seq=self.state.delivered))
        self.state.ring[event.id] = outcome
        while len(self.state.ring) > RING_LIMIT:
            del self.state.ring[next(iter(self.state.ring))]
        return outcome

    def _place(self, event: Event) -> DeliveryOutcome:
        wait = self._taker(event)
        if wait is not None:
            self._take(wait, event)
            return DeliveryOutcome("matched", wait.step, wait.satisfied)
        if (wait := self._discarder(event)) is not None:
            return DeliveryOutcome("discarded", wait.step)
        self.state.inbox.append(event)
        return DeliveryOutcome("buffered")

    def quarantine(self, name: str, reason: str, at: str) -> None:
        """Keep note of a message that could not be used: it is shown, and harms nothing."""
        self.state.quarantined += 1
        self.state.quarantine.append({"name": name[:200], "reason": reason[:500], "at": at})
        del self.state.quarantine[:-QUARANTINE_LIMIT]

    # --- waits ---

    def govern(self, wait_id: str, accepts: Accepts, check: Check) -> None:
        """Give a wait its rules: one that was carried over needs them before the first event comes."""
        self._rules[wait_id] = (accepts, check)

    def expect(self, opener: str) -> None:
        """Keep events for waits `<opener>.<number>` from now on: they may be opened."""
        if opener not in self.state.expected:
            self.state.expected.append(opener)

    def expect_no_more(self, opener: str) -> None:
        """All waits of this opener have been opened: what came for others is for none."""
        if opener in self.state.expected:
            self.state.expected.remove(opener)
        inbox = self.state.inbox
        inbox[:] = [event for event in inbox if (event.wait or "").rpartition(".")[0] != opener]

    def is_open(self, wait_id: str) -> bool:
        return any(wait.id == wait_id for wait in self.state.open)

    def open(self, wait: OpenWait, accepts: Accepts = _accept_all, check: Check = _check_nothing) -> OpenWait:
        """Open a wait, or give an open one of the same id (carried over) its rules again; early events are used."""
        self.govern(wait.id, accepts, check)
        for held in self.state.open:
            if held.id == wait.id:
                return held
        self.state.open.append(wait)
        for event in list(self.state.inbox):
            self._use_early(wait, event)
        return wait

    def _use_early(self, wait: OpenWait, event: Event) -> None:
        if not wait.wants(event):
            return
        accepts, check = self._rule(wait)
        events = [*wait.received, event]
        try:
            if not accepts(event):
                if wait.on_reject == "discard":
                    self.state.inbox.remove(event)
                return
            check(events, len(events) >= wait.need)
        except (PayloadInvalid, ExpressionError) as error:
            self._refuse_early(wait, event, f"event {event.name!r}: {error.path}: {error.message}")
            return
        self.state.inbox.remove(event)
        self._take(wait, event)

    def _refuse_early(self, wait: OpenWait, event: Event, reason: str) -> None:
        self.state.inbox.remove(event)
        if event.source == "signal":  # its sender could not be told, so it may not harm the run
            self.quarantine(event.name, reason, event.received_at)
        else:
            wait.broken = reason

    def reopen(self, wait: OpenWait) -> None:
        """Let a satisfied wait go on: what it holds is used up, and was not what it waits for."""
        wait.received, wait.satisfied = [], False
        for event in list(self.state.inbox):
            self._use_early(wait, event)

    def close(self, wait_id: str, used: bool = True) -> None:
        """End a wait. What it holds is consumed if it is satisfied and `used`; else given back in order of arrival."""
        for place, wait in enumerate(self.state.open):
            if wait.id == wait_id:
                del self.state.open[place]
                self._rules.pop(wait_id, None)
                if not (wait.satisfied and used):
                    self._give_back(wait)
                return

    def _give_back(self, wait: OpenWait) -> None:
        kept, returned = self.state.inbox, wait.given_back()
        kept.extend(returned)
        kept.sort(key=lambda event: event.seq)
        for event in returned:
            for other in self.state.open:
                if event in kept:
                    self._use_early(other, event)

    def _rule(self, wait: OpenWait) -> tuple[Accepts, Check]:
        return self._rules.get(wait.id, (_accept_all, _check_nothing))

    def _taker(self, event: Event) -> OpenWait | None:
        return next((w for w in self.state.open if w.wants(event) and self._rule(w)[0](event)), None)

    def _discarder(self, event: Event) -> OpenWait | None:
        return next((w for w in self.state.open if w.on_reject == "discard" and w.wants(event)), None)

    @staticmethod
    def _take(wait: OpenWait, event: Event) -> None:
        wait.received.append(event)
        wait.satisfied = len(wait.received) >= wait.need
