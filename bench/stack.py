"""The processes of the benchmark: started in a folder of their own, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from tidegate.child import tied
from worker.secrets import new_key

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0
STOP_SECONDS = 15.0


class Stack:
    """Starts processes, each with its output in a file of `folder`, and ends them."""

    def __init__(self, folder: Path, lambda_url: str) -> None:
        self.folder = folder
        self.token_key = uuid.uuid4().hex
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "TEMPORAL_", "AWS_"))
        }
        self._environ |= {
            "PYTHONPATH": str(ROOT),
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "AWS_ENDPOINT_URL_LAMBDA": lambda_url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "TIDEGATE_DEV": "1",
            "TIDEGATE_TOKEN_KEYS": self.token_key,
            "TIDEGATE_SECRET_KEYS": new_key(),
            "TIDEGATE_PUBLIC_URL": "http://localhost",
            "TIDEGATE_HTTP_ALLOW_PRIVATE": "1",
        }

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def start(self, name: str, command: list[str], **environ: str) -> int:
        """The pid of the new process."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**self._environ, **environ},
                start_new_session=True,
            )
        return self._processes[name].pid

    async def until(self, what: str, probe: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the probe agrees. Raises SystemExit if a process has ended, or if it takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not await probe():
            for name, process in self._processes.items():
                if process.poll() is not None:
                    log = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                    raise SystemExit(f"bench: {name} has ended:\n{log[-3000:]}")
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: {what} was not ready within {READY_SECONDS:g} s")
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End all processes, the server last."""
        for process in reversed(self._processes.values()):
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in reversed(self._processes.values()):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def stack(lambda_url: str) -> Iterator[Stack]:
    """A stack in a folder of its own; all is gone when the block is left."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    made = Stack(folder, lambda_url)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
