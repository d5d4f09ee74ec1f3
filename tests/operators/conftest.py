"""One worker for the tests of what operators see and do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client

from tests.running import Runs, runs_on


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def runs(temporal_client: Client) -> AsyncIterator[Runs]:
    async with runs_on(temporal_client) as started:
        yield started
