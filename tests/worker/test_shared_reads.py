"""Reads of one thing by many at once: few calls, and none that answers with what was true before it was asked."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.shared_reads import SharedReads


class Counter:
    """Something that changes, and takes a few turns of the loop to be read."""

    def __init__(self) -> None:
        self.value = 0
        self.calls = 0

    async def read(self) -> int:
        self.calls += 1
        found = self.value
        for _ in range(3):
            await asyncio.sleep(0)
        return found


async def test_a_hundred_at_once_cost_two_reads() -> None:
    reads, counter = SharedReads[int](), Counter()
    assert await asyncio.gather(*(reads.read("k", counter.read) for _ in range(100))) == [0] * 100
    assert counter.calls == 2


async def test_one_after_the_other_cost_one_read_each() -> None:
    reads, counter = SharedReads[int](), Counter()
    for n in range(3):
        counter.value = n
        assert await reads.read("k", counter.read) == n
    assert counter.calls == 3


async def test_keys_share_nothing() -> None:
    reads, one, other = SharedReads[int](), Counter(), Counter()
    other.value = 7
    assert [*await asyncio.gather(reads.read("a", one.read), reads.read("b", other.read))] == [0, 7]


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    reads, counter = SharedReads[int](), Counter()
    callers = [asyncio.ensure_future(reads.read("k", counter.read)) for _ in range(4)]
    await asyncio.sleep(0)
    callers[0].cancel()
    callers[1].cancel()
    assert await asyncio.gather(*callers[2:]) == [0, 0]


async def test_a_failure_is_everybodys_who_shared_it_and_nobody_elses() -> None:
    reads, counter = SharedReads[int](), Counter()

    async def fails() -> int:
        await asyncio.sleep(0)
        raise ValueError("away")

    first = asyncio.ensure_future(reads.read("k", fails))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(reads.read("k", counter.read))
    with pytest.raises(ValueError, match="away"):
        await first
    assert await second == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40))
def test_nobody_reads_what_was_overwritten_before_it_asked(plan: list[tuple[int, bool]]) -> None:
    async def play() -> None:
        reads, counter = SharedReads[int](), Counter()

        async def ask() -> None:
            least = counter.value
            assert await reads.read("k", counter.read) >= least

        asked = []
        for turns, written in plan:
            counter.value += written
            asked.append(asyncio.ensure_future(ask()))
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.gather(*asked)

    asyncio.run(play())
