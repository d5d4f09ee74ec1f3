"""Events sent to jobs: early, late, repeated, unknown, invalid, to several waits."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from temporalio.client import Client

from tests.conformance.justworkflowit.samples import GATE, step, wait, workflow
from tests.conformance.justworkflowit.vendor import Json, Vendor, invalid, refused, vendor_of
from tests.conformance.stack import adapter
from tests.lambda_endpoint import LambdaEndpoint, Reply
from tests.running import eventually

TWO = workflow(wait("gate", "first", "second", output="anything"))


async def parked_job(vendor: Vendor, definition: Json) -> str:
    job_id = await vendor.submit(await vendor.publish(definition))
    await vendor.parked(job_id)
    return job_id


def external(state: Json) -> list[tuple[str, Any]]:
    items = [item for item in state["executionHistory"] if item["historySource"] == "external"]
    return [(item["eventId"], item["output"].get("payload")) for item in items]


async def test_an_event_is_answered_and_ends_the_wait(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, GATE)
    response = await vendor.event(job_id, "go", {"approved": True, "by": "Ann"})
    assert (response.status_code, response.json()) == (200, {"jobId": job_id, "eventId": "go"})
    state = await vendor.ended(job_id)
    assert state["executionData"]["gateOutput"] == {"approved": True, "by": "Ann"}
    assert external(state) == [("go", {"approved": True, "by": "Ann"})]


async def test_an_event_without_payload_gives_an_empty_output(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, GATE)
    assert (await vendor.event(job_id, "go")).status_code == 200
    assert (await vendor.ended(job_id))["executionData"]["gateOutput"] == {}


async def test_a_wait_for_two_events_needs_both(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, TWO)
    assert (await vendor.event(job_id, "second", {"a": 2, "b": 2})).status_code == 200
    state = await vendor.state(job_id)
    assert external(state) == [("second", {"a": 2, "b": 2})]
    last = state["executionHistory"][-1]
    assert (last["stepName"], last["output"]["status"]) == ("gate", "successful_but_incomplete")
    assert (await vendor.job(job_id))["status"] == "RUNNING"
    assert (await vendor.event(job_id, "first", {"a": 1})).status_code == 200
    # Merged in the order of `eventIds`, whatever came first.
    assert (await vendor.ended(job_id))["executionData"]["gateOutput"] == {"a": 2, "b": 2}


async def test_an_unknown_event_is_recorded_and_changes_nothing(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, GATE)
    for event_id in ("nobody", "GO", "go ", "tidegate:deliver", "…✓"):
        assert (await vendor.event(job_id, event_id)).status_code == 200
    state = await vendor.state(job_id)
    assert [event_id for event_id, _ in external(state)] == ["nobody", "GO", "go ", "tidegate:deliver", "…✓"]
    assert state["executionHistory"][-1]["output"]["status"] == "successful_but_incomplete"
    assert (await vendor.job(job_id))["status"] == "RUNNING"
    assert (await vendor.event(job_id, "go")).status_code == 200
    await vendor.ended(job_id)


async def test_a_second_event_of_the_same_id_is_recorded_and_not_counted(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, TWO)
    for number in (1, 2):
        assert (await vendor.event(job_id, "first", {"n": number})).status_code == 200
    assert len(external(await vendor.state(job_id))) == 2
    assert (await vendor.job(job_id))["status"] == "RUNNING"
    assert (await vendor.event(job_id, "second")).status_code == 200
    assert (await vendor.ended(job_id))["executionData"]["gateOutput"] == {"n": 1}


async def test_an_event_satisfies_one_visit_of_a_wait(vendor: Vendor) -> None:
    definition = workflow(wait("one", "go", following="two", output="anything"), wait("two", "go", output="anything"))
    job_id = await vendor.submit(await vendor.publish(definition))
    await vendor.parked(job_id, "one")
    assert (await vendor.event(job_id, "go", {"n": 1})).status_code == 200
    await vendor.parked(job_id, "two")
    assert (await vendor.event(job_id, "go", {"n": 2})).status_code == 200
    data = (await vendor.ended(job_id))["executionData"]
    assert (data["oneOutput"], data["twoOutput"]) == ({"n": 1}, {"n": 2})


async def test_an_event_before_its_wait_is_kept(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    function = f"slow-{uuid.uuid4()}"
    lambdas.on(function, Reply({}, delay=1.0))
    config = {"region": "us-east-1", "accountId": "123456789012", "functionName": function}
    definition = workflow(step("slow", "aws/lambda", "gate", config), wait("gate", "go"))
    job_id = await vendor.submit(await vendor.publish(definition))
    await eventually(lambda: vendor.job(job_id), lambda job: job["status"] == "RUNNING")
    assert (await vendor.event(job_id, "go", {"approved": False})).status_code == 200
    state = await vendor.ended(job_id)
    assert state["executionData"]["gateOutput"] == {"approved": False}
    order = [(item["stepName"], item["historySource"]) for item in state["executionHistory"]]
    assert order == [("slow", "external"), ("slow", "engine"), ("gate", "engine")]


async def test_an_early_event_that_does_not_fit_fails_the_step(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    function = f"slow-{uuid.uuid4()}"
    lambdas.on(function, Reply({}, delay=1.0))
    config = {"region": "us-east-1", "accountId": "123456789012", "functionName": function}
    definition = workflow(step("slow", "aws/lambda", "gate", config), wait("gate", "go"))
    job_id = await vendor.submit(await vendor.publish(definition))
    await eventually(lambda: vendor.job(job_id), lambda job: job["status"] == "RUNNING")
    assert (await vendor.event(job_id, "go", {"approved": "yes"})).status_code == 200
    last = (await vendor.ended(job_id, "FAILED"))["executionHistory"][-1]
    assert (last["stepName"], last["output"]["status"]) == ("gate", "failure")
    assert "approved" in last["errors"][0]


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"approved": "yes"}, "$.payload.approved"),
        ({"approved": True, "more": 1}, "$.payload"),
        ({"by": "Ann"}, "$.payload"),
        ({}, "$.payload"),
    ],
)
async def test_a_payload_that_does_not_fit_is_refused_and_changes_nothing(
    vendor: Vendor, payload: Json, path: str
) -> None:
    job_id = await parked_job(vendor, GATE)
    before = await vendor.state(job_id)
    body = invalid(await vendor.event(job_id, "go", payload), path)
    assert body["message"].startswith(f"{path}: ")
    assert await vendor.state(job_id) == before
    assert (await vendor.event(job_id, "go", {"approved": True})).status_code == 200
    await vendor.ended(job_id)


async def test_what_is_required_is_asked_for_when_the_last_event_comes(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, workflow(wait("gate", "a", "b")))
    assert (await vendor.event(job_id, "a", {"by": "Ann"})).status_code == 200
    refused(await vendor.event(job_id, "b", {"by": "Bob"}), 400, "ValidationError")
    assert (await vendor.event(job_id, "b", {"approved": True})).status_code == 200
    assert (await vendor.ended(job_id))["executionData"]["gateOutput"] == {"by": "Ann", "approved": True}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "$.eventId"),
        ({"eventId": ""}, "$.eventId"),
        ({"eventId": None}, "$.eventId"),
        ({"eventId": 7}, "$.eventId"),
        ({"eventId": ["go"]}, "$.eventId"),
        ({"eventId": "x" * 257}, "$.eventId"),
        ({"eventId": "go", "payload": "text"}, "$.payload"),
        ({"eventId": "go", "payload": []}, "$.payload"),
        ({"eventId": "go", "payload": False}, "$.payload"),
    ],
)
async def test_a_bad_event_is_refused(vendor: Vendor, body: Json, field: str) -> None:
    job_id = await parked_job(vendor, GATE)
    invalid(await vendor.send("POST", f"/jobs/{job_id}/events", body), field)
    assert external(await vendor.state(job_id)) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"  ", b"{", b"[]", b'"go"', b"null", b"eventId=go", b'{"eventId": "go", "payload": {"n": NaN}}',
     b'{"eventId": "go", "payload": {"n": 1e999}}', b'{"eventId": "\xff"}', b'{"eventId": "\\ud800"}',
     b'{"eventId": "go", "payload": ' + b'{"a":' * 200 + b"1" + b"}" * 201],
)  # fmt: skip
async def test_a_malformed_body_is_refused(vendor: Vendor, content: bytes) -> None:
    job_id = await parked_job(vendor, GATE)
    response = await vendor.send("POST", f"/jobs/{job_id}/events", content=content)
    refused(response, 400, "ValidationError")
    assert external(await vendor.state(job_id)) == []


async def test_a_body_that_is_too_large_is_refused(vendor: Vendor) -> None:
    job_id = await parked_job(vendor, GATE)
    response = await vendor.event(job_id, "go", {"text": "x" * 300_000})
    refused(response, 413, "ValidationError")
    assert external(await vendor.state(job_id)) == []


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "???", None]
)
async def test_the_content_type_does_not_matter(vendor: Vendor, content_type: str | None) -> None:
    job_id = await parked_job(vendor, GATE)
    content = json.dumps({"eventId": "go", "unknown": 1, "payload": None})
    headers = {} if content_type is None else {"content-type": content_type}
    response = await vendor.send("POST", f"/jobs/{job_id}/events", content=content, headers=headers)
    assert response.status_code == 200
    await vendor.ended(job_id)


async def test_of_many_events_at_once_each_counts_once(vendor: Vendor) -> None:
    names = [f"event-{number}" for number in range(30)]
    job_id = await parked_job(vendor, workflow(wait("gate", *names, output="anything")))
    answers = await asyncio.gather(*(vendor.event(job_id, name, {name: 1}) for name in names))
    assert {answer.status_code for answer in answers} == {200}
    state = await vendor.ended(job_id)
    assert state["executionData"]["gateOutput"] == dict.fromkeys(names, 1)
    assert len(external(state)) == 30


async def test_a_job_that_has_not_begun_takes_events(temporal_client: Client) -> None:
    async with adapter(temporal_client, rpc_seconds=1.0) as stack, vendor_of(stack) as vendor:
        async with stack.worker():
            workflow_id = await vendor.publish(workflow(wait("gate", "a", "b")))
        job_id = await vendor.submit(workflow_id)
        assert (await vendor.job(job_id))["status"] == "PENDING"
        assert "startedAt" not in await vendor.job(job_id)
        assert (await vendor.event(job_id, "a")).status_code == 200
        assert (await vendor.event(job_id, "b", {"approved": True})).status_code == 200
        response = await vendor.send("GET", f"/jobs/{job_id}/state")
        refused(response, 503, "UnhandledError")
        assert int(response.headers["retry-after"]) > 0
        async with stack.worker():
            state = await vendor.ended(job_id)
        assert sorted(external(state), key=str) == [("a", None), ("b", {"approved": True})]
        assert state["executionData"]["gateOutput"] == {"approved": True}


async def test_while_no_worker_is_there_an_event_is_kept_or_asked_for_again(temporal_client: Client) -> None:
    async with adapter(temporal_client, rpc_seconds=1.0) as stack, vendor_of(stack) as vendor:
        async with stack.worker():
            job_id = await parked_job(vendor, workflow(wait("gate", "a", "b")))
        assert (await vendor.event(job_id, "a")).status_code == 200
        invocation = str(uuid.uuid4())
        response = await vendor.event(job_id, "b", {"approved": True}, invocation=invocation)
        refused(response, 503, "UnhandledError")
        assert int(response.headers["retry-after"]) > 0
        async with stack.worker():
            again = await vendor.event(job_id, "b", {"approved": True}, invocation=invocation, attempt=2)
            assert again.status_code == 200
            state = await vendor.ended(job_id)
        assert len(external(state)) == 2
