"""Temporal, worker and adapter as real processes that a test kills, stops and starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

from definitions.contract import SEARCH_ATTRIBUTES
from tests.conftest import connect, free_port, temporal_executable
from tests.lambda_endpoint import LambdaEndpoint
from tests.running import eventually
from tidegate import temporal_server

LOCAL = "127.0.0.1"
TOKEN_KEY = "chaos-tests-sign-with-this-key-0001"
#: What the adapter gives an unanswered call to Temporal; short, so that the tests are.
RPC_SECONDS = 2
STOP_SECONDS = 15
READY_SECONDS = 40


class Part:
    """One process, started and ended at will; its output goes into one log file."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = list(command)
        self._environ = dict(environ)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        if self.up:
            return
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdout=output, stderr=subprocess.STDOUT, cwd=self._log.parent
            )

    def kill(self) -> None:
        """kill -9: it gets no chance to say or write anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask_to_stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Its exit code, once it has stopped as asked. Fails the test if it takes longer than promised."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, STOP_SECONDS)


class Stack:
    """One Temporal with its database in a file, and the workers and adapters that the test asks for."""

    def __init__(self, folder: Path, lambdas: LambdaEndpoint) -> None:
        self.lambdas = lambdas
        self.temporal_address = f"{LOCAL}:{free_port()}"
        self._folder = folder
        self._environ = self._environment()
        self.temporal = self._temporal()
        self.adapter, self.url = self.another_adapter("adapter")
        # Workers make links too; so they are of the first adapter.
        self._environ["TIDEGATE_PUBLIC_URL"] = self.url
        self.worker = self.another_worker("worker")
        self._parts = [self.temporal, self.worker, self.adapter]

    def _environment(self) -> dict[str, str]:
        clean = {name: v for name, v in os.environ.items() if not name.startswith(("TIDEGATE_", "TEMPORAL_", "AWS_"))}
        return {
            **clean,
            **self.lambdas.environment(),
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "TIDEGATE_TOKEN_KEYS": TOKEN_KEY,
            "TIDEGATE_SECRET_KEYS": Fernet.generate_key().decode(),
            "TIDEGATE_PUBLIC_URL": "http://localhost",
            "TIDEGATE_HTTP_ALLOW_PRIVATE": "1",
            "TIDEGATE_AWS_ALLOW": '{"*": ["*:*:*"]}',
            "TIDEGATE_RPC_TIMEOUT": str(RPC_SECONDS),
            "TIDEGATE_STICKY_TIMEOUT": "1",
        }

    def _temporal(self) -> Part:
        command = temporal_server.command(
            temporal_executable(),
            port=int(self.temporal_address.rpartition(":")[2]),
            ui_port=None,
            database=self._folder / "temporal.db",
            search_attributes=SEARCH_ATTRIBUTES,
        )
        return Part("temporal", command, self._environ, self._folder / "temporal.log")

    def another_worker(self, name: str) -> Part:
        return Part(name, [*_tidegate(), "worker"], self._environ, self._folder / f"{name}.log")

    def another_adapter(self, name: str) -> tuple[Part, str]:
        """An adapter that is not started yet, and its address."""
        port = free_port()
        url = f"http://{LOCAL}:{port}"
        environ = {**self._environ, "TIDEGATE_PORT": str(port), "TIDEGATE_PUBLIC_URL": url}
        return Part(name, [*_tidegate(), "serve"], environ, self._folder / f"{name}.log"), url

    def part(self, name: str) -> Part:
        return next(part for part in self._parts if part.name == name)

    async def all_up(self) -> None:
        """Start what is not up, and wait until all of it serves."""
        self.temporal.start()
        await connect(self.temporal_address)
        self.worker.start()
        self.adapter.start()
        await self.readiness(200)

    async def readiness(self, status: int, url: str | None = None) -> dict[str, Any]:
        """What `/readyz` says, once it answers with this status."""
        async with httpx.AsyncClient(base_url=url or self.url, timeout=10) as http:
            answer = await eventually(
                lambda: _readyz(http), lambda one: one is not None and one.status_code == status, READY_SECONDS
            )
            assert answer is not None
            body: dict[str, Any] = answer.json()
            return body

    def end(self) -> None:
        for part in reversed(self._parts):
            part.kill()


async def _readyz(http: httpx.AsyncClient) -> httpx.Response | None:
    try:
        return await http.get("/readyz")
    except httpx.TransportError:
        return None


def _tidegate() -> list[str]:
    return [str(Path(sys.executable).with_name("tidegate"))]
