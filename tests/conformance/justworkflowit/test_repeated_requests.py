"""The vendor's client repeats a request with the same `amz-sdk-invocation-id`: it acts once, the answer is the same."""

from __future__ import annotations

import asyncio
import json
import uuid

from temporalio.client import Client

from tests.conformance.justworkflowit.samples import DONE, GATE, wait, workflow
from tests.conformance.justworkflowit.vendor import Vendor, refused, vendor_of
from tests.conformance.stack import adapter
from tests.running import eventually


def invocation() -> str:
    return str(uuid.uuid4())


async def test_register_workflow(vendor: Vendor) -> None:
    same = invocation()
    send = [vendor.ok("POST", "/workflows", {"name": "a"}, invocation=same) for _ in range(3)]
    first, *others = await asyncio.gather(*send)
    assert others == [first, first]
    assert await vendor.ok("POST", "/workflows", {"name": "a"}, invocation=same, attempt=2) == first
    refused(await vendor.send("POST", "/workflows", {"name": "a"}), 400, "ValidationError")


async def test_register_workflow_version(vendor: Vendor) -> None:
    workflow_id, same = await vendor.register(), invocation()
    first = await vendor.add_version(workflow_id, GATE, invocation=same)
    second = await vendor.add_version(workflow_id, DONE)
    assert await vendor.add_version(workflow_id, GATE, invocation=same) == first
    assert second["versionNumber"] == 2
    assert len((await vendor.ok("GET", f"/workflows/{workflow_id}/versions"))["versions"]) == 2


async def test_submit_job(vendor: Vendor) -> None:
    workflow_id, same = await vendor.publish(GATE), invocation()
    answers = await asyncio.gather(*(vendor.submit(workflow_id, invocation=same) for _ in range(5)))
    assert len(set(answers)) == 1
    assert await vendor.submit(workflow_id, invocation=same, attempt=3) == answers[0]
    other = await vendor.submit(workflow_id)
    assert other != answers[0]
    listed = await eventually(lambda: vendor.ok("GET", "/jobs"), lambda answer: answer["totalCount"] == 2)
    assert {job["jobId"] for job in listed["jobs"]} == {answers[0], other}


async def test_submit_job_after_it_has_ended(vendor: Vendor) -> None:
    workflow_id, same = await vendor.publish(DONE), invocation()
    job_id = await vendor.submit(workflow_id, invocation=same)
    await vendor.ended(job_id)
    assert await vendor.submit(workflow_id, invocation=same) == job_id


async def test_submit_job_by_a_tag_that_was_moved_in_between(vendor: Vendor) -> None:
    workflow_id, same = await vendor.publish(GATE), invocation()
    job_id = await vendor.submit(workflow_id, invocation=same)
    await vendor.tag(workflow_id, (await vendor.add_version(workflow_id, DONE))["versionId"])
    assert await vendor.submit(workflow_id, invocation=same, attempt=2) == job_id
    fresh = await vendor.submit(workflow_id)
    assert (await vendor.job(fresh))["workflowVersion"]["versionNumber"] == 2


async def test_send_job_event(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(workflow(wait("gate", "a", "b", output="anything"))))
    await vendor.parked(job_id)
    same = invocation()
    answers = await asyncio.gather(*(vendor.event(job_id, "a", {"n": 1}, invocation=same) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    history = (await vendor.state(job_id))["executionHistory"]
    assert [item["eventId"] for item in history if "eventId" in item] == ["a"]


async def test_send_job_event_after_it_ended_the_job(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    await vendor.parked(job_id)
    same = invocation()
    assert (await vendor.event(job_id, "go", {"approved": True}, invocation=same)).status_code == 200
    await vendor.ended(job_id)
    again = await vendor.event(job_id, "go", {"approved": True}, invocation=same, attempt=2)
    assert (again.status_code, again.json()) == (200, {"jobId": job_id, "eventId": "go"})
    refused(await vendor.event(job_id, "go", {"approved": True}), 400, "ValidationError")


async def test_send_job_event_that_was_left_for_a_worker_and_ended_the_job(temporal_client: Client) -> None:
    async with adapter(temporal_client, rpc_seconds=1.0) as stack, vendor_of(stack) as vendor:
        async with stack.worker():
            job_id = await vendor.submit(await vendor.publish(GATE))
            await vendor.parked(job_id)
        same = invocation()
        assert (await vendor.event(job_id, "go", invocation=same)).status_code == 200
        async with stack.worker():
            await vendor.ended(job_id)
            assert (await vendor.event(job_id, "go", invocation=same, attempt=2)).status_code == 200
            refused(await vendor.event(job_id, "go"), 400, "ValidationError")


async def test_one_invocation_id_for_two_events_loses_none(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(workflow(wait("gate", "a", "b", output="anything"))))
    await vendor.parked(job_id)
    same = invocation()
    for event_id in ("a", "b"):
        assert (await vendor.event(job_id, event_id, invocation=same)).status_code == 200
    await vendor.ended(job_id)


async def test_cancel_job(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    same = invocation()
    for attempt in (1, 2):
        answer = await vendor.ok("POST", f"/jobs/{job_id}/cancel", invocation=same, attempt=attempt)
        assert answer == {"jobId": job_id}
    assert (await vendor.job(job_id))["status"] == "CANCELLED"
    refused(await vendor.send("POST", f"/jobs/{job_id}/cancel"), 400, "ValidationError")


async def test_cancel_job_after_it_was_resumed_does_not_cancel_it_again(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    same = invocation()
    await vendor.ok("POST", f"/jobs/{job_id}/cancel", invocation=same)
    await vendor.ok("POST", f"/jobs/{job_id}/resume")
    await vendor.parked(job_id)
    await vendor.ok("POST", f"/jobs/{job_id}/cancel", invocation=same, attempt=2)
    assert (await vendor.job(job_id))["status"] == "RUNNING"


async def test_resume_job(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    await vendor.ok("POST", f"/jobs/{job_id}/cancel")
    same = invocation()
    answers = await asyncio.gather(*(vendor.send("POST", f"/jobs/{job_id}/resume", invocation=same) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await vendor.send("POST", f"/jobs/{job_id}/resume", invocation=same)).status_code == 200
    refused(await vendor.send("POST", f"/jobs/{job_id}/resume"), 400, "ValidationError")


async def test_without_the_header_every_request_is_new(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE)
    content = json.dumps({"workflowId": workflow_id, "workflowVersion": {"tag": "$LIVE"}})
    path = f"/organizations/{vendor.organisation}/jobs"
    answers = [(await vendor.http.post(path, content=content)).json()["jobId"] for _ in range(2)]
    assert len(set(answers)) == 2
