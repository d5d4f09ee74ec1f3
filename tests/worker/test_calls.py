"""Calls that are cancelled, given up and repeated: attempts are counted right, and what is stopped does not go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client

from definitions.contract import Call
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_interpreter import block, literal, wait
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed

#: What one call does: an output, or an exception.
Act = Callable[[], Awaitable[Any]]


class Service:
    """What calls go to: does one act after the other, and the last one ever again."""

    def __init__(self) -> None:
        self.acts: list[Act] = [forever]
        self.keys: list[str] = []
        self.attempts: list[int] = []

    async def run(self, call: Call, tools: Tools) -> Any:
        self.keys.append(call.context.idempotency_key)
        self.attempts.append(activity.info().attempt)
        return await self.acts[min(len(self.keys), len(self.acts)) - 1]()

    async def called(self, count: int) -> None:
        async def read() -> int:
            return len(self.keys)

        await eventually(read, lambda calls: calls >= count)


async def forever() -> None:
    await asyncio.sleep(3600)


async def failing() -> None:
    raise call_failed("no-luck", "not this time")


async def refusing() -> None:
    raise call_failed("no-luck", "never", retryable=False)


async def answering() -> Any:
    return {"done": True}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setattr("worker.activities.activity.load_executors", lambda: {"service": Executor(made.run)})
    return made


def call(attempts: int = 1, **more: Any) -> dict[str, Any]:
    retry = {"maximum_attempts": attempts, "initial_interval": 0.05, "backoff_coefficient": 1}
    return {"kind": "call", "executor": "service", "retry": retry, **more}


async def cancel(runs: Runs, run_id: str) -> None:
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)


async def test_a_cancelled_call_is_not_a_failed_one(temporal_client: Client, service: Service) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call(on_error="w"), w=wait("never")))
        await service.called(1)
        await cancel(runs, run_id)
        snapshot = await runs.ended(run_id, "cancelled")
        assert snapshot.records == []


async def test_a_call_is_cancelled_between_its_attempts(temporal_client: Client, service: Service) -> None:
    service.acts = [failing]
    step = call(5, on_error="w")
    step["retry"]["initial_interval"] = 3600
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=step, w=wait("never")))
        await service.called(1)
        await cancel(runs, run_id)
        assert (await runs.ended(run_id, "cancelled")).records == []


async def test_the_loser_of_a_race_does_not_go_on(temporal_client: Client, service: Service) -> None:
    loser = block("c", c=call(on_error="w"), w=wait("never"))
    step = {"kind": "parallel", "strategy": "race", "branches": {"wins": block("w", w=wait("go")), "loses": loser}}
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("p", p=step))
        await service.called(1)
        await runs.send(run_id, "go", {"n": 1})
        assert (await runs.ended(run_id)).output == {"n": 1}


async def test_a_cancelled_call_is_resumed_under_the_same_key(temporal_client: Client, service: Service) -> None:
    service.acts = [forever, answering]
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call()))
        await service.called(1)
        await cancel(runs, run_id)
        await runs.ended(run_id, "cancelled")
        await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
        assert (await runs.ended(run_id)).output == {"done": True}
    assert service.keys == [f"{run_id}/c/1"] * 2


@pytest.mark.parametrize(("acts", "calls"), [([failing], 3), ([refusing], 1), ([failing, refusing], 2)])
async def test_attempts_are_used_up(temporal_client: Client, service: Service, acts: list[Act], calls: int) -> None:
    service.acts = acts
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call(3)))
        await runs.ended(run_id, "failed")
    assert service.keys == [f"{run_id}/c/1"] * calls


async def test_each_attempt_has_its_own_timeout(temporal_client: Client, service: Service) -> None:
    service.acts = [forever, answering]
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call(2, timeout=0.5)))
        assert (await runs.ended(run_id)).output == {"done": True}
        late = await runs.start(
            block("c", c=call(1, timeout=0.1, on_error="e"), e={"kind": "assign", "value": literal(1)})
        )
        service.acts = [forever]
        snapshot = await runs.ended(late)
        assert snapshot.data["error"]["code"] == "call-timeout"


@pytest.mark.parametrize("lost_at", [1, 2, 3])
async def test_a_lost_worker_uses_up_no_attempt(
    temporal_client: Client, service: Service, monkeypatch: pytest.MonkeyPatch, lost_at: int
) -> None:
    # The activity's own heartbeats come later than that: for Temporal its worker is lost.
    monkeypatch.setattr("worker.steps.call.HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    service.acts = [failing] * 7
    service.acts[lost_at - 1] = forever
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call(3)))
        assert (await runs.ended(run_id, "failed")).error == "not this time"
    assert service.keys == [f"{run_id}/c/1"] * 4


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_worker_that_is_stopped_uses_up_no_attempt(
    temporal_client: Client, service: Service, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monkeypatch.setattr("worker.__main__.GRACE", timedelta(seconds=0.1))
    service.acts = [*[failing] * failures, forever, answering]
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("c", c=call(1 + failures)))
        await service.called(1 + failures)
    async with runs_on(temporal_client, runs.tidegate.task_queue) as after:
        after.organisation = runs.organisation
        assert (await after.ended(run_id)).output == {"done": True}
    assert service.attempts == [*range(1, failures + 2), 1]


async def test_large_calls_at_once_go_over_several_tasks(temporal_client: Client, service: Service) -> None:
    service.acts = [answering]
    step = {"kind": "call", "executor": "service", "input": {"language": "path", "source": "${input}"}}
    each = {
        "kind": "each", "items": literal(list(range(60))), "at_once": 60, "body": block("c", c=step),
    }  # fmt: skip
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("e", e=each), "x" * 150_000)
        assert len((await runs.ended(run_id)).output) == 60


async def test_a_run_has_only_so_many_calls_at_work(
    temporal_client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.interpreter.CALLS_AT_ONCE", 5)
    service.acts = [answering]
    step = {"kind": "call", "executor": "service"}
    inner = {"kind": "each", "items": literal(list(range(10))), "at_once": 10, "body": block("c", c=step)}
    outer = {"kind": "each", "items": literal([1, 2, 3]), "at_once": 3, "body": block("i", i=inner)}
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("o", o=outer))
        assert [len(one) for one in (await runs.ended(run_id)).output] == [10, 10, 10]
        at_work = most = 0
        async for event in runs.handle(run_id).fetch_history_events():
            at_work += event.HasField("activity_task_scheduled_event_attributes")
            at_work -= event.HasField("activity_task_completed_event_attributes")
            most = max(most, at_work)
    assert most == 5
