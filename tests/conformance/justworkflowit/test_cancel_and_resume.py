"""Jobs that are cancelled, that fail, and that are resumed."""

from __future__ import annotations

import asyncio
import uuid

from tests.conformance.justworkflowit.samples import DONE, GATE, call, step, wait, workflow
from tests.conformance.justworkflowit.vendor import Vendor, refused
from tests.lambda_endpoint import LambdaEndpoint, function_failure


async def test_a_cancelled_job_has_ended_and_can_be_resumed(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(workflow(step("first", "noop", "gate"), wait("gate", "go"))))
    await vendor.parked(job_id)
    assert await vendor.ok("POST", f"/jobs/{job_id}/cancel") == {"jobId": job_id}
    assert (await vendor.job(job_id))["status"] == "CANCELLED"
    refused(await vendor.send("POST", f"/jobs/{job_id}/cancel"), 400, "ValidationError")
    refused(await vendor.event(job_id, "go"), 400, "ValidationError")
    assert "nextStepName" not in await vendor.state(job_id)
    assert await vendor.ok("POST", f"/jobs/{job_id}/resume") == {"jobId": job_id}
    refused(await vendor.send("POST", f"/jobs/{job_id}/resume"), 400, "ValidationError")
    state = await vendor.parked(job_id)
    assert [item["stepName"] for item in state["executionHistory"]].count("first") == 1
    assert (await vendor.event(job_id, "go", {"approved": True})).status_code == 200
    assert (await vendor.ended(job_id))["executionData"]["gateOutput"] == {"approved": True}


async def test_a_failed_job_is_resumed_where_it_failed(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    function = f"flaky-{uuid.uuid4()}"
    lambdas.on(function, function_failure("Oops", "not now"), {"ok": True})
    definition = workflow(step("first", "noop", "call"), call("call", function))
    job_id = await vendor.submit(await vendor.publish(definition))
    state = await vendor.ended(job_id, "FAILED")
    last = state["executionHistory"][-1]
    assert (last["stepName"], last["output"]["status"]) == ("call", "failure")
    assert "not now" in last["errors"][0]
    assert "nextStepName" not in state
    assert await vendor.ok("POST", f"/jobs/{job_id}/resume") == {"jobId": job_id}
    steps = [item["stepName"] for item in (await vendor.ended(job_id))["executionHistory"]]
    assert steps == ["first", "call", "call"]


async def test_of_two_resumes_at_once_one_wins(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    await vendor.ok("POST", f"/jobs/{job_id}/cancel")
    answers = await asyncio.gather(*(vendor.send("POST", f"/jobs/{job_id}/resume") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_a_job_that_succeeded_is_over(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(DONE))
    await vendor.ended(job_id)
    for path in ("cancel", "resume"):
        refused(await vendor.send("POST", f"/jobs/{job_id}/{path}"), 400, "ValidationError")
    refused(await vendor.event(job_id, "go"), 400, "ValidationError")
