"""One sandbox for the tests that do not end it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from worker.sandbox.runner import Sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made
