"""Workflows of the vendor's language, run by a real worker on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.definitions.compozy.running import Workflows
from tests.running import Runs
from tests.worker.activities.local_server import LocalServer
from tests.worker.conftest import runs, skipping

__all__ = ["runs", "skipping"]


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def flows(runs: Runs) -> Workflows:
    return Workflows(runs)
