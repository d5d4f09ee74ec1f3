"""Claims of idempotency keys: one claimant, for exactly the time to live, without any worker."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from definitions import ids
from definitions.contract import RunFacts
from definitions.errors import InputInvalid, NotFound
from definitions.model import Definition
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_interpreter import block, wait
from worker.claims import HEALING
from worker.client import Claim, TidegateClient

WAIT = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": block("w", w=wait("go"))})
DAY = 86_400.0


@pytest.fixture
def org() -> str:
    return f"org-{uuid.uuid4()}"


@pytest.fixture
def alone(temporal_client: Client) -> TidegateClient:
    """A client of a task queue that no worker polls."""
    return TidegateClient(temporal_client, f"nobody-{uuid.uuid4()}")


async def claim(
    tidegate: TidegateClient,
    org: str,
    run_id: str,
    key: str = "key",
    ttl: float = DAY,
    content: str = "c",
    scope: str = "s",
) -> Claim:
    return await tidegate.claim(DIALECT, org, scope, key, ttl, content, run_id)


def handle(tidegate: TidegateClient, org: str, key: str = "key") -> WorkflowHandle[object, object]:
    return tidegate.temporal.get_workflow_handle(ids.claim_workflow_id(DIALECT, org, "s", key))


async def test_the_first_claim_stands_and_later_ones_are_told_of_it(alone: TidegateClient, org: str) -> None:
    first = await claim(alone, org, "run-1", content="a")
    assert (first.run_id, first.content_hash, first.fresh) == ("run-1", "a", True)
    later = await claim(alone, org, "run-2", content="b")
    assert (later.run_id, later.content_hash, later.fresh) == ("run-1", "a", False)
    assert abs(later.claimed_at - first.claimed_at) < timedelta(seconds=2)


async def test_keys_scopes_and_organisations_are_apart(alone: TidegateClient, org: str) -> None:
    assert (await claim(alone, org, "run-1")).fresh
    assert (await claim(alone, org, "run-2", key="other")).fresh
    assert (await claim(alone, org, "run-3", scope="other")).fresh
    assert (await claim(alone, f"{org}x", "run-4")).fresh
    assert (await alone.claim("another", org, "s", "key", DAY, "c", "run-5")).fresh
    assert (await claim(alone, org, "run-6", scope="sk", key="ey")).fresh


@pytest.mark.parametrize("key", ["k" * 5_000, "ключ/'\"\\\x00 \ud800", ""])
async def test_any_text_is_a_key(alone: TidegateClient, org: str, key: str) -> None:
    assert (await claim(alone, org, "run-1", key=key)).fresh
    assert not (await claim(alone, org, "run-2", key=key)).fresh


async def test_of_many_at_once_one_is_fresh(alone: TidegateClient, org: str) -> None:
    claims = await asyncio.gather(*(claim(alone, org, f"run-{n}") for n in range(40)))
    assert sum(one.fresh for one in claims) == 1
    assert len({one.run_id for one in claims}) == 1


async def test_a_key_is_held_for_its_time_to_live_and_then_free(alone: TidegateClient, org: str) -> None:
    ttl, began = 2.0, time.monotonic()
    await claim(alone, org, "run-0", ttl=ttl)
    count, held = 0, 0.0
    while True:
        count += 1
        asked = time.monotonic()
        one = await claim(alone, org, f"run-{count}", ttl=ttl)
        if one.fresh:
            break
        assert one.run_id == "run-0"
        held = asked - began
        await asyncio.sleep(0.02)
    freed = time.monotonic() - began
    assert held > ttl - 0.25, "it was free too early"
    assert freed < ttl + 1.5, "it was free too late"
    assert (await claim(alone, org, "late")).run_id == f"run-{count}"


@pytest.mark.parametrize("ttl", [DAY, 30 * DAY])
async def test_a_key_is_held_for_days(skipping: tuple[WorkflowEnvironment, Runs], org: str, ttl: float) -> None:
    environment, runs = skipping
    tidegate = runs.tidegate
    with environment.with_time_skipping_disabled():  # else the time to live may be skipped at once
        await claim(tidegate, org, "run-1", ttl=ttl)
    await environment.fast_forward(handle(tidegate, org), timedelta(seconds=ttl - 60))
    assert (await claim(tidegate, org, "run-2", ttl=ttl)).run_id == "run-1"
    await environment.fast_forward(handle(tidegate, org), timedelta(seconds=120))
    await eventually(lambda: claim(tidegate, org, "run-3", ttl=ttl), lambda one: one.run_id == "run-3")


@pytest.mark.parametrize("ttl", [0.0, -1.0])
async def test_a_time_to_live_that_is_none(alone: TidegateClient, org: str, ttl: float) -> None:
    with pytest.raises(InputInvalid):
        await claim(alone, org, "run-1", ttl=ttl)


async def test_a_time_to_live_of_a_thousand_years(alone: TidegateClient, org: str) -> None:
    assert (await claim(alone, org, "run-1", ttl=1e12)).fresh
    assert not (await claim(alone, org, "run-2")).fresh


async def test_stray_messages_do_not_end_a_claim(runs: Runs, org: str) -> None:
    await claim(runs.tidegate, org, "run-1", ttl=3.0)
    await handle(runs.tidegate, org).signal("anything", {"a": 1})
    await handle(runs.tidegate, org).cancel()
    await eventually(lambda: handle(runs.tidegate, org).describe(), lambda found: found.history_length >= 6)
    assert (await claim(runs.tidegate, org, "run-2")).run_id == "run-1"
    await eventually(lambda: claim(runs.tidegate, org, "run-3"), lambda one: one.run_id == "run-3")


# --- runs of a claim ---


def facts(runs: Runs) -> RunFacts:
    return runs.facts()


async def test_a_claim_outlives_its_run(runs: Runs, org: str) -> None:
    mine = facts(runs)
    first = await claim(runs.tidegate, org, mine.run_id)
    _, made = await runs.tidegate.start_claimed(first, WAIT, mine)
    assert made
    await runs.parked(mine.run_id)
    await runs.send(mine.run_id, "go")
    await runs.ended(mine.run_id)
    again = await claim(runs.tidegate, org, "another")
    description, made = await runs.tidegate.start_claimed(again, WAIT, facts(runs))
    assert not made
    assert (description.facts.run_id, description.status) == (mine.run_id, "succeeded")


async def test_a_claimant_that_died_before_it_started_its_run(runs: Runs, org: str) -> None:
    mine = facts(runs)
    await claim(runs.tidegate, org, mine.run_id)
    found = await claim(runs.tidegate, org, "another")
    assert not found.fresh
    starts = [runs.tidegate.start_claimed(found, WAIT, facts(runs), start_at=None) for _ in range(10)]
    answers = await asyncio.gather(*starts)
    assert sum(made for _, made in answers) == 1
    assert {description.facts.run_id for description, _ in answers} == {mine.run_id}
    await runs.parked(mine.run_id)


async def test_an_old_claim_of_a_run_that_is_gone_starts_nothing(runs: Runs, org: str) -> None:
    mine = facts(runs)
    await claim(runs.tidegate, org, mine.run_id)
    found = await claim(runs.tidegate, org, "another")
    old = replace(found, claimed_at=datetime.now(timezone.utc) - HEALING)
    with pytest.raises(NotFound):
        await runs.tidegate.start_claimed(old, WAIT, mine)
    with pytest.raises(NotFound):
        await runs.describe(mine.run_id)


async def test_after_the_time_to_live_there_is_a_new_run_though_the_first_still_runs(runs: Runs, org: str) -> None:
    first, second = facts(runs), facts(runs)
    await runs.tidegate.start_claimed(await claim(runs.tidegate, org, first.run_id, ttl=0.5), WAIT, first)
    await runs.parked(first.run_id)
    fresh = await eventually(lambda: claim(runs.tidegate, org, second.run_id), lambda one: one.fresh)
    description, made = await runs.tidegate.start_claimed(fresh, WAIT, second)
    assert made and description.facts.run_id == second.run_id
    await runs.parked(second.run_id)
    assert (await runs.describe(first.run_id)).status == "running"


async def test_many_starts_with_one_key_make_one_run(runs: Runs, org: str) -> None:
    async def start() -> tuple[str, bool]:
        mine = facts(runs)
        found = await claim(runs.tidegate, org, mine.run_id)
        description, made = await runs.tidegate.start_claimed(found, WAIT, mine)
        return description.facts.run_id, made

    answers = await asyncio.gather(*(start() for _ in range(20)))
    assert len({run_id for run_id, _ in answers}) == 1
    assert sum(made for _, made in answers) == 1
