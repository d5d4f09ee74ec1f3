"""An event and a deadline that meet: one of them wins, and the sender's answer agrees with the run."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
from temporalio.client import Client

from definitions import contract
from definitions.contract import DeliveryOutcome, Event
from definitions.errors import RunClosed, Unavailable
from tests.running import DIALECT, Runs, runs_on
from tests.worker.test_interpreter import block, literal, wait
from worker.rpc import execute_update


async def race(runs: Runs, offset: float) -> bool:
    """Send an event `offset` seconds from the deadline; whether it won, by the sender's answer and by the run."""
    deadline = {"after": 1, "then": "goto", "step": "late"}
    late = {"kind": "assign", "value": literal("late"), "next": "end"}
    run_id = await runs.start(block("w", w=wait("go", deadline=deadline, next="end"), late=late, end=wait("end")))
    until = (await runs.parked(run_id)).waits[0].deadline
    assert until is not None
    moment = datetime.fromisoformat(until.replace("Z", "+00:00"))
    await asyncio.sleep(max(0.0, (moment - datetime.now(timezone.utc)).total_seconds() + offset))
    outcome = await runs.send(run_id, "go", {"n": 1})
    await runs.send(run_id, "end")
    snapshot = await runs.ended(run_id)
    expired = any(record.step == "late" for record in snapshot.records)
    assert (outcome.status == "matched") == (not expired)
    assert outcome.status in ("matched", "buffered")
    return not expired


async def test_event_against_deadline(runs: Runs) -> None:
    offsets = [step * 0.004 for step in range(-12, 13)]
    results = await asyncio.gather(*(race(runs, offset) for offset in offsets))
    assert len(results) == len(offsets)


async def test_events_sent_at_once_have_one_winner(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", next="end"), end=wait("end")))
    await runs.parked(run_id)
    outcomes = await asyncio.gather(*(runs.send(run_id, "go", {"n": n}, id=f"event-{n}") for n in range(9)))
    assert sorted(outcome.status for outcome in outcomes) == ["buffered"] * 8 + ["matched"]
    await runs.send(run_id, "end")
    await runs.ended(run_id)


async def test_a_cancel_that_meets_a_continue_as_new_is_not_lost(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        started = [await runs.start(block("w", w=wait("end"))) for _ in range(5)]
        await asyncio.gather(*(runs.parked(run_id) for run_id in started))
    for run_id in started:  # both are there when a worker comes
        await runs.handle(run_id).signal(contract.CONTINUE_AS_NEW)
        await runs.handle(run_id).cancel()
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        for run_id in started:
            await runs.ended(run_id, "cancelled")


async def test_an_event_that_ended_its_run_is_no_refusal_when_its_answer_comes_too_late(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await runs.start(block("w", w=wait("go")))
    await runs.parked(run_id)

    async def late(*args: Any, **more: Any) -> DeliveryOutcome:
        outcome: DeliveryOutcome = await execute_update(*args, **more)
        await runs.ended(run_id)
        raise Unavailable(f"no answer in time: {outcome.status}", part="worker")

    monkeypatch.setattr("worker.run_client.execute_update", late)
    event = Event(id=str(uuid.uuid4()), name="go")
    outcome = await runs.tidegate.deliver(DIALECT, runs.organisation, run_id, event, may_signal=True)
    assert outcome.status == "matched"

    async def never(*args: Any, **more: Any) -> DeliveryOutcome:
        raise Unavailable("no answer in time", part="worker")

    monkeypatch.setattr("worker.run_client.execute_update", never)
    other = Event(id=str(uuid.uuid4()), name="go")
    with pytest.raises(RunClosed):
        await runs.tidegate.deliver(DIALECT, runs.organisation, run_id, other, may_signal=True)
