from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.worker.activities.local_server import LocalServer
from tests.worker.activities.workbench import Bench


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.tools.http.aclose()


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server
