"""The pairing when answers are late, lost or doubled, and tasks of the mailbox or of a run are lost and done again.

Runs are as in life: they open waits and register them, decide alone, and know a delivery again that they have taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from definitions.contract import PostEvent
from definitions.ids import digest
from worker.mailbox_state import Kept, MailboxState
from worker.pairing import Offer, Pairing, Verdict

PLACE = st.integers(0, 9)
NOW = 1_000.0


@dataclass
class Run:
    """A run with one wait. `knows` tells whether the wait is open in the run's own eyes."""

    id: str
    rejects: int
    knows: bool = True
    ended: bool = False
    got: list[str] = field(default_factory=list)
    ring: set[str] = field(default_factory=set)

    def ask(self, event: Kept) -> Verdict:
        delivery = digest(event.identity, self.id).hex()
        if delivery in self.ring:
            return "taken"
        if self.ended or self.got or not self.knows:
            return "gone"
        if event.payload % 3 == self.rejects:
            return "unfit"
        self.ring.add(delivery)
        self.got.append(event.identity)
        return "taken"


def identity(name: str, event: PostEvent) -> str:
    return digest(name, event.idempotency_key is None, NOW + event.retention).hex()[:32]


class Chaos(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pairing = Pairing()
        #: What Temporal holds of the mailbox: its state after the last task, and the messages that came since.
        self.durable = self.pairing.state.dump()
        self.messages: list[tuple[Any, ...]] = []
        #: Offers that are durable and not answered yet: only these are handed over.
        self.flying: list[Offer] = []
        #: Answers that are under way to the mailbox.
        self.answers: dict[Offer, Verdict] = {}
        self.runs: dict[str, Run] = {}
        self.posts: dict[str, PostEvent] = {}
        #: Names of posts that are durable: their senders may have been told so.
        self.acknowledged: set[str] = set()
        self.unacknowledged: set[str] = set()
        self.count = 0

    # --- the mailbox ---

    @rule(room=st.integers(1, 9), completes=st.sampled_from([True, True, False]))
    def offer(self, room: int, completes: bool) -> None:
        self.pairing.offers(room, NOW)
        if completes:
            self.task_completes()

    def task_completes(self) -> None:
        self.durable, self.messages = self.pairing.state.dump(), []
        self.acknowledged |= self.unacknowledged
        self.unacknowledged = set()
        self.flying = self.pairing.open_offers()

    @rule()
    def task_is_lost(self) -> None:
        """A worker dies: the messages are applied once more; posts are gone, as nobody was told of them."""
        self.unacknowledged = set()
        self.pairing = Pairing(MailboxState.load(self.durable))
        for name, *arguments in self.messages:
            getattr(self.pairing, name)(*arguments)

    @rule()
    def continues_as_new(self) -> None:
        self.task_completes()
        self.answers = {}
        self.pairing = Pairing(MailboxState.load(self.durable))

    def tell(self, name: str, *arguments: Any) -> None:
        """Something that Temporal keeps: a signal, or an activity's result."""
        self.messages.append((name, *arguments))
        getattr(self.pairing, name)(*arguments)

    @precondition(lambda self: len(self.posts) < 12)
    @rule(payload=st.integers(0, 5), keyed=st.booleans(), everyone=st.booleans())
    def post(self, payload: int, keyed: bool, everyone: bool) -> None:
        self.count += 1
        key = f"k{self.count}" if keyed else None
        self.send(PostEvent(f"e{self.count}", payload, True, key, "all" if everyone else "one"))

    def send(self, event: PostEvent) -> None:
        self.posts[event.idempotency_key or event.id] = event
        self.unacknowledged.add(event.idempotency_key or event.id)
        self.pairing.post(event, NOW)

    @precondition(lambda self: self.posts)
    @rule(which=PLACE)
    def post_again(self, which: int) -> None:
        """By a sender who got no answer: with a key under another id."""
        event = list(self.posts.values())[-1 - which % len(self.posts)]
        self.count += 1
        fresh = event.id if event.idempotency_key is None else f"e{self.count}"
        again = PostEvent(fresh, event.payload, True, event.idempotency_key, event.deliver)
        self.unacknowledged.add(event.idempotency_key or event.id)
        self.pairing.post(again, NOW)

    # --- the runs ---

    @rule(rejects=st.sampled_from([-1, -1, 0]), knows=st.booleans())
    def register(self, rejects: int, knows: bool) -> None:
        """A run registers; its own task may be lost afterwards, and then it does not know of the wait yet."""
        self.count += 1
        run = Run(f"r{self.count}", rejects, knows)
        self.runs[run.id] = run
        self.signal(run.id)

    def signal(self, name: str) -> None:
        self.tell("register", f"x/run/{name}", name, None)

    @precondition(lambda self: self.runs)
    @rule(which=PLACE)
    def register_again(self, which: int) -> None:
        """The run's lost task is done again: the wait opens, and is registered once more."""
        run = list(self.runs.values())[-1 - which % len(self.runs)]
        if not run.ended and not run.got and not run.knows:
            run.knows = True
            self.signal(run.id)

    @precondition(lambda self: self.runs)
    @rule(which=PLACE, tells=st.booleans())
    def end(self, which: int, tells: bool) -> None:
        run = list(self.runs.values())[-1 - which % len(self.runs)]
        run.ended = True
        if tells:
            self.tell("withdraw", f"x/run/{run.id}", run.id)

    @precondition(lambda self: self.flying)
    @rule(which=PLACE)
    def hand_over(self, which: int) -> None:
        """The run decides, now. Its answer may be heard later; until it is, the same may be asked again."""
        offer = self.flying[which % len(self.flying)]
        self.answers[offer] = self.ask(offer)

    @precondition(lambda self: self.answers)
    @rule(which=PLACE)
    def hear(self, which: int) -> None:
        offer = list(self.answers)[which % len(self.answers)]
        self.flying.remove(offer)
        self.tell("answered", offer, self.answers.pop(offer))

    def ask(self, offer: Offer) -> Verdict:
        waiter = self.pairing.state.waiters[offer.waiter]
        return self.runs[waiter.wait_id].ask(self.pairing.state.events[offer.event])

    # --- what must hold ---

    @invariant()
    def nobody_gets_two_and_no_event_goes_to_two(self) -> None:
        assert all(len(run.got) <= 1 for run in self.runs.values())
        single = [identity(name, event) for name, event in self.posts.items() if event.deliver == "one"]
        taken = [one for run in self.runs.values() for one in run.got]
        assert all(taken.count(one) <= 1 for one in single)

    @invariant()
    def what_was_acknowledged_is_kept_or_was_taken(self) -> None:
        kept = {event.identity for event in self.pairing.state.events.values()}
        taken = {one for run in self.runs.values() for one in run.got}
        for name in self.acknowledged:
            assert identity(name, self.posts[name]) in kept | taken

    def teardown(self) -> None:
        """With lost tasks done again and all answers heard, no wait is left that a kept event fits."""
        for run in self.runs.values():
            if not run.ended and not run.got and not run.knows:
                run.knows = True
                self.pairing.register(f"x/run/{run.id}", run.id, None)
        self.pairing.offers(99, NOW)
        while offers := self.pairing.open_offers():
            for offer in offers:
                self.pairing.answered(offer, self.ask(offer))
            self.pairing.offers(99, NOW)
        waiting = [run for run in self.runs.values() if not run.ended and not run.got]
        for event in self.pairing.state.events.values():
            assert all(event.payload % 3 == run.rejects for run in waiting)


def test_a_wait_registered_again_while_its_run_is_asked_is_not_lost() -> None:
    """The run's task was lost after it had registered; asked meanwhile, it knew of no wait."""
    chaos = Chaos()
    chaos.register(rejects=-1, knows=False)
    chaos.post(payload=1, keyed=False, everyone=False)
    chaos.offer(room=1, completes=True)
    chaos.hand_over(which=0)
    chaos.register_again(which=0)
    chaos.hear(which=0)
    chaos.teardown()
    assert [len(run.got) for run in chaos.runs.values()] == [1]


def test_why_an_event_is_not_handed_over_before_it_is_durable() -> None:
    """What a local activity in the task that takes the event would do: one event goes to two runs."""
    chaos = Chaos()
    for _ in range(3):
        chaos.register(rejects=-1, knows=True)
    chaos.post(payload=1, keyed=True, everyone=False)
    offer = chaos.pairing.offers(1, NOW)[0]
    assert offer not in chaos.flying, "it is not durable, so the mailbox would not hand it over"
    assert chaos.ask(offer) == "taken"
    chaos.task_is_lost()
    chaos.post(payload=2, keyed=True, everyone=False)
    while not (runs := [run for run in chaos.runs.values() if run.got])[1:]:
        for offer in chaos.pairing.offers(9, NOW):
            chaos.pairing.answered(offer, chaos.ask(offer))
    chaos.post_again(which=1)
    for offer in chaos.pairing.offers(9, NOW):
        chaos.pairing.answered(offer, chaos.ask(offer))
    got = [identity for run in chaos.runs.values() for identity in run.got]
    assert len(runs) == 2 and len(got) == 3 and len(set(got)) == 2


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
