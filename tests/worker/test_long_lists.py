"""Lists too long to be held as a whole: the same rows in the same order, for a bounded number of queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.client import Client

from definitions.contract import RunFacts
from definitions.errors import Unavailable
from tests.worker.puppets import Stage, new_stage
from worker import listing, run_rows, run_windows
from worker.client import TidegateClient
from worker.run_windows import MAX_COUNTS, MAX_WINDOWS
from worker.views import RunPage


@pytest.fixture
async def stage(temporal_client: Client) -> AsyncIterator[Stage]:
    stage = new_stage(temporal_client)
    async with stage.worker():
        yield stage


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query that a list sends."""
    sent: list[str] = []

    def noting(function: Any) -> Any:
        def note(client: Client, query: str, **options: Any) -> Any:
            sent.append(query)
            return function(client, query, **options)

        return note

    for module in (listing, run_rows, run_windows):
        for name in ("count", "collect"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, noting(getattr(module, name)))
    return sent


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of more than four rows count as long, and windows of more than six as too large."""
    monkeypatch.setattr(listing, "EXACT_ROWS", 4)
    monkeypatch.setattr(run_windows, "WINDOW_ROWS", 6)


async def pages(stage: Stage, **conditions: Any) -> list[RunPage]:
    got = [await stage.page(**conditions)]
    while got[-1].next_page_token is not None:
        got.append(await stage.page(**conditions, page_token=got[-1].next_page_token))
    return got


def run_ids(got: list[RunPage]) -> list[str]:
    return [run.facts.run_id for page in got for run in page.runs]


def newest_first(made: list[RunFacts]) -> list[str]:
    return [one.run_id for one in sorted(made, key=lambda one: one.created_at, reverse=True)]


async def plant(stage: Stage, rows: int) -> list[RunFacts]:
    """Runs as they are: created a moment before they start."""
    made: list[RunFacts] = []

    async def start_some(times: int) -> None:
        for _ in range(times):
            made.append(facts := stage.facts())
            await stage.start(facts)

    await asyncio.gather(*(start_some(rows // 10) for _ in range(10)))
    return made


async def test_eleven_hundred_runs(stage: Stage, queries: list[str]) -> None:
    made = await plant(stage, 1_100)
    await stage.visible(1_100)
    got = await pages(stage, page_size=300)
    assert [page.total for page in got] == [1_100] * len(got)
    assert run_ids(got) == newest_first(made)
    assert len(got) == 4
    assert len(queries) <= 4 * 20, "far fewer than rows"
    queries.clear()
    middle = sorted(datetime.fromisoformat(facts.created_at.replace("Z", "+00:00")) for facts in made)[550]
    early = await pages(stage, page_size=200, created_before=middle)
    late = await pages(stage, page_size=200, created_after=middle + timedelta(microseconds=1))
    assert run_ids(late) + run_ids(early) == newest_first(made)
    # How many rows lie near the date depends on how fast they were planted: beyond 1,000 the total is a bound only.
    assert len({page.total for page in early}) == 1 and early[0].total >= len(run_ids(early))


async def test_long_and_short_lists_agree(stage: Stage, small_windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among all kinds of runs: open, closed, resumed, continued."""
    for kind in ["open", "fail", "resumed", "terminated", "complete", "continued", "resumed", "open", "fail", "open"]:
        facts = stage.facts()
        if kind in ("open", "continued"):
            await stage.start(facts, *(["continue", "stay"] if kind == "continued" else []))
        elif kind == "resumed":
            await stage.resume(facts, await stage.finish(facts, "fail"), "stay")
        else:
            await stage.finish(facts, kind)
    await stage.visible(14)
    await stage.visible(1, "ExecutionStatus = 'ContinuedAsNew'")
    for conditions in ({}, {"status": "running"}, {"status": "failed"}, {"child": False}, {"child": True}):
        for size in (1, 3, 50):
            windows = await pages(stage, page_size=size, **conditions)
            with monkeypatch.context() as patched:
                patched.setattr(listing, "EXACT_ROWS", 1_000)
                whole = await pages(stage, page_size=50, **conditions)
            assert run_ids(windows) == run_ids(whole), (conditions, size)
            assert {page.total for page in windows} == {whole[0].total}, (conditions, size)


async def test_long_lists_hold_every_run_once_while_new_ones_are_started(
    stage: Stage, small_windows: None, queries: list[str]
) -> None:
    made = await plant(stage, 30)
    await stage.visible(30)
    shown: list[str] = []
    token: str | None = None
    extra = 0
    while extra == 0 or token is not None:
        queries.clear()
        page = await stage.page(page_size=7, page_token=token)
        assert len(queries) <= (MAX_COUNTS + 3) * MAX_WINDOWS + 3
        assert page.total == 30 + extra
        shown += [run.facts.run_id for run in page.runs]
        token, extra = page.next_page_token, extra + 1
        await stage.start(stage.facts())
        await stage.visible(30 + extra)
    assert shown == newest_first(made)


async def test_a_list_keeps_its_order_though_it_grows_long_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "EXACT_ROWS", 10)
    made = await plant(stage, 10)
    await stage.visible(10)
    first = await stage.page(page_size=4)
    await plant(stage, 10)
    await stage.visible(20)
    second = await stage.page(page_size=4, page_token=first.next_page_token)
    await plant(stage, 10)
    await stage.visible(30)
    rest = await pages_from(stage, second)
    assert run_ids([first, second, *rest]) == newest_first(made)


async def pages_from(stage: Stage, page: RunPage) -> list[RunPage]:
    got: list[RunPage] = []
    while page.next_page_token is not None:
        page = await stage.page(page_size=4, page_token=page.next_page_token)
        got.append(page)
    return got


async def test_runs_of_long_ago_are_found_behind_an_empty_stretch(stage: Stage, small_windows: None) -> None:
    """Rows that do not match are skipped, and an old creation is an old row only while its execution is the first."""
    old = [stage.facts(created=datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=day)) for day in range(8)]
    for facts in old:
        await stage.start(facts)
    await stage.visible(8)
    assert sorted(run_ids(await pages(stage, page_size=3))) == sorted(facts.run_id for facts in old)
    after = datetime.now(timezone.utc) - timedelta(hours=1)
    got = await pages(stage, page_size=3, created_after=after)
    assert run_ids(got) == []


async def test_a_list_as_a_whole_is_bounded_in_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    async def slow(client: Client, query: str, **options: Any) -> int:
        calls.append(query)
        await asyncio.sleep(0.06)
        return 1_000_000

    monkeypatch.setattr(listing, "count", slow)
    monkeypatch.setattr(run_windows, "count", slow)
    tidegate = TidegateClient(stage.client, stage.queue, rpc_seconds=0.1)
    with pytest.raises(Unavailable) as refused:
        await tidegate.list_runs(stage.query())
    assert refused.value.part == "temporal"
    assert len(calls) > 1, "no single call took too long"
