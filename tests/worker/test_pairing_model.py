"""The pairing against a plain model: whatever the order of messages, what the runs get is what the model says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from definitions.contract import PostEvent
from definitions.errors import Conflict
from worker.mailbox_state import MailboxState
from worker.pairing import GRACE, Pairing, Verdict

RETENTION, WINDOW = 300.0, 500.0
WAITS = st.integers(0, 7)


@dataclass
class Wait:
    """A run's wait, as the run knows it. It takes payloads whose remainder by three it does not reject."""

    id: str
    rejects: int
    deadline: float | None
    open: bool = True
    got: list[str] = field(default_factory=list)


@dataclass
class Sent:
    """An event of the model."""

    id: str
    payload: int
    until: float
    for_all: bool


class Model:
    """Two lists, looked through from the front after every change; no offers, no answers, nothing incremental."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.events: list[Sent] = []
        self.keys: dict[str, tuple[str, int, float]] = {}
        self.got: list[tuple[str, str]] = []

    def settle(self, now: float) -> None:
        self.waits = [w for w in self.waits if w.open and (w.deadline is None or w.deadline + GRACE > now)]
        self.events = [e for e in self.events if e.until > now]
        for event in list(self.events):
            takers = [w for w in self.waits if w.rejects != event.payload % 3]
            for wait in takers if event.for_all else takers[:1]:
                self.got.append((wait.id, event.id))
                self.waits.remove(wait)
            event.for_all = False
            if takers:
                self.events.remove(event)


class Interleavings(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.pairing = Pairing()
        self.model = Model()
        self.waits: dict[str, Wait] = {}
        self.count = 0

    def settle(self) -> None:
        """Ask the runs until nothing is left to ask; the model, which sees which waits are open, goes first."""
        self.model.settle(self.now)
        while offers := self.pairing.offers(3, self.now):
            for offer in offers:
                waiter = self.pairing.state.waiters[offer.waiter]
                self.pairing.answered(offer, self.ask(waiter.wait_id, self.pairing.state.events[offer.event]))

    def ask(self, wait_id: str, event: Any) -> Verdict:
        wait = self.waits[wait_id]
        if not wait.open:
            return "gone"
        if event.payload % 3 == wait.rejects:
            return "unfit"
        wait.open = False
        wait.got.append(event.receipt.id)
        return "taken"

    @rule(rejects=st.sampled_from([-1, -1, 0, 1]), lasts=st.sampled_from([None, None, 50.0, 200.0]))
    def register(self, rejects: int, lasts: float | None) -> None:
        self.count += 1
        wait = Wait(f"w{self.count}", rejects, None if lasts is None else self.now + lasts)
        self.waits[wait.id] = wait
        self.pairing.register(f"x/run/{wait.id}", wait.id, wait.deadline)
        self.model.waits.append(wait)
        self.settle()

    @rule(which=WAITS)
    def register_again(self, which: int) -> None:
        if waits := list(self.waits.values())[-8:]:
            wait = waits[which % len(waits)]
            # A wait that has ended is in the mailbox again then, and asking its run tells that it has.
            self.pairing.register(f"x/run/{wait.id}", wait.id, wait.deadline)
            self.settle()

    @rule(payload=st.integers(0, 5), key=st.none() | st.sampled_from("abcde"), everyone=st.booleans())
    def post(self, payload: int, key: str | None, everyone: bool) -> None:
        self.count += 1
        event = PostEvent(f"e{self.count}", payload, True, key, "all" if everyone else "one", RETENTION, WINDOW)
        known = self.model.keys.get(key or "")
        if known is not None and known[2] <= self.now:
            known = None
        try:
            posted = self.pairing.post(event, self.now)
        except Conflict:
            assert known is not None and known[1] != payload
            return
        assert posted.duplicate == (known is not None)
        assert posted.receipt.id == (known[0] if known else event.id)
        if known is None:
            if key is not None:
                self.model.keys[key] = (event.id, payload, self.now + WINDOW)
            self.model.events.append(Sent(event.id, payload, self.now + RETENTION, everyone))
        self.settle()
        if known is None:
            took = [wait_id for wait_id, event_id in self.model.got if event_id == event.id]
            assert posted.receipt.state == ("matched" if took else "buffered")
            assert sorted(posted.receipt.runs) == sorted(took)

    @rule(which=WAITS)
    def withdraw(self, which: int) -> None:
        if opened := [w for w in self.waits.values() if w.open]:
            wait = opened[which % len(opened)]
            wait.open = False
            self.pairing.withdraw(f"x/run/{wait.id}", wait.id)
            self.settle()

    @rule(which=WAITS)
    def run_goes_silently(self, which: int) -> None:
        """Terminated, say: the mailbox learns of it only by asking."""
        if opened := [w for w in self.waits.values() if w.open]:
            opened[which % len(opened)].open = False
            self.settle()

    @rule(seconds=st.sampled_from([1.0, 40.0, 150.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for wait in self.waits.values():
            wait.open = wait.open and (wait.deadline is None or wait.deadline + GRACE > self.now)
        self.settle()

    @rule()
    def tidy(self) -> None:
        self.pairing.expire(self.now)
        assert self.pairing.soonest > self.now

    @rule()
    def continue_as_new(self) -> None:
        self.pairing = Pairing(MailboxState.load(self.pairing.state.dump()))
        self.settle()

    @invariant()
    def the_runs_got_what_the_model_says(self) -> None:
        assert sorted((w.id, event) for w in self.waits.values() for event in w.got) == sorted(self.model.got)

    @invariant()
    def what_is_kept_is_what_the_model_keeps(self) -> None:
        kept = [e.receipt.id for e in self.pairing.state.events.values() if e.receipt.until > self.now]
        assert kept == [event.id for event in self.model.events]
        open_waits = {w.id for w in self.model.waits}
        assert open_waits <= {one.wait_id for one in self.pairing.state.waiters.values()}


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def asked(*registrations: int) -> Pairing:
    """A mailbox whose one wait took an event, and was registered for these rounds while it was being asked."""
    pairing = Pairing()
    pairing.register("x/run/w", "w", None)
    pairing.post(PostEvent(id="e", payload=1, has_payload=True, retention=RETENTION, window=WINDOW), 1_000.0)
    (offer,) = pairing.offers(3, 1_000.0)
    for round in registrations:
        pairing.register("x/run/w", "w", None, round)
    pairing.answered(offer, "taken")
    return pairing


def test_a_repeated_registration_does_not_outlive_its_wait() -> None:
    assert asked().empty
    assert asked(0, 0).empty


def test_a_wait_that_goes_on_after_what_it_took_stays() -> None:
    assert [one.round for one in asked(1).state.waiters.values()] == [1]
    assert [one.round for one in asked(0, 1, 0).state.waiters.values()] == [1]
    carried = Pairing(MailboxState.load(asked(1).state.dump()))
    carried.withdraw("x/run/w", "w")
    assert carried.empty
