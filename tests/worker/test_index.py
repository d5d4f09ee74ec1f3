"""Indexes kept as topics: entries are any short texts; and how a run has ended, for whoever waits for it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from definitions.errors import NotFound, TooLarge
from tests.running import DIALECT, Runs, runs_on
from worker.topic import ID_LIMIT
from worker.topic_state import MEMO_BYTES, Subscription, TopicState

FAILS = {"start": "a", "steps": {"a": {"kind": "end", "outcome": "failed", "message": "it is full"}}}
GIVES = {"start": "a", "steps": {"a": {"kind": "assign", "value": {"language": "literal", "source": [1]}}}}
WAITS = {"start": "a", "steps": {"a": {"kind": "wait", "events": ["go"]}}}


@pytest_asyncio.fixture(loop_scope="session")
async def org(temporal_client: Client) -> AsyncIterator[Runs]:
    async with runs_on(temporal_client) as runs:
        yield runs


class Index:
    """One index, and what is live by its own word."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.live: set[str] = set()

    async def entries(self) -> set[str]:
        return set(await self.runs.tidegate.may_hear(DIALECT, self.runs.organisation, "index"))

    async def still(self, entry: str) -> bool:
        return entry in self.live

    async def move(self, before: set[str], after: set[str]) -> None:
        async def change() -> None:
            assert after <= await self.entries()  # there before it is live
            self.live = after

        await self.runs.tidegate.keep_index(
            DIALECT, self.runs.organisation, "index", change, entries=after, before=before, still=self.still
        )


async def test_an_entry_is_there_before_it_is_live_and_goes_when_it_is_not(org: Runs) -> None:
    index = Index(org)
    long = "x" * ID_LIMIT
    await index.move(set(), {"a", long})
    assert await index.entries() == {"a", long}
    await index.move({"a", long}, {"b", long})
    assert await index.entries() == {"b", long}
    await index.move({"b", "never there"}, {"a", "b"})
    assert await index.entries() == {"a", "b", long}  # what nobody names stays


async def test_an_entry_that_is_live_again_meanwhile_stays(org: Runs) -> None:
    index = Index(org)
    await index.move(set(), {"a"})

    async def change() -> None:
        index.live = {"a", "b"}

    await org.tidegate.keep_index(
        DIALECT, org.organisation, "index", change, entries=["b"], before=["a"], still=index.still
    )
    assert await index.entries() == {"a", "b"}


async def test_an_entry_that_is_too_long_is_refused(org: Runs) -> None:
    with pytest.raises(TooLarge):
        await org.tidegate.subscribe(DIALECT, org.organisation, "index", "x" * (ID_LIMIT + 1))


def test_entries_fit_into_the_memo_or_are_refused() -> None:
    state = TopicState("index")
    with pytest.raises(TooLarge):
        for _ in range(2_000):
            entry = Subscription("".join(uuid.uuid4().hex for _ in range(10)))
            state.check(entry)
            state.subscribe(entry)
    assert len(str(state.shown())) < MEMO_BYTES + 200
    state.check(Subscription(next(iter(state.listeners))))  # one that is there is no more


async def test_whoever_waits_is_told_how_a_run_has_ended(org: Runs) -> None:
    run = await org.describe(await org.start(GIVES))
    ended = await org.tidegate.outcome(run.workflow_id, 10)
    assert ended is not None and (ended.status, ended.output, ended.error) == ("succeeded", [1], None)
    run = await org.describe(await org.start(FAILS))
    ended = await org.tidegate.outcome(run.workflow_id, 10)
    assert ended is not None and (ended.status, ended.error) == ("failed", "ended: it is full")


async def test_whoever_waits_for_a_run_that_waits_is_told_nothing_until_it_is_cancelled(org: Runs) -> None:
    run_id = await org.start(WAITS)
    await org.parked(run_id)
    workflow_id = (await org.describe(run_id)).workflow_id
    assert await org.tidegate.outcome(workflow_id, 0.1) is None
    await org.tidegate.cancel_run(DIALECT, org.organisation, run_id)
    ended = await org.tidegate.outcome(workflow_id, 10)
    assert ended is not None and ended.status == "cancelled"
    with pytest.raises(NotFound):
        await org.tidegate.outcome("nobody", 1)
