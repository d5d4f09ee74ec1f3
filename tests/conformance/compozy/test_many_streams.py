"""200 streams at once: each gets its events, and others do not feel them."""

from __future__ import annotations

import asyncio
import statistics
import time

import httpx
import pytest
from temporalio.client import Client

from tests.conformance.compozy.conftest import keyed
from tests.conformance.compozy.samples import gate
from tests.conformance.compozy.test_stream import Streaming, Told, events
from tests.conformance.compozy.vendor import Vendor, vendor_of
from tests.conformance.stack import adapter

STREAMS = 200


async def latency(vendor: Vendor, count: int = 10) -> float:
    """The median of the seconds that a caller waits for a start, a signal and the end."""
    taken = []
    for _ in range(count):
        exec_id = await vendor.start("gate-flow")
        began = time.perf_counter()
        await vendor.signalled(exec_id, "go", {})
        await vendor.ended(exec_id)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("runs", [STREAMS, 1], ids=["of-as-many-executions", "of-one-execution"])
async def test_two_hundred_streams(temporal_client: Client, capsys: pytest.CaptureFixture[str], runs: int) -> None:
    async with adapter(temporal_client, settings=keyed()) as stack, stack.worker():
        limits = httpx.Limits(max_connections=None)
        async with (
            vendor_of(stack, f"cpzy_{4 + (runs == 1)}", f"org-{4 + (runs == 1)}") as vendor,
            httpx.AsyncClient(base_url=stack.address, timeout=60, limits=limits) as many,
        ):
            watcher = Vendor(many, vendor.token, vendor.organisation)
            await vendor.send("DELETE", "/workflows/gate-flow")
            await vendor.put(gate())
            before = await latency(vendor)
            ids = await asyncio.gather(*(vendor.start("gate-flow") for _ in range(runs)))
            await asyncio.gather(*(vendor.waits(one) for one in ids))
            watched = [ids[number % runs] for number in range(STREAMS)]
            ready = [asyncio.Event() for _ in watched]

            async def follow(number: int) -> list[Told]:
                found: list[Told] = []
                async with Streaming(watcher).opened(watched[number]) as response:
                    async for event in events(response):
                        found.append(event)
                        if len(found) == 2:
                            ready[number].set()
                return found

            following = [asyncio.create_task(follow(number)) for number in range(STREAMS)]
            await asyncio.wait_for(asyncio.gather(*(one.wait() for one in ready)), 60)
            meanwhile = await latency(vendor)
            began = time.perf_counter()
            await asyncio.gather(*(vendor.signalled(one, "go", {}) for one in ids))
            told = await asyncio.wait_for(asyncio.gather(*following), 60)
            taken = time.perf_counter() - began
    for events_of_one in told:
        numbers = [one.id for one in events_of_one]
        assert len(set(numbers)) == len(numbers)
        assert events_of_one[-1].name == "complete"
    with capsys.disabled():
        print(f"\n{runs} executions: alone {before * 1e3:.0f} ms, beside {STREAMS} streams {meanwhile * 1e3:.0f} ms; "
              f"all told of their end after {taken:.1f} s")  # fmt: skip
    assert meanwhile < 3 * before + 0.1
