"""A whole worker in a process of its own, to be killed: `python -m tests.worker.run_worker ADDRESS QUEUE`."""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client

from tests.running import worker_settings
from worker.__main__ import running


async def main(address: str, queue: str) -> None:
    async with running(await Client.connect(address), worker_settings(queue)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
