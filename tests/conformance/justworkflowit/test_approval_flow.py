"""The vendor's approval flow, as its page and its published client have it, from registration to success."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from pathlib import Path

import httpx
import pytest

import definitions
from tests.conformance.justworkflowit.vendor import Json, Vendor, is_parked, vendor_of
from tests.conformance.stack import Stack
from tests.lambda_endpoint import Invoked, LambdaEndpoint
from tests.running import eventually

#: The definition of the page, unchanged.
PAGE = (Path(definitions.__file__).parent / "library" / "justworkflowit" / "approval-flow.json").read_text("utf-8")
INPUT = {"prId": "42"}
WAIT = "waitForApproval"


def called(lambdas: LambdaEndpoint, job_id: str) -> list[Invoked]:
    """What this job has called."""
    return [one for one in lambdas.invocations if one.payload.get("__jobContext", {}).get("jobId") == job_id]


async def test_the_published_clients_requests(stack: Stack, lambdas: LambdaEndpoint) -> None:
    """The requests that the generated client sends, byte for byte, in its order."""
    lambdas.on("send-approval-request", {})
    lambdas.on("run-deployment", {})
    base = f"/organizations/{uuid.uuid4()}"
    async with httpx.AsyncClient(base_url=stack.address, timeout=30) as http:

        async def sent(method: str, path: str, content: str | None = None) -> Json:
            headers = {
                "authorization": "Bearer dev-token",
                "x-amz-user-agent": "aws-sdk-js/0.0.1",
                "user-agent": "aws-sdk-js/0.0.1 ua/2.1 os/linux#6 lang/js md/nodejs#22 api/justworkflowit#0.0.1",
                "amz-sdk-invocation-id": str(uuid.uuid4()),
                "amz-sdk-request": "attempt=1; max=3",
            }
            if content is not None:
                headers["content-type"] = "application/json"
            request = http.build_request(method, base + path, headers=headers, content=content)
            del request.headers["accept"]
            response = await http.send(request)
            assert response.status_code == 200, response.text
            value: Json = response.json()
            return value

        workflow = (await sent("POST", "/workflows", '{"name":"approval-flow"}'))["workflowId"]
        body = json.dumps({"definition": PAGE}, separators=(",", ":"))
        version = await sent("POST", f"/workflows/{workflow}/versions", body)
        tagged = await sent("PUT", f"/workflows/{workflow}/tags/%24LIVE", f'{{"versionId":"{version["versionId"]}"}}')
        assert tagged == {"success": True}
        body = f'{{"inputJson":{{"prId":"42"}},"workflowId":"{workflow}","workflowVersion":{{"tag":"$LIVE"}}}}'
        job = (await sent("POST", "/jobs", body))["jobId"]
        await eventually(lambda: sent("GET", f"/jobs/{job}"), lambda answer: answer["job"]["status"] == "RUNNING")
        await eventually(lambda: sent("GET", f"/jobs/{job}/state"), lambda answer: is_parked(answer["state"], WAIT))
        body = '{"eventId":"manager-approved","payload":{"approved":true}}'
        assert await sent("POST", f"/jobs/{job}/events", body) == {"jobId": job, "eventId": "manager-approved"}
        answer = await eventually(lambda: sent("GET", f"/jobs/{job}"), lambda answer: "finishedAt" in answer["job"])
        assert answer["job"]["status"] == "SUCCEEDED"
        state = (await sent("GET", f"/jobs/{job}/state"))["state"]
    assert [one.name for one in called(lambdas, job)] == ["send-approval-request", "run-deployment"]
    assert state["executionData"]["waitForApprovalOutput"] == {"approved": True}
    assert "nextStepName" not in state
    items = state["executionHistory"]
    assert [(item["stepName"], item["historySource"], item["output"]["status"]) for item in items] == [
        ("requestApproval", "engine", "success"),
        ("waitForApproval", "engine", "successful_but_incomplete"),
        ("waitForApproval", "external", "success"),
        ("waitForApproval", "engine", "success"),
        ("deploy", "engine", "success"),
    ]


async def test_the_payload_reaches_the_next_step(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    lambdas.on("send-approval-request", {})
    lambdas.on("run-deployment", {})
    job_id = await vendor.submit(await vendor.publish(PAGE), INPUT)
    await vendor.parked(job_id, WAIT)
    assert (await vendor.event(job_id, "manager-approved", {"approved": True})).status_code == 200
    await vendor.ended(job_id)
    first, second = called(lambdas, job_id)
    assert first.payload["prId"] == "42"
    assert second.payload["approved"] is True


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
async def test_the_pages_curl(stack: Stack, lambdas: LambdaEndpoint) -> None:
    """The page sends no Content-Type of its own, so curl says that the body is a form."""
    lambdas.on("send-approval-request", {})
    lambdas.on("run-deployment", {})
    async with vendor_of(stack) as vendor:
        job_id = await vendor.submit(await vendor.publish(PAGE), INPUT)
        await vendor.parked(job_id, WAIT)
        url = f"{stack.address}/organizations/{vendor.organisation}/jobs/{job_id}/events"
        curl = await asyncio.create_subprocess_exec(
            "curl", "-s", "-X", "POST", url, "-H", "Authorization: Bearer t", "-d", '{"eventId": "manager-approved"}',
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await curl.communicate()
        assert json.loads(output) == {"jobId": job_id, "eventId": "manager-approved"}
        state = await vendor.ended(job_id)
    assert state["executionData"]["waitForApprovalOutput"] == {}
    assert len(called(lambdas, job_id)) == 2
