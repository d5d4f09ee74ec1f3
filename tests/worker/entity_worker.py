"""A worker of entities in a process of its own, to be killed: `python -m tests.worker.entity_worker ADDRESS QUEUE`."""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client

from tests.worker.catalog_fixtures import shop_on


async def main(address: str, queue: str) -> None:
    shop = shop_on(await Client.connect(address), queue)
    async with shop.worker():
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
