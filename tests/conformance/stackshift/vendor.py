"""A client of the API as somebody would write one: paths, bodies, the Bearer token, the envelope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

from definitions import ids
from tests.conformance.api_client import ApiClient
from tests.conformance.stack import Stack
from tests.running import eventually

Json = dict[str, Any]
ENDED = ("completed", "failed", "cancelled")


class Vendor(ApiClient):
    """Calls with one key. `send` gives the answer as it is, the other methods the `data` of a success."""

    base = "/api/v1"
    says_json = True

    def held(self, response: httpx.Response, status: int) -> Any:
        return data_of(response, status)

    # --- jobs ---

    async def register(self, job: Json, status: int = 201) -> Json:
        """Register a job: a definition, or {source, …}."""
        body = job if "source" in job else {"definition": job}
        data: Json = await self.ok("POST", "/jobs", body, status)
        return data

    # --- runs ---

    async def start(self, job: str, payload: Any = None, status: int = 201, **options: Any) -> str:
        """Start a run: its id."""
        data = await self.ok("POST", f"/jobs/{job}/runs", {"payload": payload, **options}, status)
        return str(data["id"])

    async def run(self, run_id: str) -> Json:
        data: Json = await self.ok("GET", f"/runs/{run_id}")
        return data

    async def ended(self, run_id: str, status: str = "completed") -> Json:
        """The run once it has ended as expected."""
        run = await eventually(lambda: self.run(run_id), lambda run: run["status"] in ENDED)
        assert run["status"] == status, run
        return run

    async def waits(self, run_id: str, event: str | None = None) -> Json:
        """The run once it waits for an event."""
        run = await eventually(lambda: self.run(run_id), lambda run: run["status"] in ("waiting", *ENDED))
        assert run["status"] == "waiting", run
        assert event in (None, run["waiting_for"][0]["event"])
        return run

    async def runs(self, **query: Any) -> list[Json]:
        """A list of runs; it may show a run a moment after its start."""
        data = await self.ok("GET", "/runs", params=query)
        rows: list[Json] = data["runs"]
        return rows

    # --- events ---

    async def event(self, name: str, payload: Any = None, key: str | None = None, **options: Any) -> Json:
        body = {"name": name, "payload": payload, **options}
        data: Json = await self.ok("POST", "/events", body | ({} if key is None else {"correlation_key": key}), 202)
        return data

    def workflow_id(self, run_id: str) -> str:
        return ids.run_workflow_id("stackshift", self.organisation, run_id)


def data_of(response: httpx.Response, status: int) -> Any:
    """The `data` of a success, whose envelope says the same in all its places."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"success", "status", "status_code", "message", "data"}
    assert (body["success"], body["status"], body["status_code"]) == (True, HTTPStatus(status).phrase, status)
    assert isinstance(body["message"], str)
    assert body["message"]
    return body["data"]


def refused(response: httpx.Response, status: int, code: str) -> Json:
    """The body of an error, whose envelope says the same in all its places."""
    assert response.status_code == status, response.text
    body: Json = response.json()
    assert set(body) == {"success", "status", "status_code", "message", "error"}
    assert (body["success"], body["status"], body["status_code"]) == (False, HTTPStatus(status).phrase, status)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["error"]["code"] == code, body
    return body


def steps(run: Json, kind: str = "step.completed") -> list[str]:
    """The names of the steps that came to this, in order."""
    return [item["step"] for item in run["timeline"] if item["type"] == kind]


@asynccontextmanager
async def vendor_of(stack: Stack, token: str, organisation: str) -> AsyncIterator[Vendor]:
    async with httpx.AsyncClient(base_url=stack.address, timeout=30) as http:
        yield Vendor(http, token, organisation)
