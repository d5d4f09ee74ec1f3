"""Waits of weeks and months, on a real server that skips time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.conftest import temporal_executable
from tests.running import Runs, runs_on
from tests.worker.test_interpreter import block, literal, wait

SKIPPING = ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def skipping() -> AsyncIterator[tuple[WorkflowEnvironment, Runs]]:
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(), dev_server_extra_args=SKIPPING
    )
    async with environment, runs_on(environment.client) as runs:
        yield environment, runs


@pytest.mark.parametrize("days", [1, 30, 400])
async def test_a_deadline_far_away(skipping: tuple[WorkflowEnvironment, Runs], days: int) -> None:
    environment, runs = skipping
    deadline = {"after": days * 86400, "then": "goto", "step": "late"}
    late = {"kind": "assign", "value": literal("late")}
    run_id = await runs.start(block("w", w=wait("go", deadline=deadline), late=late))
    await runs.parked(run_id)
    await environment.fast_forward(runs.handle(run_id), timedelta(days=days) - timedelta(minutes=1))
    assert (await runs.parked(run_id)).next_step == "w"
    await environment.fast_forward(runs.handle(run_id), timedelta(minutes=2))
    assert (await runs.ended(run_id)).output == "late"


async def test_an_event_after_weeks(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, runs = skipping
    run_id = await runs.start(block("w", w=wait("go", deadline={"after": 60 * 86400})))
    await runs.parked(run_id)
    await environment.fast_forward(runs.handle(run_id), timedelta(days=59))
    await runs.send(run_id, "go", {"n": 1})
    assert (await runs.ended(run_id)).output == {"n": 1}
