"""A worker, or a publisher, that knows the toy language, in a process of its own, to be killed.

`python -m tests.worker.toy_process ADDRESS QUEUE [ORGANISATION EVENT]`; a publisher sends events 0, 1, 2, … for ever.
"""

from __future__ import annotations

import asyncio
import itertools
import sys

from temporalio.client import Client

from tests.running import Runs, worker_settings
from tests.worker.listening import publish, toy_language
from worker.__main__ import running
from worker.client import TidegateClient


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Start such a process; it works when this returns."""
    command = [sys.executable, "-m", "tests.worker.toy_process", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def work(client: Client, queue: str) -> None:
    async with running(client, worker_settings(queue)):
        print("ready", flush=True)
        await asyncio.Event().wait()


async def send(client: Client, queue: str, organisation: str, event: str) -> None:
    runs = Runs(TidegateClient(client, queue), organisation)
    print("ready", flush=True)
    for n in itertools.count():
        await publish(runs, event, n, event_id=str(n))
        print(n, flush=True)


async def main(address: str, queue: str, *event: str) -> None:
    client = await Client.connect(address)
    with toy_language():
        await (send(client, queue, *event) if event else work(client, queue))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
