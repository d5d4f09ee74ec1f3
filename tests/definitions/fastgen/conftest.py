"""Workflows and routes of the vendor's language, run by a real worker on a real server."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.definitions.fastgen.running import Flows
from tests.running import runs_on
from tests.worker.activities.local_server import LocalServer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def flows(temporal_client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Flows]:
    """With a connection `shop`, to a table `stock`."""
    file: Path = tmp_path_factory.mktemp("database") / "shop.db"
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER)")
        connection.execute("INSERT INTO stock VALUES ('SKU-1', 49), ('SKU-2', 51)")
    connection.close()
    async with runs_on(temporal_client, db_name=(("SHOP", ((), f"sqlite:///{file}")),)) as runs:
        yield Flows(runs)


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server
