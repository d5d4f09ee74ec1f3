"""Readiness on a real Temporal that comes, goes and comes back: the adapter needs no restart."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapter.settings import Settings
from tests.adapter.conftest import Serve
from tests.conftest import connect, free_port, server_command
from worker.client import TidegateClient

QUEUE = "readiness"


@workflow.defn
class Nothing:
    @workflow.run
    async def run(self) -> None:
        return None


@contextmanager
def temporal(port: int, folder: Path) -> Iterator[None]:
    """A Temporal server on this port, which is killed at the end."""
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(server_command(port), stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            server.kill()
            server.wait()


async def becomes(http: httpx.AsyncClient, temporal: str, worker: str, seconds: float = 30) -> httpx.Response:
    """Ask until the parts are so."""
    wanted: dict[str, Any] = {"temporal": temporal, "worker": worker}
    deadline = time.monotonic() + seconds
    while True:
        answer = await http.get("/readyz")
        if answer.json()["parts"] == wanted:
            return answer
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.1)


async def test_readiness_follows_temporal_and_the_workers(serve: Serve, tmp_path: Path) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    client = TidegateClient(await Client.connect(address, lazy=True), QUEUE, 1.0)
    async with serve(Settings(task_queue=QUEUE), client) as http:
        assert (await becomes(http, "down", "down")).status_code == 503
        with temporal(port, tmp_path):
            server = await connect(address)
            unready = await becomes(http, "up", "down")
            assert (unready.status_code, unready.headers["retry-after"]) == (503, "2")
            worker = Worker(server, task_queue=QUEUE, workflows=[Nothing], workflow_runner=UnsandboxedWorkflowRunner())
            async with worker:
                ready = await becomes(http, "up", "up")
                assert (ready.status_code, ready.json()["status"]) == (200, "ready")
                assert (await http.head("/readyz")).status_code == 200
                assert (await http.get("/toy-temporal")).status_code == 404  # Temporal says: no such run
        assert (await becomes(http, "down", "down")).status_code == 503
        away = await http.get("/toy-temporal")
        assert (away.status_code, away.json()["toy"]) == (503, "unavailable")
        with temporal(port, tmp_path):
            await becomes(http, "up", "down")
            assert (await http.get("/toy-temporal")).status_code == 404
        assert (await http.get("/healthz")).status_code == 200
