"""What continue-as-new carries: whole, and within what Temporal takes, however full the mailbox is."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any

import pytest

from definitions import ids
from definitions.contract import PostEvent
from definitions.errors import Overloaded, TooLarge
from worker.mailbox_state import KEYS_LIMIT, WAITERS_LIMIT, MailboxState
from worker.pairing import Pairing

#: What Temporal takes as a workflow's argument.
LIMIT = 2 * 1024 * 1024


def full() -> Pairing:
    """Everything at its limit, and hard to compress."""
    pairing, chance = Pairing(), random.Random(5)
    for n in range(KEYS_LIMIT):
        post(pairing, chance, "", idempotency_key=f"key-{n}", retention=0.0)
        assert not pairing.offers(1, 0.0)
    with pytest.raises(Overloaded):
        post(pairing, chance, "", idempotency_key="one more")
    with pytest.raises(Overloaded):
        while True:
            post(pairing, chance, "".join(chr(chance.randint(0x23, 0x7E)) for _ in range(9_000)), deliver="all")
    for _ in range(WAITERS_LIMIT + 3):
        run_id = str(uuid.UUID(int=chance.getrandbits(128)))
        workflow_id = ids.run_workflow_id("native", "an organisation", run_id)
        pairing.register(workflow_id, f"step#{chance.randint(1, 99)}", 1e9 + chance.random() * 1e6)
    return pairing


def post(pairing: Pairing, chance: random.Random, payload: Any, **more: Any) -> None:
    event_id = str(uuid.UUID(int=chance.getrandbits(128)))
    pairing.post(PostEvent(event_id, payload, has_payload=True, **more), 0.0)


def test_a_full_mailbox_can_be_carried() -> None:
    state = full().state
    assert (len(state.waiters), len(state.keys), state.turned_away) == (WAITERS_LIMIT, KEYS_LIMIT, 3)
    assert len(state.events) > 100
    packed = state.dump()
    assert len(packed) < LIMIT * 0.95
    loaded = MailboxState.load(packed)
    assert (loaded.waiters, loaded.events, loaded.keys) == (state.waiters, state.events, state.keys)
    assert loaded.dump() == packed


def test_an_event_has_a_size_that_fits() -> None:
    with pytest.raises(TooLarge):
        post(Pairing(), random.Random(1), "x" * 600_000)


def crowded(waits: int = WAITERS_LIMIT) -> Pairing:
    """So many waits, which nobody has asked yet."""
    pairing = Pairing()
    for n in range(waits):
        pairing.register(f"x/run/{n:032x}", "w#1", None)
    return pairing


def test_many_events_for_all_waits_can_be_carried() -> None:
    """Temporal gives a task two seconds."""
    pairing, chance = crowded(), random.Random(1)
    for n in range(2_000):
        post(pairing, chance, n, deliver="all")
        pairing.offers(1, 0.0)
    began = time.process_time()
    packed = pairing.state.dump()
    assert time.process_time() - began < 1
    assert len(packed) < LIMIT / 4


def test_many_events_that_fit_none_of_many_waits_are_not_compared_for_ever() -> None:
    pairing, chance = crowded(5_000), random.Random(1)
    for n in range(50):
        post(pairing, chance, n, deliver="all")
    for event in pairing.state.events.values():
        event.for_all, event.refused = False, set(pairing.state.waiters)
    assert not pairing.offers(1, 0.0)
    began = time.process_time()
    for n in range(100):
        pairing.register("x/run/late", f"w#{n}", None)
        (offer,) = pairing.offers(1, 0.0)
        pairing.answered(offer, "gone")
    assert time.process_time() - began < 1
