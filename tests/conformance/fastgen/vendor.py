"""A client of the API as somebody would write one: documents in, runs and answers out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.running import eventually

Json = dict[str, Any]


class Vendor:
    """Calls with one key, in one project. `send` gives the answer as it is, the others the JSON of a success."""

    def __init__(self, http: httpx.AsyncClient, token: str, project: str) -> None:
        self.http = http
        self.token = token
        self.project = project

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """One request under `/fastgen/{project}`."""
        headers = {"authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        if body is not None:
            more["content"] = json.dumps(body)
        return await self.http.request(method, f"/fastgen/{self.project}{path}", headers=headers, **more)

    async def ok(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        response = await self.send(method, path, body, **more)
        assert response.status_code == status, response.text
        return response.json()

    # --- workflows and routes ---

    async def workflow(self, name: str, event: str, *actions: Json, deploy: bool = True, **more: Any) -> Json:
        """Save a workflow, and deploy it."""
        return await self._saved("workflows", name, {"event": event, "actions": list(actions), **more}, deploy)

    async def route(self, name: str, method: str, path: str, *actions: Json, deploy: bool = True, **more: Any) -> Json:
        """Save a route, and deploy it."""
        body = {"method": method, "path": path, "actions": list(actions), **more}
        return await self._saved("routes", name, body, deploy)

    async def _saved(self, kind: str, name: str, body: Json, deploy: bool) -> Json:
        response = await self.send("PUT", f"/{kind}/{name}", body)
        assert response.status_code in (200, 201), response.text
        saved: Json = response.json()
        return await self.deploy(kind, name) if deploy else saved

    async def deploy(self, kind: str, name: str, **body: Any) -> Json:
        deployed: Json = await self.ok("POST", f"/{kind}/{name}/deploy", body or None)
        return deployed

    async def switch(self, kind: str, name: str, active: bool) -> Json:
        switched: Json = await self.ok("PUT", f"/{kind}/{name}/active", {"active": active})
        return switched

    # --- live routes ---

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """A request to a live route, by somebody without a key."""
        if body is not None:
            more["content"] = json.dumps(body)
            more["headers"] = {"content-type": "application/json"} | more.get("headers", {})
        return await self.http.request(method, f"/fastgen/{self.project}/api{path}", **more)

    # --- events and runs ---

    async def publish(self, event: str, params: Any = None, **more: Any) -> Json:
        body = {"event": event, **more} | ({} if params is None else {"params": params})
        published: Json = await self.ok("POST", "/events", body, 202)
        return published

    async def run(self, run_id: str) -> Json:
        found: Json = await self.ok("GET", f"/runs/{run_id}")
        return found

    async def ended(self, run_id: str, status: str = "succeeded") -> Json:
        """The run once it has ended as expected; it may not be there yet."""

        async def read() -> Json:
            response = await self.send("GET", f"/runs/{run_id}")
            assert response.status_code in (200, 404), response.text
            found: Json = response.json()
            return found

        found = await eventually(read, lambda one: one.get("status") not in (None, "running"))
        assert found["status"] == status, found
        return found

    async def runs(self, **asked: Any) -> list[Json]:
        rows: list[Json] = (await self.ok("GET", "/runs", params=asked))["runs"]
        return rows

    async def runs_of(self, workflow: str, count: int, status: str | None = "succeeded") -> list[Json]:
        """The runs of a workflow, once there are so many, all ended."""

        async def read() -> list[Json]:
            return await self.runs(workflow=workflow, limit=100)

        def all_there(rows: list[Json]) -> bool:
            return len(rows) >= count and all(row["status"] != "running" for row in rows)

        rows = await eventually(read, all_there)
        assert len(rows) == count, rows
        assert status is None or {row["status"] for row in rows} == {status}
        return rows


def statuses(run: Json) -> dict[str, str]:
    """Name of an action -> its status, of the last visit."""
    return {action["name"]: action["status"] for action in run["actions"]}


def action(run: Json, name: str) -> Json:
    """The record of the last visit of an action."""
    found: Json = [one for one in run["actions"] if one["name"] == name][-1]
    return found


def refused(response: httpx.Response, status: int, code: str | None = None) -> Json:
    """An error in the API's shape."""
    assert response.status_code == status, response.text
    body: Json = response.json()
    assert set(body) <= {"message", "code", "errors"} and isinstance(body["message"], str)
    assert code is None or body["code"] == code, body
    for error in body.get("errors", []):
        assert set(error) <= {"code", "path", "message", "unsupported"}
    return body


@asynccontextmanager
async def vendor_of(address: str, token: str, project: str) -> AsyncIterator[Vendor]:
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        yield Vendor(http, token, project)
