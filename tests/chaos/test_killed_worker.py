"""The worker is killed while runs call, count, send and pause: each run's effects count once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from tests.running import Runs, eventually
from tests.worker.activities.local_server import LocalServer
from tests.worker.http_target import BAD, Target, ok
from tests.worker.mailboxes import correlated, post
from tests.worker.run_worker import kill, start_worker
from tests.worker.test_interpreter import block, path
from worker.client import RunDescription, TidegateClient

RUNS = 6


@pytest.fixture
def target() -> Iterator[Target]:
    with LocalServer() as server:
        yield Target(server)


@pytest.mark.timeout(120)
async def test_runs_go_on_where_they_were(temporal_client: Client, temporal_address: str, target: Target) -> None:
    queue, counter = f"killed-{uuid.uuid4()}", str(uuid.uuid4())
    runs = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    count = {"kind": "store", "operation": "increment", "key": path(counter), "save": {"output": ["number"]}}
    body = block(
        "first",
        first={**target.on("/first", ok()), "next": "count"},
        count={**count, "next": "flaky"},
        flaky={**target.on("/flaky", *[BAD] * RUNS, ok()), "next": "tell"},
        tell={"kind": "send", "event": "go", "key": path("${input.key}"), "payload": path("${number}"), "next": "last"},
        last=target.on("/last", ok()),
    )
    attempts = {"maximum_attempts": 50, "initial_interval": 1.0, "backoff_coefficient": 1.0}
    process = await start_worker(temporal_address, queue)
    try:
        started = [await runs.start(body, {"key": f"k{n}"}, attempts=attempts) for n in range(RUNS)]
        for path_, calls in (("/first", 3), ("/flaky", RUNS // 2)):
            await _called(target, path_, calls)
            await kill(process)
            process = await start_worker(temporal_address, queue)
        ended = [await _ended(runs, run_id) for run_id in started]
        assert {description.status for description in ended} == {"succeeded"}
        for path_ in ("/first", "/flaky", "/last"):
            assert len(set(target.keys(path_))) == RUNS, "every repetition carries its visit's key"
        numbers = [(await runs.snapshot(run_id)).data["number"] for run_id in started]
        assert sorted(numbers) == list(range(1, RUNS + 1))
        for n, number in enumerate(numbers):
            await post(runs, f"k{n}", "the next one")
            waiting = [await runs.start(correlated(), {"key": f"k{n}"}) for _ in range(2)]
            got = [(await runs.ended(run_id)).output for run_id in waiting]
            assert sorted(map(str, got)) == sorted([str(number), "the next one"])
    finally:
        await kill(process)


async def _called(target: Target, path_: str, least: int) -> None:
    async def calls() -> int:
        return target.calls(path_)

    await eventually(calls, lambda seen: seen >= least)


async def _ended(runs: Runs, run_id: str) -> RunDescription:
    return await eventually(lambda: runs.describe(run_id), lambda description: description.closed_at is not None, 60)
