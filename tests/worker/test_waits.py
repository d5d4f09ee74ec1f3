"""The wait machine, rule by rule, and against a plain reference under random interleavings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from temporalio.converter import value_to_type

from definitions.contract import Event
from definitions.errors import ExpressionError, Overloaded, PayloadInvalid, TooLarge
from worker import waits as machine
from worker.waits import OpenWait, Waits, WaitState


def event(id: str, name: str, payload: Any = None, source: str = "api") -> Event:
    return Event(id=id, name=name, payload=payload, has_payload=payload is not None, source=source)


def wait(id: str, *names: str, need: int | None = None, **more: Any) -> OpenWait:
    return OpenWait(id, id, 1, list(names), need or len(names), since="t", **more)


def held(one: OpenWait) -> list[str]:
    return [e.id for e in one.received]


def test_an_event_satisfies_the_open_wait_that_wants_it() -> None:
    waits = Waits()
    one = waits.open(wait("w", "a"))
    outcome = waits.deliver(event("1", "a"))
    assert (outcome.status, outcome.step, outcome.completed) == ("matched", "w", True)
    assert one.satisfied and held(one) == ["1"]


def test_an_early_event_is_kept_and_used_oldest_first() -> None:
    waits = Waits()
    assert waits.deliver(event("1", "a")).status == "buffered"
    waits.deliver(event("2", "a"))
    assert held(waits.open(wait("w", "a"))) == ["1"]
    assert held(waits.open(wait("v", "a"))) == ["2"]


def test_all_needs_every_name_in_any_order() -> None:
    waits = Waits()
    one = waits.open(wait("w", "a", "b"))
    assert waits.deliver(event("1", "b")).completed is False
    assert not one.satisfied
    assert waits.deliver(event("2", "a")).completed is True


def test_at_least_two_of_three() -> None:
    waits = Waits()
    one = waits.open(wait("w", "a", "b", "c", need=2))
    waits.deliver(event("1", "c"))
    assert waits.deliver(event("2", "c")).status == "buffered"
    assert waits.deliver(event("3", "a")).completed
    assert held(one) == ["1", "3"]


def test_the_wait_opened_first_is_served_first() -> None:
    waits = Waits()
    first, second = waits.open(wait("w", "a")), waits.open(wait("v", "a"))
    waits.deliver(event("1", "a"))
    assert (held(first), held(second)) == (["1"], [])


def test_a_repeated_delivery_gets_the_first_answer_and_changes_nothing() -> None:
    waits = Waits()
    waits.open(wait("w", "a"))
    first = waits.deliver(event("1", "a"))
    again = waits.deliver(event("1", "a", {"other": 1}))
    assert again.duplicate and (again.status, again.step) == (first.status, first.step)
    assert waits.state.inbox == []


def test_an_unsatisfied_wait_swallows_nothing() -> None:
    waits = Waits()
    waits.open(wait("w", "a", "b"))
    waits.deliver(event("1", "a"))
    waits.deliver(event("2", "z"))
    waits.close("w")
    assert [e.id for e in waits.state.inbox] == ["1", "2"]


def test_what_a_closed_wait_held_goes_to_another_that_wants_it() -> None:
    waits = Waits()
    waits.open(wait("w", "a", "b"))
    waits.deliver(event("1", "a"))
    other = waits.open(wait("v", "a"))
    waits.close("w")
    assert other.satisfied and held(other) == ["1"] and waits.state.inbox == []


def test_a_satisfied_wait_consumes() -> None:
    waits = Waits()
    waits.open(wait("w", "a"))
    waits.deliver(event("1", "a"))
    waits.close("w")
    assert waits.state.inbox == [] and waits.state.open == []


def test_a_filter_keeps_what_it_rejects_for_others() -> None:
    waits = Waits()
    waits.open(wait("w", "a"), accepts=lambda e: e.payload == "yes")
    assert waits.deliver(event("1", "a", "no")).status == "buffered"
    assert held(waits.open(wait("v", "a"))) == ["1"]


def test_a_discarding_filter_uses_up_what_it_rejects() -> None:
    waits = Waits()
    waits.deliver(event("0", "a", "no"))
    one = waits.open(wait("w", "a", on_reject="discard"), accepts=lambda e: e.payload == "yes")
    assert waits.deliver(event("1", "a", "no")).status == "discarded"
    assert waits.state.inbox == [] and not one.satisfied


def refuse(events: list[Event], complete: bool) -> None:
    if events[-1].payload == "bad":
        raise PayloadInvalid("is bad", "$.x")


def test_a_refused_payload_changes_nothing() -> None:
    waits = Waits()
    waits.open(wait("w", "a"), check=refuse)
    with pytest.raises(PayloadInvalid):
        waits.deliver(event("1", "a", "bad"))
    assert waits.state.ring == {} and waits.state.inbox == []
    assert waits.deliver(event("1", "a", "good")).completed


def test_an_early_payload_that_does_not_fit_breaks_the_wait_and_is_used_up() -> None:
    waits = Waits()
    waits.deliver(event("1", "a", "bad"))
    one = waits.open(wait("w", "a"), check=refuse)
    assert one.broken is not None and "$.x" in one.broken
    assert waits.state.inbox == []


def test_an_early_raw_signal_that_does_not_fit_harms_nothing() -> None:
    waits = Waits()
    waits.deliver(event("1", "a", "bad", source="signal"))
    waits.deliver(event("2", "a", "good"))
    one = waits.open(wait("w", "a"), check=refuse)
    assert one.broken is None and held(one) == ["2"]
    assert waits.state.quarantined == 1


def test_a_filter_that_cannot_be_evaluated_refuses_the_delivery() -> None:
    def accepts(e: Event) -> bool:
        raise ExpressionError("no such value")

    waits = Waits()
    waits.open(wait("w", "a"), accepts=accepts)
    with pytest.raises(ExpressionError):
        waits.deliver(event("1", "a"))
    assert waits.state.ring == {}


def test_a_full_inbox_refuses_but_still_serves_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "INBOX_LIMIT", 2)
    waits = Waits()
    waits.deliver(event("1", "x"))
    waits.deliver(event("2", "x"))
    with pytest.raises(Overloaded):
        waits.deliver(event("3", "x"))
    waits.open(wait("w", "a"))
    assert waits.deliver(event("4", "a")).completed


def test_the_ring_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "RING_LIMIT", 3)
    waits = Waits()
    for number in range(10):
        waits.open(wait(f"w{number}", "a"))
        waits.deliver(event(str(number), "a"))
    assert list(waits.state.ring) == ["7", "8", "9"]


def test_the_quarantine_is_bounded_and_counts_all() -> None:
    waits = Waits()
    for _ in range(200):
        waits.quarantine("n" * 1000, "r" * 1000, "t")
    assert len(waits.state.quarantine) == machine.QUARANTINE_LIMIT
    assert waits.state.quarantined == 200
    assert len(waits.state.quarantine[0]["name"]) == 200


class Interleavings(RuleBasedStateMachine):
    """Random deliveries, duplicates, opens, closes and carry-overs, against lists of ids."""

    NAMES = ("a", "b", "c")

    def __init__(self) -> None:
        super().__init__()
        self.waits = Waits()
        self.sent: list[str] = []
        self.consumed: list[str] = []
        self.opened = 0
        self.live: dict[str, OpenWait] = {}

    @rule(name=st.sampled_from(NAMES))
    def deliver(self, name: str) -> None:
        id = f"e{len(self.sent)}"
        takers = [w for w in self.live.values() if not w.satisfied and self._misses(w, name)]
        outcome = self.waits.deliver(event(id, name))
        self.sent.append(id)
        assert outcome.status == ("matched" if takers else "buffered")
        if takers:
            assert outcome.step == takers[0].id

    @staticmethod
    def _misses(one: OpenWait, name: str) -> bool:
        return name in one.events and name not in [e.name for e in one.received]

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        before = self._placed()
        id = data.draw(st.sampled_from(self.sent))
        assert self.waits.deliver(event(id, "a")).duplicate
        assert self._placed() == before

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), data=st.data())
    def open(self, names: list[str], data: st.DataObject) -> None:
        need = data.draw(st.integers(1, len(names)))
        id = f"w{self.opened}"
        self.opened += 1
        self.live[id] = self.waits.open(wait(id, *names, need=need))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.live)))
        gone = self.live.pop(id)
        if gone.satisfied:
            self.consumed += held(gone)
        self.waits.close(id)

    @rule()
    def carry_over(self) -> None:
        self.waits = Waits(value_to_type(WaitState, asdict(self.waits.state)))
        for id in self.live:
            self.live[id] = self.waits.open(wait(id, "replaced"))

    def _placed(self) -> list[str]:
        placed = [e.id for e in self.waits.state.inbox]
        placed += [id for one in self.live.values() for id in held(one)]
        return sorted(placed + self.consumed)

    @invariant()
    def every_event_is_in_one_place(self) -> None:
        assert self._placed() == sorted(self.sent)

    @invariant()
    def the_inbox_is_in_order_of_arrival(self) -> None:
        numbers = [e.seq for e in self.waits.state.inbox]
        assert numbers == sorted(numbers)

    @invariant()
    def nothing_kept_is_wanted(self) -> None:
        for kept in self.waits.state.inbox:
            assert not any(one.wants(kept) for one in self.live.values())


Interleavings.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestInterleavings = Interleavings.TestCase


def test_what_waits_hold_is_bounded_for_each_and_for_all() -> None:
    waits = Waits()
    waits.open(wait("w", *(f"w{n}" for n in range(9))))
    waits.open(wait("v", *(f"v{n}" for n in range(9))))
    waits.deliver(event("1", "w1", "x" * 400_000))
    with pytest.raises(TooLarge):
        waits.deliver(event("2", "w2", "x" * 200_000))
    waits.deliver(event("3", "v1", "x" * 300_000))
    with pytest.raises(Overloaded):
        waits.deliver(event("4", "v2", "x" * 150_000))
    waits.close("v")
    assert waits.deliver(event("5", "w2")).status == "matched"


def test_a_wait_that_is_given_an_event_that_does_not_fit_is_decided() -> None:
    def check(events: list[Event], complete: bool) -> None:
        raise PayloadInvalid("no")

    waits = Waits()
    waits.open(wait("w", "a", "b"))
    waits.deliver(event("1", "a"))
    other = waits.open(wait("v", "a"), check=check)
    assert not other.decided
    waits.close("w")
    assert other.decided and other.broken == "event 'a': $: no"
