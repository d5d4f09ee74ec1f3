"""One worker for the tests that do not stop it, and what their events are for."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.conftest import temporal_executable
from tests.running import Runs, runs_on
from tests.worker.listening import toy_language


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


@pytest.fixture
def org(runs: Runs) -> Runs:
    """An organisation of its own."""
    return Runs(runs.tidegate, f"org-{uuid.uuid4()}")


@pytest.fixture(scope="module")
def toys() -> Iterator[None]:
    """This process knows the language of `tests.worker.listening`."""
    with toy_language():
        yield
