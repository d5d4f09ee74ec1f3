"""Attempts of a run: completed steps stay so, the failed one goes on after a pause, some failures are final."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from definitions.errors import NotResumable, RunClosed
from definitions.model import Definition, RetryPolicy
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.activities.local_server import LocalServer
from tests.worker.http_target import BAD, Target, ok
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, path, statuses, wait
from worker.attempts import pause_after

SOON = {"maximum_attempts": 3, "initial_interval": 0.05}
LATER = {"maximum_attempts": 3, "initial_interval": 3600.0}


@pytest.fixture
def target() -> Iterator[Target]:
    with LocalServer() as server:
        yield Target(server)


async def pausing(runs: Runs, run_id: str) -> Any:
    return await eventually(lambda: runs.snapshot(run_id), lambda s: s.retry_at is not None)


async def test_the_failed_step_goes_on_and_completed_ones_never_run_again(runs: Runs, target: Target) -> None:
    body = block(
        "load",
        load=target.on("/load", ok({"n": 1}), save={"output": ["loaded"]}, next="send"),
        send=target.on("/send", BAD, BAD, ok(), next="last"),
        last={"kind": "assign", "value": path("${loaded.body.n}")},
    )
    run_id = await runs.start(body, attempts=SOON)
    snapshot = await runs.ended(run_id)
    assert snapshot.output == 1
    assert target.calls("/load") == 1
    keys = target.keys("/send")
    assert len(keys) == 3 and len(set(keys)) == 1, "the same visit, so the same key"
    assert snapshot.attempts == 3
    assert statuses(snapshot.records) == [
        ("load", "success"),
        ("send", "failure"),
        ("send", "failure"),
        ("send", "success"),
        ("last", "success"),
    ]
    assert [record.attempt for record in snapshot.records] == [1, 1, 2, 3, 3]


async def test_after_the_last_attempt_the_run_fails(runs: Runs, target: Target) -> None:
    run_id = await runs.start(block("send", send=target.on("/send", BAD)), attempts=SOON)
    snapshot = await runs.ended(run_id, "failed")
    assert target.calls("/send") == 3
    assert (snapshot.attempts, snapshot.retry_at) == (3, None)
    assert snapshot.error is not None and "500" in snapshot.error


async def test_without_attempts_a_run_fails_at_once(runs: Runs, target: Target) -> None:
    run_id = await runs.start(block("send", send=target.on("/send", BAD)))
    await runs.ended(run_id, "failed")
    assert target.calls("/send") == 1


async def test_the_number_of_attempts_can_be_set_for_one_run(runs: Runs, target: Target) -> None:
    definition = Definition.model_validate(
        {
            "dialect": DIALECT,
            "name": "test",
            "body": block("send", send=target.on("/send", BAD)),
            "attempts": {"maximum_attempts": 5, "initial_interval": 0.05},
        }
    )
    facts = runs.facts()
    await runs.tidegate.start_run(definition, facts, max_attempts=2)
    assert (await runs.ended(facts.run_id, "failed")).attempts == 2
    assert target.calls("/send") == 2
    assert definition.attempts.maximum_attempts == 5


async def test_a_pause_is_shown_carried_and_can_be_cancelled(runs: Runs, target: Target) -> None:
    body = block("send", send=target.on("/send", BAD))
    run_id = await runs.start(body, attempts=LATER)
    before = await pausing(runs, run_id)
    assert (before.status, before.next_step, before.attempts) == ("running", "send", 1)
    await renew(runs, run_id)
    after = await pausing(runs, run_id)
    assert (after.retry_at, after.attempts, after.records) == (before.retry_at, 1, before.records)
    history = await runs.handle(run_id).fetch_history()
    timers = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    assert b"attempt 2 of 3" in timers[-1].user_metadata.summary.data
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    assert (await runs.ended(run_id, "cancelled")).retry_at is None
    assert target.calls("/send") == 1


async def test_events_are_kept_during_a_pause(runs: Runs, target: Target) -> None:
    body = block("send", send=target.on("/send", BAD, ok(), next="w"), w=wait("go"))
    run_id = await runs.start(body, attempts={"maximum_attempts": 2, "initial_interval": 1.0})
    await pausing(runs, run_id)
    assert (await runs.send(run_id, "go", {"n": 1})).status == "buffered"
    assert (await runs.ended(run_id)).output == {"n": 1}


@pytest.mark.parametrize(
    ("step", "code_of"),
    [
        (wait("go", deadline={"after": 0.1}), "deadline"),
        ({"kind": "assign", "value": path("${nothing}")}, "nothing"),
        ({"kind": "assign", "next": path("${input}")}, "no step"),
    ],
)
async def test_what_another_attempt_cannot_mend_is_final(runs: Runs, step: dict[str, Any], code_of: str) -> None:
    run_id = await runs.start(block("x", x=step), "nowhere", attempts=LATER)
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.attempts == 1
    assert snapshot.error is not None and code_of in snapshot.error


async def test_a_deadline_in_a_branch_is_final_too(runs: Runs) -> None:
    branches = {"a": block("w", w=wait("go", deadline={"after": 0.1}))}
    run_id = await runs.start(block("p", p={"kind": "parallel", "branches": branches}), attempts=LATER)
    assert (await runs.ended(run_id, "failed")).attempts == 1


async def test_finished_branches_stay_finished_and_waits_keep_their_events(runs: Runs, target: Target) -> None:
    branches = {
        "done": block("x", x=target.on("/done", ok())),
        "failing": block("x", x=target.on("/failing", BAD, ok())),
        "parked": block("w", w=wait("a", "b")),
    }
    step = {"kind": "parallel", "branches": branches, "strategy": "fail_fast"}
    run_id = await runs.start(block("p", p=step), attempts={"maximum_attempts": 2, "initial_interval": 1.0})
    await pausing(runs, run_id)
    await runs.send(run_id, "a", {"n": 1})
    await runs.parked(run_id)
    await runs.send(run_id, "b", {"m": 2})
    assert (await runs.ended(run_id)).output["parked"] == {"n": 1, "m": 2}
    assert (target.calls("/done"), target.calls("/failing")) == (1, 2)


async def test_a_manual_retry_has_all_attempts_again(runs: Runs, target: Target) -> None:
    body = block(
        "charge",
        charge=target.on("/charge", ok(), next="provision"),
        provision=target.on("/provision", BAD, BAD, BAD, BAD, ok()),
    )
    run_id = await runs.start(body, attempts={"maximum_attempts": 2, "initial_interval": 0.05})
    assert (await runs.ended(run_id, "failed")).attempts == 2
    with pytest.raises(RunClosed):
        await runs.send(run_id, "go")
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    assert (await runs.ended(run_id, "failed")).attempts == 2
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    snapshot = await runs.ended(run_id)
    assert (snapshot.attempts, target.calls("/charge"), target.calls("/provision")) == (1, 1, 5)
    assert len(set(target.keys("/provision"))) == 1
    with pytest.raises(NotResumable):
        await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)


async def test_a_manual_retry_of_a_wait_that_timed_out(runs: Runs, target: Target) -> None:
    body = block("a", a=target.on("/a", ok(), next="w"), w=wait("go", deadline={"after": 0.5}))
    run_id = await runs.start(body, attempts=SOON)
    await runs.ended(run_id, "failed")
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": 1})
    assert (await runs.ended(run_id)).output == {"n": 1}
    assert target.calls("/a") == 1


async def test_a_worker_that_stops_during_the_pause(temporal_client: Client, target: Target) -> None:
    body = block("a", a=target.on("/a", ok(), next="b"), b=target.on("/b", BAD, ok()))
    async with runs_on(temporal_client) as first:
        run_id = await first.start(body, attempts={"maximum_attempts": 2, "initial_interval": 1.0})
        await pausing(first, run_id)
        queue = first.tidegate.task_queue
    async with runs_on(temporal_client, queue):
        assert (await first.ended(run_id)).attempts == 2
    assert (target.calls("/a"), target.calls("/b")) == (1, 2)


async def test_runs_fail_and_recover_side_by_side(runs: Runs, target: Target) -> None:
    body = block("a", a=target.on("/many", *([BAD] * 10), ok()))
    started = [await runs.start(body, attempts={**SOON, "maximum_attempts": 20}) for _ in range(5)]
    ended = await asyncio.gather(*(runs.ended(run_id) for run_id in started))
    assert sum(snapshot.attempts for snapshot in ended) == target.calls("/many") == 15


async def test_pauses_of_hours(skipping: tuple[WorkflowEnvironment, Runs], target: Target) -> None:
    environment, runs = skipping
    run_id = await runs.start(block("send", send=target.on("/send", BAD, BAD, ok())), attempts=LATER)
    await pausing(runs, run_id)
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=59))
    assert target.calls("/send") == 1
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=2))
    await eventually(lambda: runs.snapshot(run_id), lambda s: s.attempts == 2 and s.retry_at is not None)
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=59))
    assert target.calls("/send") == 2
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=62))
    assert (await runs.ended(run_id)).attempts == 3


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        ({}, [1, 2, 4, 8, 16, 32, 64, 100, 100]),
        ({"initial_interval": 10.0, "backoff_coefficient": 1.0}, [10, 10, 10]),
        ({"initial_interval": 500.0}, [500, 500]),
    ],
)
def test_pauses_grow_up_to_the_longest(policy: dict[str, Any], pauses: list[float]) -> None:
    retry = RetryPolicy.model_validate(policy)
    assert [pause_after(retry, attempt) for attempt in range(1, len(pauses) + 1)] == pauses


def test_a_pause_never_overflows() -> None:
    policy = RetryPolicy(backoff_coefficient=1000, maximum_interval=1e9)
    assert pause_after(policy, 1000) == 1e9
