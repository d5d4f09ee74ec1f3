"""Fan-out in numbers: one event to 1,000 listeners, and many events to ten, each run started exactly once."""

from __future__ import annotations

import asyncio

import pytest

from tests.running import Runs, eventually
from tests.worker.listening import ended, plant, publish, runs_in

LISTENERS = 1_000
EVENTS = 60


pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.timeout(180)
async def test_one_event_starts_a_thousand_listeners_each_exactly_once(org: Runs) -> None:
    planted = await plant(org, "stock", LISTENERS)
    first, again = await asyncio.gather(*(publish(org, "stock", {"n": 1}, event_id="one") for _ in range(2)))
    assert {run.definition_id for run in first.started} == set(planted)
    assert len({run.run_id for run in first.started}) == LISTENERS
    assert first.started == again.started and {first.duplicate, again.duplicate} == {True, False}
    assert await eventually(lambda: runs_in(org), lambda seen: seen >= LISTENERS, 90) == LISTENERS
    for run in first.started[:: LISTENERS // 10]:
        assert (await ended(org, run.run_id)).output == {"n": 1}
    repeated = await publish(org, "stock", {"n": 1}, event_id="one")
    assert repeated.started == first.started and repeated.duplicate


@pytest.mark.timeout(180)
async def test_many_events_start_ten_listeners_each_exactly_once(org: Runs) -> None:
    await plant(org, "order", 10)
    places = asyncio.Semaphore(10)

    async def send(n: int) -> set[str]:
        async with places:
            published = await publish(org, "order", n, event_id=f"event {n % EVENTS}") if n < EVENTS else None
            repeated = await publish(org, "order", n % EVENTS, event_id=f"event {n % EVENTS}")
        assert published is None or published.started == repeated.started
        return {run.run_id for run in repeated.started}

    sent = await asyncio.gather(*(send(n) for n in range(EVENTS + 20)))
    expected = set().union(*sent)
    assert len(expected) == 10 * EVENTS
    assert await eventually(lambda: runs_in(org), lambda seen: seen >= len(expected), 60) == len(expected)
    for run_id in sorted(expected)[::50]:
        await ended(org, run_id)
