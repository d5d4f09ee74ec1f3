"""A client of the API as somebody would write one: paths, bodies, the Bearer token; and callers of its URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from definitions import ids
from tests.conformance.api_client import ApiClient
from tests.conformance.stack import Stack
from tests.running import eventually

Json = dict[str, Any]
ENDED = ("completed", "failed")
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def code(name: str, source: str, *secrets: str) -> Json:
    """A workflow with a class."""
    return {"name": name, "trigger": {"type": "http"}, "source": source, "secrets": list(secrets)}


def steps(name: str, secrets: tuple[str, ...] = (), **actions: list[Json]) -> Json:
    """A workflow with lists of operations."""
    return {"name": name, "trigger": {"type": "http"}, "steps": actions, "secrets": list(secrets)}


class Vendor(ApiClient):
    """Calls with one key. `send` gives the answer as it is, the other methods the JSON of a success."""

    base = "/jsworkflows"

    # --- workflows ---

    async def create(self, workflow: Json) -> Json:
        made: Json = await self.ok("POST", "/workflows", workflow, 201)
        return made

    async def live(self, workflow: Json) -> Json:
        """Create and activate: what the API says of it then."""
        made = await self.create(workflow)
        active: Json = await self.ok("POST", f"/workflows/{made['id']}/activate")
        return active

    async def test(self, workflow: Json, data: Any = None) -> Json:
        """Create it, inactive, and try it."""
        made = await self.create(workflow)
        shown: Json = await self.ok("POST", f"/workflows/{made['id']}/test", {"data": data or {}})
        return shown

    # --- what others call ---

    async def trigger(self, workflow: Json, data: Any = None, **more: Any) -> httpx.Response:
        """Call the trigger URL of a workflow, without any key."""
        if data is not None:
            more["json"] = data
        return await self.http.post(workflow["triggerUrl"], **more)

    async def started(self, workflow: Json, data: Any = None, **more: Any) -> str:
        """The id of the run that a call of the trigger has started."""
        answer = await self.trigger(workflow, data, **more)
        assert answer.status_code == 200, answer.text
        return answer.headers["x-run-id"]

    # --- runs ---

    async def run(self, run_id: str) -> Json:
        run: Json = await self.ok("GET", f"/runs/{run_id}")
        return run

    async def ended(self, run_id: str, status: str = "completed", seconds: float = 20) -> Json:
        run = await eventually(lambda: self.run(run_id), lambda run: run["status"] in ENDED, seconds)
        assert run["status"] == status, run
        return run

    async def waits(self, run_id: str, count: int = 1) -> Json:
        """The run once it waits for so many links."""
        return await eventually(lambda: self.run(run_id), lambda run: len(run["waiting"]) >= count)

    async def runs(self, **query: Any) -> list[Json]:
        """A list of runs; it may show a run a moment after its start."""
        rows: list[Json] = (await self.ok("GET", "/runs", params=query))["runs"]
        return rows

    def workflow_id(self, run_id: str) -> str:
        return ids.run_workflow_id("jsworkflows", self.organisation, run_id)


@asynccontextmanager
async def vendor_of(stack: Stack, token: str, organisation: str) -> AsyncIterator[Vendor]:
    async with httpx.AsyncClient(base_url=stack.address, timeout=40, trust_env=False) as http:
        yield Vendor(http, token, organisation)


def details(answer: httpx.Response, status: int = 422) -> list[tuple[str, str]]:
    """The code and path of everything that a refusal says."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["ok"] is False and body["error"]
    return [(one["code"], one["path"]) for one in body.get("details", [])]


def named(run: Json) -> list[str]:
    """The names of the steps of a run."""
    return [step["name"] for step in run["steps"]]


def step(run: Json, name: str) -> Json:
    """The one step of a run with this name."""
    (found,) = [step for step in run["steps"] if step["name"] == name]
    return dict(found)
