"""A whole worker in a process of its own, to be killed: `python -m tests.worker.run_worker ADDRESS QUEUE`."""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client

from tests.running import worker_settings
from worker.__main__ import running


async def start_worker(address: str, queue: str) -> asyncio.subprocess.Process:
    """Start such a process; it works when this returns."""
    command = [sys.executable, "-m", "tests.worker.run_worker", address, queue]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.communicate()


async def main(address: str, queue: str) -> None:
    async with running(await Client.connect(address), worker_settings(queue)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
