"""Two adapters as processes: one is killed while it deploys, the other serves what is live all the time."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.chaos.parts import Part, Stack
from tests.conformance.fastgen.samples import returns, variable
from tests.conformance.fastgen.vendor import Vendor, action, vendor_of

pytestmark = pytest.mark.timeout(180)

KILLS = 4
PLACES = ("/a", "/b")


@pytest_asyncio.fixture(loop_scope="session")
async def beside(stack: Stack) -> AsyncIterator[tuple[Part, str]]:
    """Another adapter, and its address."""
    part, url = stack.another_adapter("beside")
    part.start()
    try:
        await stack.readiness(200, url)
        yield part, url
    finally:
        part.kill()


async def test_an_adapter_that_dies_while_it_deploys_leaves_what_is_live_served(
    stack: Stack, beside: tuple[Part, str]
) -> None:
    part, url = beside
    project, chance = f"chaos-{uuid.uuid4().hex[:8]}", random.Random(7)
    async with vendor_of(stack.url, "any", project) as served, vendor_of(url, "any", project) as dying:
        # One route stays where it is, one moves to and fro; a workflow changes the event that it listens to.
        await served.route("stays", "GET", "/stays", returns(0))
        await served.route("moves", "GET", "/a", returns(0))
        await served.workflow("W", "kept", variable("Seen", 0))
        done = asyncio.Event()
        watching = asyncio.ensure_future(watched(served, done))
        for _ in range(KILLS):
            deploys = asyncio.ensure_future(deployed(dying))
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            part.kill()
            await deploys
            part.start()
            await stack.readiness(200, url)
        done.set()
        assert await watching >= KILLS
        await consistent(served)


async def deployed(dying: Vendor) -> None:
    """Save and deploy, until the adapter dies."""
    with contextlib.suppress(httpx.TransportError):
        for turn in range(1_000):
            await dying.route("stays", "GET", "/stays", returns(turn))
            await dying.route("moves", "GET", PLACES[turn % 2], returns(turn))
            await dying.workflow("W", "kept", variable("Seen", turn))


async def watched(served: Vendor, done: asyncio.Event) -> int:
    """What is live is served, whatever happens elsewhere: how often it was seen."""
    seen = 0
    while not done.is_set():
        assert (await served.call("GET", "/stays")).status_code == 200
        assert len((await served.publish("kept"))["started"]) == 1
        seen += 1
    return seen


async def consistent(served: Vendor) -> None:
    """The route is in one place, that which it says; it can be moved, and its other place is free for another."""
    place = (await served.ok("GET", "/routes/moves", params={"deployed": "true"}))["path"]
    answers = {one: (await served.call("GET", one)).status_code for one in PLACES}
    assert answers == {one: 200 if one == place else 404 for one in PLACES}
    for one in PLACES:
        await served.route("moves", "GET", one, returns("again"))
        assert (await served.call("GET", one)).json() == "again"
    await served.ok("DELETE", "/routes/moves")
    await served.route("other", "GET", PLACES[1], returns("other"))
    assert (await served.call("GET", PLACES[1])).json() == "other"
    [run] = (await served.publish("kept"))["started"]
    assert action(await served.ended(run), "Seen")["status"] == "executed"
