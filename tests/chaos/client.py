"""A client as careful senders are: it repeats what was not answered, or with 503, under the same invocation id."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.running import eventually

Json = dict[str, Any]
LIBRARY = Path(__file__).parents[2] / "definitions" / "library" / "justworkflowit"
APPROVAL_FLOW = (LIBRARY / "approval-flow.json").read_text()
TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
#: Whatever is away, an answer comes within this: a few of the adapter's own limits for Temporal, on a busy machine.
ANSWER_SECONDS = 12.0
#: What a client meets while the adapter itself is away. A time-out is none of these: it fails the test.
CUT_OFF = (httpx.NetworkError, httpx.RemoteProtocolError)


def new_id() -> str:
    return str(uuid.uuid4())


class Client:
    """The vendor's API for one organisation, at one address. `answers` counts statuses, `cut_off` requests without."""

    def __init__(self, url: str, organisation: str | None = None) -> None:
        self.organisation = organisation or new_id()
        self.http = httpx.AsyncClient(base_url=f"{url}/organizations/{self.organisation}", timeout=ANSWER_SECONDS)
        self.answers: Counter[int] = Counter()
        self.cut_off = 0

    async def once(self, method: str, path: str, body: Any = None, invocation: str | None = None) -> httpx.Response:
        """One attempt. Raises one of CUT_OFF when there is nobody, and httpx.TimeoutException when it is late."""
        headers = {"amz-sdk-invocation-id": invocation or new_id(), "authorization": "Bearer any"}
        content = None if body is None else json.dumps(body)
        response = await self.http.request(method, path, content=content, headers=headers)
        self.answers[response.status_code] += 1
        if response.status_code == 503:
            assert int(response.headers["retry-after"]) >= 1
        return response

    async def until_answered(
        self, method: str, path: str, body: Any = None, invocation: str | None = None, seconds: float = 40
    ) -> httpx.Response:
        """Repeat until there is an answer that is not 503."""
        invocation = invocation or new_id()
        deadline = time.monotonic() + seconds
        while True:
            try:
                response = await self.once(method, path, body, invocation)
                if response.status_code != 503:
                    return response
                last = response.text
            except CUT_OFF as error:
                last = repr(error)
                self.cut_off += 1
            assert time.monotonic() < deadline, f"{method} {path}: no answer within {seconds} s; last: {last}"
            await asyncio.sleep(0.1)

    async def ok(self, method: str, path: str, body: Any = None, invocation: str | None = None) -> Json:
        response = await self.until_answered(method, path, body, invocation)
        assert response.status_code == 200, response.text
        value: Json = response.json()
        return value

    async def publish(self, text: str = APPROVAL_FLOW, name: str = "approval-flow") -> str:
        workflow_id = (await self.ok("POST", "/workflows", {"name": name}))["workflowId"]
        version = await self.ok("POST", f"/workflows/{workflow_id}/versions", {"definition": text})
        await self.ok("PUT", f"/workflows/{workflow_id}/tags/%24LIVE", {"versionId": version["versionId"]})
        return str(workflow_id)

    async def submit(self, workflow_id: str, invocation: str | None = None) -> str:
        return str((await self.ok("POST", "/jobs", submission(workflow_id), invocation))["jobId"])

    async def approve(self, job_id: str, invocation: str | None = None, payload: bool = True) -> None:
        await self.ok("POST", f"/jobs/{job_id}/events", approval(payload), invocation)

    async def whole_flow(self, workflow_id: str) -> str:
        """Submit a job and approve it at once; its id."""
        job_id = await self.submit(workflow_id, new_id())
        await self.approve(job_id, new_id())
        return job_id

    async def job(self, job_id: str) -> Json:
        job: Json = (await self.ok("GET", f"/jobs/{job_id}"))["job"]
        return job

    async def state(self, job_id: str) -> Json:
        state: Json = (await self.ok("GET", f"/jobs/{job_id}/state"))["state"]
        return state

    async def parked(self, job_id: str) -> Json:
        return await eventually(lambda: self.state(job_id), is_parked, 40)

    async def succeeded(self, job_id: str) -> Json:
        """The state of a job once it has ended; it must have succeeded, with one event that counted."""
        job = await eventually(lambda: self.job(job_id), lambda job: job["status"] in TERMINAL, 40)
        state = await self.state(job_id)
        assert job["status"] == "SUCCEEDED", state
        assert len(external(state)) == 1, state
        return state

    async def job_ids(self, count: int) -> list[str]:
        """The ids of all jobs, once the list shows that many."""

        async def listed() -> list[str]:
            page = await self.ok("GET", "/jobs?pageSize=100")
            assert page["totalCount"] == len(page["jobs"])
            return [job["jobId"] for job in page["jobs"]]

        return await eventually(listed, lambda found: len(found) >= count)


def submission(workflow_id: str) -> Json:
    return {"workflowId": workflow_id, "workflowVersion": {"tag": "$LIVE"}, "inputJson": {"prId": "7"}}


def approval(payload: bool = True) -> Json:
    return {"eventId": "manager-approved"} | ({"payload": {"approved": True}} if payload else {})


def is_parked(state: Json) -> bool:
    history = state["executionHistory"]
    return bool(history) and history[-1]["output"]["status"] == "successful_but_incomplete"


def external(state: Json) -> list[Json]:
    """The events in a job's history."""
    return [item for item in state["executionHistory"] if item["historySource"] == "external"]


async def ended(flows: Sequence[asyncio.Future[str]], least: int) -> None:
    """Return once that many of the flows have ended."""

    async def count() -> int:
        return sum(flow.done() for flow in flows)

    await eventually(count, lambda done: done >= least, 40)
