"""kill -9 of every part while signals and events are sent and streams are read: each counts once, and is told once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.chaos.parts import Stack
from tests.running import eventually

pytestmark = pytest.mark.timeout(180)
SIGNALS, EVENTS = 16, 12
PARTS = ("adapter", "worker", "temporal")
Json = dict[str, Any]


def chain(name: str) -> Json:
    """As many waits, one after the other, as there are signals."""
    tasks: list[Json] = []
    for number in range(SIGNALS):
        wait: Json = {"id": f"w{number}", "type": "wait", "wait_for": "go"}
        tasks.append(wait | ({"on_success": {"next": f"w{number + 1}"}} if number + 1 < SIGNALS else {}))
    seen = [f"{{{{ .tasks.w{number}.output.signal.payload.n }}}}" for number in range(SIGNALS)]
    return {"id": name, "tasks": tasks, "outputs": {"seen": seen}}


def listener(name: str) -> Json:
    task: Json = {"id": "got", "type": "aggregate", "outputs": {"n": "{{ .workflow.input.n }}"}}
    return {"id": name, "tasks": [task], "triggers": [{"type": "signal", "name": f"{name}.event"}]}


class Sender:
    """A client that repeats what got no answer, under the same key."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, method: str, path: str, body: Json | None = None, key: str | None = None) -> Json:
        headers = {} if key is None else {"idempotency-key": key}
        while True:
            try:
                answer = await self._http.request(method, f"/api/v0{path}", json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code < 300:
                found: Json = answer.json()
                return found
            assert answer.status_code in (429, 503), answer.text
            await asyncio.sleep(0.1)

    async def followed(self, exec_id: str) -> list[tuple[str, Json]]:
        """Every event of an execution's stream, over as many connections as it takes."""
        found: list[tuple[str, Json]] = []
        while not (found and found[-1][0].endswith(".end")):
            headers = {"last-event-id": found[-1][0]} if found else {}
            path = f"/api/v0/executions/workflows/{exec_id}/stream"
            try:
                async with self._http.stream("GET", path, headers=headers, params={"poll_ms": 250}) as answer:
                    last = ""
                    async for line in answer.aiter_lines():
                        name, _, value = line.partition(": ")
                        last = value if name == "id" else last
                        if name == "data":
                            found.append((last, json.loads(value)))
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
        return found


async def test_signals_events_and_streams(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, timeout=20) as http:
        sender = Sender(http)
        for workflow in (chain("chaos-chain"), listener("chaos-listener")):
            await sender.send("PUT", f"/workflows/{workflow['id']}", workflow)
        started = await sender.send("POST", "/workflows/chaos-chain/executions", {"input": {}}, key="one")
        exec_id = started["data"]["exec_id"]
        following = asyncio.create_task(sender.followed(exec_id))

        async def signals() -> None:
            for number in range(SIGNALS):
                body = {"signal_name": "go", "payload": {"n": number}}
                await sender.send("POST", f"/executions/workflows/{exec_id}/signals", body, key=f"s{number}")
                await asyncio.sleep(0.3)

        async def events() -> None:
            for number in range(EVENTS):
                body = {"name": "chaos-listener.event", "payload": {"n": number}}
                await sender.send("POST", "/events", body, key=f"e{number}")
                await asyncio.sleep(0.3)

        sending = asyncio.gather(signals(), events())
        for name in PARTS:
            await asyncio.sleep(0.7)
            stack.part(name).kill()
            await stack.all_up()
        await sending
        told = await asyncio.wait_for(following, 90)
        execution = (await sender.send("GET", f"/executions/workflows/{exec_id}"))["data"]
        assert sorted(execution["output"]["seen"]) == list(range(SIGNALS))
        assert len({one for one, _ in told}) == len(told)
        signalled = [data["signal"]["signal_id"] for _, data in told if "signal" in data]
        assert len(signalled) == len(set(signalled)) == SIGNALS

        async def rows() -> list[Json]:
            found: list[Json] = (
                await sender.send("GET", "/workflows/chaos-listener/executions?expand=details&limit=20")
            )["data"]["executions"]
            return found

        ended = await eventually(rows, lambda found: [one["status"] for one in found] == ["SUCCESS"] * EVENTS, 40)
        assert sorted(one["input"]["n"] for one in ended) == list(range(EVENTS))
