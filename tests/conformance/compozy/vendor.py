"""A client of the API as somebody would write one: paths, bodies, the Bearer token, the envelope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from definitions import ids, ksuids
from tests.conformance.api_client import ApiClient
from tests.conformance.stack import Stack
from tests.running import eventually

Json = dict[str, Any]
ENDED = ("SUCCESS", "FAILED", "TIMED_OUT", "CANCELED")


class Vendor(ApiClient):
    """Calls with one key. `send` gives the answer as it is, the other methods the `data` of a success."""

    base = "/api/v0"
    says_json = True

    def held(self, response: httpx.Response, status: int) -> Any:
        return data_of(response, status)

    # --- workflows ---

    async def put(self, workflow: Json, status: int = 201, **more: Any) -> httpx.Response:
        response = await self.send("PUT", f"/workflows/{workflow['id']}", workflow, **more)
        assert response.status_code == status, response.text
        return response

    # --- executions ---

    async def start(self, workflow: str, input: Any = None, **more: Any) -> str:
        """Start an execution: its id."""
        data = await self.ok("POST", f"/workflows/{workflow}/executions", {"input": input or {}}, 202, **more)
        return str(data["exec_id"])

    async def execution(self, exec_id: str) -> Json:
        data: Json = await self.ok("GET", f"/executions/workflows/{exec_id}")
        return data

    async def ended(self, exec_id: str, status: str = "SUCCESS") -> Json:
        """The execution once it has ended as expected."""
        found = await eventually(lambda: self.execution(exec_id), lambda one: one["status"] in ENDED)
        assert found["status"] == status, found
        return found

    async def waits(self, exec_id: str, task: str | None = None) -> Json:
        """The execution once it waits, in a task of its."""
        found = await eventually(lambda: self.execution(exec_id), lambda one: one["status"] in ("PAUSED", *ENDED))
        assert found["status"] == "PAUSED", found
        if task is not None:
            found = await eventually(
                lambda: self.execution(exec_id), lambda one: one["tasks"].get(task, {}).get("status") == "WAITING"
            )
        return found

    async def executions(self, workflow: str | None = None) -> list[Json]:
        path = "/executions/workflows" if workflow is None else f"/workflows/{workflow}/executions"
        rows: list[Json] = (await self.ok("GET", path))["executions"]
        return rows

    # --- signals and events ---

    async def signal(self, exec_id: str, name: str, payload: Any = None, **more: Any) -> httpx.Response:
        body = {"signal_name": name} | ({} if payload is None else {"payload": payload})
        return await self.send("POST", f"/executions/workflows/{exec_id}/signals", body, **more)

    async def signalled(self, exec_id: str, name: str, payload: Any = None, **more: Any) -> None:
        data_of(await self.signal(exec_id, name, payload, **more), 200)

    async def event(self, name: str, payload: Any = None, status: int = 202, **more: Any) -> str:
        body = {"name": name, **more} | ({} if payload is None else {"payload": payload})
        data = await self.ok("POST", "/events", body, status)
        assert data["message"] == "event received"
        return str(data["event_id"])

    def workflow_id(self, exec_id: str) -> str:
        run_id = ksuids.run_id(exec_id)
        assert run_id is not None
        return ids.run_workflow_id("compozy", self.organisation, run_id)


def data_of(response: httpx.Response, status: int) -> Any:
    """The `data` of a success, whose envelope says the same in all its places."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"status", "message", "data"}
    assert body["status"] == status
    assert isinstance(body["message"], str)
    return body["data"]


def first_shape(response: httpx.Response, status: int, code: str, message: str | None = None) -> Json:
    """The error of a body of shape A: `error` is an object."""
    assert response.status_code == status, response.text
    body: Json = response.json()
    assert set(body) <= {"status", "error", "message", "data"}
    assert (body["status"], body["error"]["code"]) == (status, code)
    if message is not None:
        assert body["error"]["message"] == message
    error: Json = body["error"]
    return error


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """A body of shape B: problem details whose `error` is a text."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Json = response.json()
    assert set(body) <= {"status", "error", "details", "code", "type", "instance", "errors"}
    assert (body["status"], body["code"], body["type"]) == (status, code, "about:blank")
    assert isinstance(body["error"], str)
    return body


@asynccontextmanager
async def vendor_of(stack: Stack, token: str, organisation: str) -> AsyncIterator[Vendor]:
    async with httpx.AsyncClient(base_url=stack.address, timeout=30) as http:
        yield Vendor(http, token, organisation)
