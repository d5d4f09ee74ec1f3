"""GET /executions/workflows/{exec_id}/stream: server-sent events, each once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from definitions.errors import NotFound
from tests.conformance.compozy.conftest import keyed
from tests.conformance.compozy.samples import gate, gives, quick, wait, workflow
from tests.conformance.compozy.vendor import Json, Vendor, problem, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.running import eventually
from worker.run_watch import Seen, Watch


@dataclass
class Told:
    """One event as a client reads it."""

    id: str
    name: str
    data: Json


async def events(response: httpx.Response) -> AsyncIterator[Told]:
    """The events of a stream, as they come."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line == "":
            if "data" in fields:
                yield Told(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


class Streaming:
    """A vendor's client that reads streams."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    def opened(self, exec_id: str, after: str | None = None, **query: Any) -> Any:
        headers = {"authorization": f"Bearer {self.vendor.token}"} | ({} if after is None else {"last-event-id": after})
        path = f"/api/v0/executions/workflows/{exec_id}/stream"
        return self.vendor.http.stream("GET", path, headers=headers, params={"poll_ms": 250, **query})

    async def read(self, exec_id: str, count: int = 1000, after: str | None = None, **query: Any) -> list[Told]:
        """The first events, or all until the stream ends; then the client goes away."""
        found: list[Told] = []
        async with self.opened(exec_id, after, **query) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            async for event in events(response):
                found.append(event)
                if len(found) >= count:
                    break
        return found


def names(found: list[Told]) -> list[str]:
    return [one.name for one in found]


async def test_a_finished_execution_is_told_from_its_start_to_its_end(vendor: Vendor) -> None:
    await vendor.put(quick(outputs={"said": "{{ .tasks.hello.output.text }}"}))
    exec_id = await vendor.start("quick", {"name": "ann"})
    await vendor.ended(exec_id)
    found = await Streaming(vendor).read(exec_id)
    assert names(found) == ["workflow_start", "workflow_status", "complete"]
    assert [one.id for one in found] == ["0", "1", "1.end"]
    assert {one.data["workflow_exec_id"] for one in found} == {exec_id}
    assert found[1].data["task"] == {"task_id": "hello", "status": "SUCCESS", "output": {"text": "hello ann"}}
    assert (found[2].data["status"], found[2].data["output"]) == ("SUCCESS", {"said": "hello ann"})


async def test_what_happens_is_told_as_it_happens(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    async with Streaming(vendor).opened(exec_id) as response:
        stream = events(response)
        assert (await anext_of(stream)).name == "workflow_start"
        waiting = await anext_of(stream)
        assert (waiting.data["status"], waiting.data["task"]["status"]) == ("PAUSED", "WAITING")
        await vendor.signalled(exec_id, "go", {"n": 1})
        came = time.monotonic()
        rest = [one async for one in stream]
        assert time.monotonic() - came < 5
    assert names(rest) == ["workflow_status"] * (len(rest) - 1) + ["complete"]
    assert rest[0].data["signal"]["name"] == "go"
    assert rest[-1].data["output"] == {"answer": {"n": 1}}
    assert [one.id for one in rest] == sorted((one.id for one in rest), key=lambda one: int(one.partition(".")[0]))


async def anext_of(stream: AsyncIterator[Told]) -> Told:
    return await asyncio.wait_for(stream.__anext__(), 10)


async def test_a_client_that_comes_back_sees_every_event_once(vendor: Vendor) -> None:
    tasks = [wait(f"w{n}", "go", f"w{n + 1}") for n in range(8)]
    await vendor.put(workflow("long", *tasks, gives("w8", {})))
    exec_id = await vendor.start("long")
    await vendor.waits(exec_id, "w0")
    found: list[Told] = []
    after: str | None = None
    for number in range(8):
        if number % 2:  # some signals come while nobody listens
            await vendor.signalled(exec_id, "go", {"n": number})
        found += await Streaming(vendor).read(exec_id, 2, after)
        after = found[-1].id
        if not number % 2:
            await vendor.signalled(exec_id, "go", {"n": number})
    found += await Streaming(vendor).read(exec_id, after=after)
    whole = await Streaming(vendor).read(exec_id)
    assert [(one.id, one.name, one.data) for one in found] == [(one.id, one.name, one.data) for one in whole]
    assert len({one.id for one in found}) == len(found)
    signals = [one.data["signal"]["name"] for one in found if "signal" in one.data]
    assert len(signals) == 8


async def test_another_replica_tells_the_same(vendor: Vendor, keyed_stack: Stack) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    first = await Streaming(vendor).read(exec_id, 2)
    async with (
        adapter(keyed_stack.temporal, queue=keyed_stack.queue, settings=keyed()) as second,
        vendor_of(second, vendor.token, vendor.organisation) as elsewhere,
    ):
        await vendor.signalled(exec_id, "go")
        rest = await Streaming(elsewhere).read(exec_id, after=first[-1].id)
    assert [(one.id, one.name) for one in first + rest] == [
        (one.id, one.name) for one in await Streaming(vendor).read(exec_id)
    ]


async def test_who_has_got_everything_is_told_not_to_come_back(vendor: Vendor) -> None:
    await vendor.put(quick())
    exec_id = await vendor.start("quick", {"name": "ann"})
    await vendor.ended(exec_id)
    last = (await Streaming(vendor).read(exec_id))[-1].id
    async with Streaming(vendor).opened(exec_id, last) as response:
        assert (response.status_code, await response.aread()) == (204, b"")


async def test_a_failed_and_a_cancelled_execution_end_in_an_error(vendor: Vendor) -> None:
    await vendor.put(workflow("bad", gives("a", {"x": "{{ .tasks.a.output.nothing.there }}"})))
    failed = await Streaming(vendor).read(await vendor.start("bad"))
    assert (failed[-1].name, failed[-1].data["status"]) == ("error", "FAILED")
    assert failed[-1].data["error"]["code"] == "workflow_execution_error"
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    reading = asyncio.create_task(Streaming(vendor).read(exec_id))
    await vendor.waits(exec_id)
    await vendor.send("POST", f"/executions/workflows/{exec_id}/cancel")
    cancelled = await asyncio.wait_for(reading, 20)
    assert (cancelled[-1].name, cancelled[-1].data["status"]) == ("error", "CANCELED")


async def test_only_the_events_that_are_asked_for(vendor: Vendor) -> None:
    await vendor.put(quick())
    exec_id = await vendor.start("quick", {"name": "ann"})
    assert names(await Streaming(vendor).read(exec_id, events="complete,error")) == ["complete"]
    assert names(await Streaming(vendor).read(exec_id, events="workflow_status")) == ["workflow_status"]


@pytest.mark.parametrize(
    ("query", "path"),
    [({"poll_ms": "249"}, "poll_ms"), ({"poll_ms": "2001"}, "poll_ms"), ({"events": "done"}, "events")],
)
async def test_a_bad_question_is_refused(vendor: Vendor, query: dict[str, str], path: str) -> None:
    response = await vendor.send("GET", "/executions/workflows/exec_123/stream", params=query)
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == [path]


@pytest.mark.parametrize("last", ["x", "-1", "1.2", "9" * 12])
async def test_an_id_of_another_stream_is_refused(vendor: Vendor, last: str) -> None:
    await vendor.put(quick())
    exec_id = await vendor.start("quick", {"name": "ann"})
    path = f"/executions/workflows/{exec_id}/stream"
    problem(await vendor.send("GET", path, headers={"last-event-id": last}), 400, "REQUEST_INVALID")


async def test_silence_is_filled_with_pings(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.event_stream.PING_SECONDS", 0.2)
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    async with Streaming(vendor).opened(exec_id) as response:
        pings = 0
        async for line in response.aiter_lines():
            pings += line == ": ping"
            if pings == 3:
                break


async def test_a_stream_whose_execution_can_be_watched_no_more_ends(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = Watch.after

    async def once(watch: Watch, number: int) -> Seen:
        if number:
            raise NotFound("removed")
        return await after(watch, number)

    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    monkeypatch.setattr(Watch, "after", once)
    assert [one.id for one in await Streaming(vendor).read(exec_id)] == ["0", "1"]


async def test_a_client_that_goes_away_leaves_nothing_behind(temporal_client: Client) -> None:
    async with (
        adapter(temporal_client, settings=keyed()) as stack,
        stack.worker(),
        vendor_of(stack, "cpzy_0", "org-0") as vendor,
    ):
        await vendor.put(gate("left"), 201)
        exec_id = await vendor.start("left")
        await vendor.waits(exec_id)
        before = len(asyncio.all_tasks())
        for _ in range(3):
            await asyncio.gather(*(Streaming(vendor).read(exec_id, 2) for _ in range(10)))

        async def tasks() -> int:
            return len(asyncio.all_tasks())

        await eventually(tasks, lambda count: count <= before + 2)
        await vendor.send("POST", f"/executions/workflows/{exec_id}/cancel")


async def test_streams_end_when_the_server_stops(temporal_client: Client) -> None:
    async with adapter(temporal_client, settings=keyed()) as stack, stack.worker(), AsyncExitStack() as held:
        async with adapter(temporal_client, queue=stack.queue, settings=keyed()) as stopping:
            vendor = await held.enter_async_context(vendor_of(stopping, "cpzy_1", "org-1"))
            await vendor.send("DELETE", "/workflows/stays")
            await vendor.put(gate("stays"))
            exec_id = await vendor.start("stays")
            await vendor.waits(exec_id)
            stream = events(await held.enter_async_context(Streaming(vendor).opened(exec_id)))
            assert [(await anext_of(stream)).id for _ in range(2)] == ["0", "1"]
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 3
        assert [one.id async for one in stream] == []
        async with vendor_of(stack, "cpzy_1", "org-1") as vendor:
            await vendor.send("POST", f"/executions/workflows/{exec_id}/cancel")
