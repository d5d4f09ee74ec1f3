"""A client of the vendor's API that sends what the published client sends: paths, bodies, headers."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.conformance.stack import Stack
from tests.running import eventually

Json = dict[str, Any]
AGENT = "aws-sdk-js/0.0.1 ua/2.1 os/linux lang/js"
TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED")


class Vendor:
    """Calls for one organisation. `send` gives the answer as it is, the other methods the JSON of a success."""

    def __init__(self, http: httpx.AsyncClient, organisation: str, token: str = "dev-token") -> None:
        self.http = http
        self.organisation = organisation
        self.token = token

    async def send(
        self, method: str, path: str, body: Any = None, *, invocation: str | None = None, attempt: int = 1, **more: Any
    ) -> httpx.Response:
        """One request under `/organizations/{organisation}`; without `invocation`, one that is no repetition."""
        headers = {
            "authorization": f"Bearer {self.token}",
            "user-agent": AGENT,
            "x-amz-user-agent": AGENT,
            "amz-sdk-invocation-id": invocation or str(uuid.uuid4()),
            "amz-sdk-request": f"attempt={attempt}; max=3",
        }
        if body is not None:
            more["content"] = json.dumps(body)
            headers["content-type"] = "application/json"
        headers |= more.pop("headers", {})
        return await self.http.request(method, f"/organizations/{self.organisation}{path}", headers=headers, **more)

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Json:
        response = await self.send(method, path, body, **more)
        assert response.status_code == 200, response.text
        value: Json = response.json()
        return value

    async def register(self, name: str = "approval") -> str:
        return str((await self.ok("POST", "/workflows", {"name": name}))["workflowId"])

    async def add_version(self, workflow_id: str, definition: Json | str, **more: Any) -> Json:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        return await self.ok("POST", f"/workflows/{workflow_id}/versions", {"definition": text}, **more)

    async def tag(self, workflow_id: str, version_id: str, tag: str = "%24LIVE") -> None:
        assert await self.ok("PUT", f"/workflows/{workflow_id}/tags/{tag}", {"versionId": version_id}) == {
            "success": True
        }

    async def publish(self, definition: Json | str, name: str = "approval") -> str:
        """A new workflow whose live version is this definition."""
        workflow_id = await self.register(name)
        await self.tag(workflow_id, (await self.add_version(workflow_id, definition))["versionId"])
        return workflow_id

    async def submit(self, workflow_id: str, input: Any = None, **more: Any) -> str:
        body: Json = {"workflowId": workflow_id, "workflowVersion": {"tag": "$LIVE"}}
        if input is not None:
            body["inputJson"] = input
        return str((await self.ok("POST", "/jobs", body, **more))["jobId"])

    async def event(self, job_id: str, event_id: str, payload: Any = None, **more: Any) -> httpx.Response:
        body = {"eventId": event_id} | ({} if payload is None else {"payload": payload})
        return await self.send("POST", f"/jobs/{job_id}/events", body, **more)

    async def job(self, job_id: str) -> Json:
        summary: Json = (await self.ok("GET", f"/jobs/{job_id}"))["job"]
        return summary

    async def state(self, job_id: str) -> Json:
        state: Json = (await self.ok("GET", f"/jobs/{job_id}/state"))["state"]
        return state

    async def ended(self, job_id: str, status: str = "SUCCEEDED") -> Json:
        """The job's state once it has ended as expected."""
        job = await eventually(lambda: self.job(job_id), lambda job: job["status"] in TERMINAL)
        state = await self.state(job_id)
        assert job["status"] == status, state
        return state

    async def parked(self, job_id: str, step: str = "gate") -> Json:
        """The job's state once it waits at a step."""
        return await eventually(lambda: self.state(job_id), lambda state: is_parked(state, step))


def is_parked(state: Json, step: str) -> bool:
    last = state["executionHistory"][-1:] or [{"stepName": None, "output": {"status": None}}]
    return (last[0]["stepName"], last[0]["output"]["status"]) == (step, "successful_but_incomplete")


@asynccontextmanager
async def vendor_of(stack: Stack, organisation: str | None = None, **more: Any) -> AsyncIterator[Vendor]:
    """A client of a stack, for an organisation of its own."""
    async with httpx.AsyncClient(base_url=stack.address, timeout=30) as http:
        yield Vendor(http, organisation or str(uuid.uuid4()), **more)


def refused(response: httpx.Response, status: int, error_type: str) -> Json:
    """The body of an error, which says the same in all its places."""
    assert response.status_code == status, response.text
    body: Json = response.json()
    assert response.headers["x-amzn-errortype"] == error_type
    assert (body["errorType"], body["statusCode"]) == (error_type, status)
    assert isinstance(body["message"], str)
    assert body["message"]
    assert set(body) <= {"message", "errorType", "statusCode", "fields"}
    assert all(isinstance(text, str) for text in body.get("fields", {}).values())
    return body


def invalid(response: httpx.Response, *fields: str) -> Json:
    """The body of a ValidationError about these fields."""
    body = refused(response, 400, "ValidationError")
    assert set(body.get("fields", {})) == set(fields), body
    return body
