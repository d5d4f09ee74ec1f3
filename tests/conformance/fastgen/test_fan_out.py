"""One event to many listeners, many events to some: each is started exactly once, also by a publisher that repeats."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from tests.conformance.fastgen.samples import creates, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action

LISTENERS, EVENTS, SOME = 60, 100, 5
AT_ONCE = 8


async def listening(vendor: Vendor, event: str, count: int) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            await vendor.workflow(f"W{number}", event, variable("Seen", "{{$param.n}}"))

    await asyncio.gather(*map(one, range(count)))


@pytest.mark.timeout(180)
async def test_one_event_starts_each_of_many_listeners_once(vendor: Vendor) -> None:
    await listening(vendor, "e", LISTENERS)
    body = {"event": "e", "params": {"n": 7}, "event_id": "one"}
    answers = await asyncio.gather(*(vendor.send("POST", "/events", body) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    started = {tuple(sorted(answer.json()["started"])) for answer in answers}
    assert len(started) == 1
    [runs] = started
    assert len(set(runs)) == LISTENERS
    for run in runs:
        assert action(await vendor.ended(run), "Seen")["output"] == 7
    assert {row["id"] for row in await all_runs(vendor)} == set(runs)


async def all_runs(vendor: Vendor) -> list[Json]:
    rows: list[Json] = []
    cursor = None
    while True:
        asked = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = await vendor.ok("GET", "/runs", params=asked)
        rows, cursor = rows + page["runs"], page["nextCursor"]
        if cursor is None:
            return rows


@pytest.mark.timeout(180)
async def test_many_events_start_each_of_some_listeners_once(vendor: Vendor) -> None:
    """A thousand events a minute to ten listeners is 167 runs a second; the rates are in the benchmark's figures."""
    await listening(vendor, "e", SOME)
    await vendor.route("emit", "POST", "/emit/{n}", creates("e", {"n": "{{$path.n}}"}), returns("sent"))
    places = asyncio.Semaphore(AT_ONCE)

    async def emit(number: int) -> list[str]:
        async with places:
            if number % 2:
                started: list[str] = (await vendor.publish("e", {"n": str(number)}))["started"]
                return started
            answer = await vendor.call("POST", f"/emit/{number}")
            found: list[str] = action(await vendor.run(answer.headers["x-run-id"]), "Emit")["output"]["started"]
            return found

    began = time.monotonic()
    started = await asyncio.gather(*map(emit, range(EVENTS)))
    took = time.monotonic() - began
    runs = [run for one in started for run in one]
    assert len(set(runs)) == len(runs) == EVENTS * SOME
    rows = [await vendor.ended(run) for run in runs[:: SOME * 4]]
    assert all(row["status"] == "succeeded" for row in rows)
    for number in range(SOME):
        counted = Counter(row["workflow"] for row in await all_runs(vendor) if row.get("workflow") == f"W{number}")
        assert counted == {f"W{number}": EVENTS}
    assert took < 120
