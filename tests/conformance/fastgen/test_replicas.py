"""Two adapters on one Temporal: what one changes, the other serves at once, while events and requests flow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest_asyncio
from temporalio.client import Client

from tests.conformance.fastgen.conftest import keyed
from tests.conformance.fastgen.samples import asks, delays, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page

CHANGES = 12


@pytest_asyncio.fixture(loop_scope="session")
async def second(keyed_stack: Stack, temporal_client: Client, vendor: Vendor) -> AsyncIterator[Vendor]:
    """The same caller at another adapter, which has never heard of the project."""
    replica = adapter(temporal_client, queue=keyed_stack.queue, settings=keyed())
    async with replica as served, vendor_of(served.address, vendor.token, vendor.project) as client:
        yield client


async def test_what_one_replica_changes_the_other_serves_at_once(vendor: Vendor, second: Vendor) -> None:
    async def started() -> int:
        return len((await second.publish("e", {}))["started"])

    await vendor.workflow("W", "e", variable("Seen", 1), deploy=False)
    await vendor.route("R", "GET", "/r", returns(1), deploy=False)
    for turn in range(CHANGES):
        await vendor.deploy("workflows", "W")
        await vendor.deploy("routes", "R")
        assert (await started(), (await second.call("GET", "/r")).status_code) == (1, 200), turn
        await vendor.switch("workflows", "W", False)
        await vendor.switch("routes", "R", False)
        assert (await started(), (await second.call("GET", "/r")).status_code) == (0, 404), turn
        await second.switch("workflows", "W", True)
        await second.switch("routes", "R", True)
        assert len((await vendor.publish("e", {}))["started"]) == 1
        assert (await vendor.call("GET", "/r")).status_code == 200
        await vendor.workflow("W", "e" if turn % 2 else "other", variable("Seen", turn))
        await vendor.route("R", "GET", "/r" if turn % 2 else "/other", returns(turn))
        assert await started() == turn % 2
        at = "/r" if turn % 2 else "/other"
        assert (await second.call("GET", at)).json() == turn
        refused(await second.call("GET", "/other" if turn % 2 else "/r"), 404)
        await vendor.workflow("W", "e", variable("Seen", 1), deploy=False)
        await vendor.route("R", "GET", "/r", returns(1), deploy=False)
    token = await vendor.ok("POST", "/tokens", None, 201)
    held = {"authorization": f"Bearer {token['token']}"}
    await vendor.route("R", "GET", "/r", returns(1), authentication="apiToken")
    assert (await second.call("GET", "/r", headers=held)).status_code == 200
    await vendor.ok("DELETE", f"/tokens/{token['id']}")
    refused(await second.call("GET", "/r", headers=held), 401)
    await vendor.ok("DELETE", "/workflows/W")
    await vendor.ok("DELETE", "/routes/R")
    assert await started() == 0
    refused(await second.call("GET", "/r", headers=held), 404)


async def test_no_event_is_half_served_while_versions_change(vendor: Vendor, second: Vendor) -> None:
    """Two workflows are deployed again and again, always both; every event starts each of them once."""
    names, done, sent = ("A", "B"), asyncio.Event(), 0
    for name in names:
        await vendor.workflow(name, "e", variable("Seen", {"version": 1, "n": "{{$param.n}}"}))

    async def deploys() -> None:
        for version in range(2, 12):
            for name in names:
                await vendor.workflow(name, "e", variable("Seen", {"version": version, "n": "{{$param.n}}"}))
        done.set()

    published: list[Json] = []

    async def publishes(client: Vendor) -> None:
        nonlocal sent
        while not done.is_set():
            sent += 1
            published.append(await client.publish("e", {"n": sent}, event_id=f"event-{sent}"))

    await asyncio.gather(deploys(), publishes(vendor), publishes(second))
    assert sent >= 20 and len(published) == sent
    assert {len(one["started"]) for one in published} == {2}
    for one in published[:: max(1, sent // 20)]:
        runs = [await vendor.ended(run) for run in one["started"]]
        assert {run["workflow"] for run in runs} == set(names)
        for run in runs:
            # A run is of one version from its beginning to its end.
            assert action(run, "Seen")["output"]["version"] == run["version"]


async def test_a_request_under_way_is_answered_by_the_version_that_it_began_with(
    vendor: Vendor, second: Vendor, site: LocalServer
) -> None:
    site.on("/slow", page({}))
    await vendor.route("R", "GET", "/r", delays(0.5), asks("Slow", site.url("/slow")), returns("old"))
    asking = asyncio.ensure_future(second.call("GET", "/r"))
    await eventually(lambda: vendor.runs(route="R"), bool)
    await vendor.route("R", "GET", "/r", returns("new"))
    assert (await second.call("GET", "/r")).json() == "new"
    await vendor.ok("DELETE", "/routes/R")
    assert (await asking).json() == "old"


async def test_requests_flow_while_a_route_moves(vendor: Vendor, second: Vendor) -> None:
    """A route that is deployed anew in its place is never missing."""
    await vendor.route("R", "GET", "/r", returns(1))
    done = asyncio.Event()
    seen: list[tuple[int, int]] = []

    async def asks_for_it() -> None:
        while not done.is_set():
            began = time.monotonic()
            answer = await second.call("GET", "/r")
            seen.append((answer.status_code, answer.json()))
            assert time.monotonic() - began < 10

    async def moves() -> None:
        for number in range(2, 12):
            await vendor.route("R", "GET", "/r", returns(number))
            await vendor.route("S", "GET", f"/s/{number}", returns(number))
        done.set()

    await asyncio.gather(moves(), asks_for_it(), asks_for_it())
    assert {status for status, _ in seen} == {200} and len(seen) >= 10
