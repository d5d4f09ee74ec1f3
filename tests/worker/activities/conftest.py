from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worker.activities.local_server import LocalServer
from tests.worker.activities.workbench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server
