"""One worker for the tests that do not stop it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.conftest import temporal_executable
from tests.running import Runs, runs_on


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def runs(temporal_client: Client) -> AsyncIterator[Runs]:
    async with runs_on(temporal_client) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def skipping() -> AsyncIterator[tuple[WorkflowEnvironment, Runs]]:
    """A server that skips time, and a worker of it."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(),
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
    )
    async with environment, runs_on(environment.client) as runs:
        yield environment, runs
