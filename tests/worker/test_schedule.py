"""Runs that are to begin later: visible before, never early, whatever is sent to them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from definitions.contract import CONTINUE_AS_NEW, RunSnapshot
from definitions.errors import RunClosed
from definitions.model import Definition
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_interpreter import block, path, wait
from worker.client import RunDescription
from worker.views import RunQuery

ECHO = block("x", x={"kind": "assign", "value": path("${input.n}")})
WAIT = block("w", w=wait("go"))


async def schedule(runs: Runs, delay: timedelta, body: dict[str, object], input: object = None) -> RunDescription:
    definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": body})
    at = datetime.now(timezone.utc) + delay
    description, made = await runs.tidegate.start_run(definition, runs.facts(), input, start_at=at)
    assert made and description.status == "scheduled"
    return description


async def began_at(runs: Runs, run_id: str) -> datetime:
    snapshot = await runs.ended(run_id)
    return datetime.fromisoformat(snapshot.records[0].started_at.replace("Z", "+00:00"))


def start_at(description: RunDescription) -> datetime:
    assert description.facts.start_at is not None
    return datetime.fromisoformat(description.facts.start_at.replace("Z", "+00:00"))


async def listed(runs: Runs, status: str | None) -> list[tuple[str, str]]:
    page = await runs.tidegate.list_runs(RunQuery(DIALECT, runs.organisation, status=status))  # type: ignore[arg-type]
    return [(run.facts.run_id, run.status) for run in page.runs]


async def test_a_run_begins_when_its_time_has_come(runs: Runs) -> None:
    planned = await schedule(runs, timedelta(seconds=1.5), ECHO, {"n": 7})
    run_id = planned.facts.run_id
    assert (await runs.describe(run_id)).status == "scheduled"
    assert await runs.snapshot(run_id) == RunSnapshot("scheduled", None, {"input": {"n": 7}}, [], [])
    assert await began_at(runs, run_id) >= start_at(planned)
    assert (await runs.describe(run_id)).status == "succeeded"


async def test_it_is_listed_before_it_begins(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        planned = (await schedule(runs, timedelta(seconds=3), WAIT)).facts.run_id
        await runs.parked(running := await runs.start(WAIT))
        await eventually(lambda: listed(runs, None), lambda rows: len(rows) == 2)
        assert await listed(runs, "scheduled") == [(planned, "scheduled")]
        assert await listed(runs, "running") == [(running, "running")]
        assert set(await listed(runs, None)) == {(planned, "scheduled"), (running, "running")}
        await runs.parked(planned)
        assert await listed(runs, "scheduled") == []
        assert {run_id for run_id, _ in await listed(runs, "running")} == {planned, running}


async def test_a_time_that_has_passed_holds_nothing_back(runs: Runs) -> None:
    definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": ECHO})
    facts = runs.facts()
    past = datetime.now(timezone.utc) - timedelta(days=1)
    description, _ = await runs.tidegate.start_run(definition, facts, {"n": 1}, start_at=past)
    assert description.status == "pending"
    assert (await runs.ended(facts.run_id)).output == 1


async def test_the_same_start_again_is_the_same_run(runs: Runs) -> None:
    planned = await schedule(runs, timedelta(hours=1), ECHO)
    definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": ECHO})
    later = datetime.now(timezone.utc) + timedelta(hours=5)
    again, made = await runs.tidegate.start_run(definition, planned.facts, None, start_at=later)
    assert not made and again.status == "scheduled"
    assert again.facts.start_at == planned.facts.start_at


async def test_an_early_event_is_kept_and_does_not_begin_the_run(runs: Runs) -> None:
    planned = await schedule(runs, timedelta(seconds=2), WAIT)
    run_id = planned.facts.run_id
    outcome = await runs.send(run_id, "go", {"n": 1}, id="early")
    assert outcome.status == "buffered"
    assert (await runs.describe(run_id)).status == "scheduled"
    await runs.handle(run_id).signal("go", {"n": 2})
    assert (await runs.send(run_id, "go", {"n": 3}, id="early")).status == "buffered"
    snapshot = await runs.ended(run_id)
    assert snapshot.output == {"n": 1}
    assert [(record.event, record.output) for record in snapshot.records][:2] == [("go", {"n": 1}), ("go", {"n": 2})]
    assert len([record for record in snapshot.records if record.event is not None]) == 2
    first_step = next(record for record in snapshot.records if record.event is None)
    assert datetime.fromisoformat(first_step.started_at.replace("Z", "+00:00")) >= start_at(planned)
    assert datetime.fromisoformat(snapshot.records[0].started_at.replace("Z", "+00:00")) < start_at(planned)


async def test_a_run_that_was_woken_early_can_be_read_and_continues_as_new(runs: Runs) -> None:
    run_id = (await schedule(runs, timedelta(hours=1), WAIT, {"n": 7})).facts.run_id
    await runs.send(run_id, "go")
    assert (await runs.snapshot(run_id)).data == {"input": {"n": 7}}
    first = (await runs.describe(run_id)).temporal_run_id
    await runs.handle(run_id).signal(CONTINUE_AS_NEW)
    await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != first)
    assert (await runs.describe(run_id)).status == "scheduled"
    snapshot = await runs.snapshot(run_id)
    assert (snapshot.status, snapshot.data) == ("scheduled", {"input": {"n": 7}})


async def test_it_can_be_cancelled_before_it_begins_and_resumed(runs: Runs) -> None:
    planned = await schedule(runs, timedelta(seconds=2), ECHO, {"n": 7})
    run_id = planned.facts.run_id
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    snapshot = await runs.ended(run_id, "cancelled")
    assert snapshot.records == []
    with pytest.raises(RunClosed):
        await runs.send(run_id, "go")
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    assert (await runs.describe(run_id)).status == "scheduled"
    assert await began_at(runs, run_id) >= start_at(planned)
    assert (await runs.snapshot(run_id)).output == 7


async def test_no_worker_while_its_time_comes(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        queue = runs.tidegate.task_queue
    run_id = (await schedule(runs, timedelta(seconds=0.3), ECHO, {"n": 7})).facts.run_id
    await eventually(lambda: runs.describe(run_id), lambda d: d.status == "pending")
    async with runs_on(temporal_client, queue):
        assert (await runs.ended(run_id)).output == 7


async def test_a_start_in_weeks(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, runs = skipping
    with environment.with_time_skipping_disabled():  # else the delay is skipped at once
        run_id = (await schedule(runs, timedelta(days=30), WAIT)).facts.run_id
    await environment.fast_forward(runs.handle(run_id), timedelta(days=30) - timedelta(minutes=1))
    assert (await runs.describe(run_id)).status == "scheduled"
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=2))
    await runs.parked(run_id)
    assert (await runs.describe(run_id)).status == "running"
    await runs.send(run_id, "go", {"n": 1})
    assert (await runs.ended(run_id)).output == {"n": 1}
