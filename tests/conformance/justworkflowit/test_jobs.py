"""Submit jobs, read them and their state, cancel and resume them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.conformance.justworkflowit.samples import (
    DONE,
    GATE,
    GATE_WITH_INPUT,
    call,
    step,
    wait,
    workflow,
)
from tests.conformance.justworkflowit.vendor import Json, Vendor, invalid, refused
from tests.lambda_endpoint import LambdaEndpoint, Reply
from tests.running import eventually

SUMMARY = {
    "jobId", "status", "workflowId", "workflowName", "workflowVersion", "submittedByUser", "createdAt", "updatedAt",
}  # fmt: skip


async def test_a_version_is_selected_in_three_ways(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    gate, done = [await vendor.add_version(workflow_id, text) for text in (GATE, DONE)]
    await vendor.tag(workflow_id, gate["versionId"])
    for selector, expected in (
        ({"tag": "$LIVE"}, gate),
        ({"versionNumber": 2}, done),
        ({"versionId": done["versionId"]}, done),
        ({"versionId": gate["versionId"], "tag": None, "versionNumber": None}, gate),
    ):
        body = {"workflowId": workflow_id, "workflowVersion": selector}
        job = await vendor.job((await vendor.ok("POST", "/jobs", body))["jobId"])
        assert job["workflowVersion"] == {
            "versionId": expected["versionId"],
            "versionNumber": expected["versionNumber"],
        }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"workflowVersion": {}}, "$.workflowVersion"),
        ({"workflowVersion": {"tag": "$LIVE", "versionNumber": 1}}, "$.workflowVersion"),
        ({"workflowVersion": {"tag": "LIVE"}}, "$.workflowVersion.tag"),
        ({"workflowVersion": {"versionNumber": "1"}}, "$.workflowVersion.versionNumber"),
        ({"workflowVersion": "$LIVE"}, "$.workflowVersion"),
        ({"workflowVersion": None}, "$.workflowVersion"),
        ({"workflowId": None}, "$.workflowId"),
        ({"workflowId": 1}, "$.workflowId"),
    ],
)
async def test_a_bad_submission_is_refused(vendor: Vendor, body: Json, field: str) -> None:
    good = {"workflowId": await vendor.publish(GATE), "workflowVersion": {"tag": "$LIVE"}}
    invalid(await vendor.send("POST", "/jobs", good | body), field)


@pytest.mark.parametrize(
    "selector", [{"tag": "$NONE"}, {"versionNumber": 2}, {"versionId": str(uuid.uuid4())}, {"versionNumber": 2**40}]
)
async def test_an_unknown_version_is_not_found(vendor: Vendor, selector: Json) -> None:
    body = {"workflowId": await vendor.publish(GATE), "workflowVersion": selector}
    refused(await vendor.send("POST", "/jobs", body), 404, "NotFoundError")


async def test_a_job_of_an_unknown_workflow_is_not_found(vendor: Vendor) -> None:
    for workflow_id in (str(uuid.uuid4()), "x"):
        body = {"workflowId": workflow_id, "workflowVersion": {"tag": "$LIVE"}}
        refused(await vendor.send("POST", "/jobs", body), 404, "NotFoundError")


@pytest.mark.parametrize(
    ("definition", "input", "path"),
    [
        (GATE_WITH_INPUT, {"prId": 7}, "$.inputJson.prId"),
        (GATE_WITH_INPUT, {"prId": "7", "more": 1}, "$.inputJson"),
        (GATE_WITH_INPUT, {}, "$.inputJson"),
        (GATE_WITH_INPUT, "prId", "$.inputJson"),
        (GATE_WITH_INPUT, None, "$.inputJson"),
        (GATE, {"prId": "7"}, "$.inputJson"),
    ],
)
async def test_a_bad_input_is_refused_and_makes_no_job(vendor: Vendor, definition: Json, input: Any, path: str) -> None:
    body = {"workflowId": await vendor.publish(definition), "workflowVersion": {"tag": "$LIVE"}, "inputJson": input}
    assert invalid(await vendor.send("POST", "/jobs", body), path)["message"].startswith(f"{path}: ")
    assert await vendor.ok("GET", "/jobs") == {"jobs": [], "totalCount": 0}


@pytest.mark.parametrize("value", [0, False, "", [], {}, "text", [1, None], 1.5])
async def test_an_input_is_any_json_value(vendor: Vendor, value: Any) -> None:
    kind = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}[type(value)]
    schema: Json = {"type": kind}
    if kind == "array":
        schema["items"] = {"$ref": "#/definitions/anything"}
        value = [{} for _ in value]
    workflow_id = await vendor.publish(workflow(wait("gate", "go"), input=schema))
    state = await vendor.parked(await vendor.submit(workflow_id, value))
    assert state["executionData"]["workflowInput"] == value


async def test_a_job_is_described_in_the_vendors_fields(vendor: Vendor) -> None:
    workflow_id = await vendor.publish(GATE_WITH_INPUT, "Deploy approval")
    job_id = await vendor.submit(workflow_id, {"prId": "7"})
    await vendor.parked(job_id)
    answer = await vendor.ok("GET", f"/jobs/{job_id}")
    assert set(answer) == {"job"}
    job = answer["job"]
    assert set(job) == SUMMARY | {"startedAt"}
    assert (job["jobId"], job["status"], job["workflowName"]) == (job_id, "RUNNING", "Deploy approval")
    assert job["submittedByUser"]
    assert (await vendor.event(job_id, "go", {"approved": True})).status_code == 200
    await vendor.ended(job_id)
    assert set(await vendor.job(job_id)) == SUMMARY | {"startedAt", "finishedAt"}


async def test_dates_are_rfc_3339_texts_in_order(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(DONE))
    await vendor.ended(job_id)
    job = await vendor.job(job_id)
    moments = [job[key] for key in ("createdAt", "startedAt", "finishedAt")]
    assert all(moment.endswith("Z") and moment[10] == "T" for moment in moments)
    assert moments == sorted(moments)
    assert job["updatedAt"] >= job["finishedAt"]


async def test_a_parked_job_shows_what_it_waits_for(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(workflow(step("first", "noop", "gate"), wait("gate", "go"))))
    state = await vendor.parked(job_id)
    assert set(state) == {"nextStepName", "executionData", "executionHistory"}
    assert state["nextStepName"] == "gate"
    first, last = state["executionHistory"]
    assert (first["stepName"], first["stepExecutorType"], first["output"]["status"]) == (
        "first",
        "/justworkflowit/noop",
        "success",
    )
    assert last["stepExecutorType"] == "/justworkflowit/waitForEventIds"
    assert set(last) == {
        "id", "stepName", "stepExecutorType", "historySource", "input", "output", "startTimestamp", "endTimestamp",
        "errors", "warnings",
    }  # fmt: skip
    assert (await vendor.job(job_id))["status"] == "RUNNING"


async def test_the_metadata_gives_the_length_of_the_state(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE_WITH_INPUT), {"prId": "Größe ✓"})
    state = await vendor.parked(job_id)
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    assert await vendor.ok("GET", f"/jobs/{job_id}/state/metadata") == {"contentLengthBytes": len(text.encode())}


async def test_a_state_with_half_of_a_surrogate_pair_can_be_read(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    function = f"cut-{uuid.uuid4()}"
    lambdas.on(function, Reply(raw=b'{"text": "cut here: \\ud83d"}'))
    job_id = await vendor.submit(await vendor.publish(workflow(call("cut", function, "gate"), wait("gate", "go"))))
    state = await vendor.parked(job_id)
    assert state["executionData"]["cutOutput"] == {"text": "cut here: \ud83d"}
    length = len(json.dumps(state, separators=(",", ":")))
    assert await vendor.ok("GET", f"/jobs/{job_id}/state/metadata") == {"contentLengthBytes": length}


async def test_a_payload_goes_into_the_next_step(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    function = f"deploy-{uuid.uuid4()}"
    lambdas.on(function, {"done": True})
    transformer = {"fieldset": [{"from": "gateOutput.approved", "to": "approved"}]}
    deploy = call("deploy", function, inputTransformer=transformer)
    definition = workflow(wait("gate", "go", following="deploy"), deploy)
    job_id = await vendor.submit(await vendor.publish(definition))
    await vendor.parked(job_id)
    assert (await vendor.event(job_id, "go", {"approved": True})).status_code == 200
    state = await vendor.ended(job_id)
    assert state["executionData"]["gateOutput"] == {"approved": True}
    assert state["executionData"]["deployOutput"] == {"done": True}
    (invoked,) = [one for one in lambdas.invocations if one.name == function]
    assert invoked.payload["approved"] is True
    assert invoked.payload["__jobContext"]["jobId"] == job_id
    assert "nextStepName" not in state


async def test_a_child_knows_its_parent_and_the_parent_its_children(vendor: Vendor) -> None:
    await vendor.publish(workflow(wait("gate", "go"), name="child"), "child")
    children = [{"id": "only", "workflowName": "child", "workflowVersion": {"tag": "$LIVE"}}]
    parent_id = await vendor.submit(
        await vendor.publish(workflow(step("spawn", "runChildJob", None, {"children": children})), "parent")
    )
    answer = await eventually(lambda: vendor.ok("GET", f"/jobs/{parent_id}"), lambda answer: "childJobs" in answer)
    (child,) = answer["childJobs"]
    assert set(child) == {"jobId", "status", "workflowName", "parentStepName", "createdAt"}
    assert (child["workflowName"], child["parentStepName"]) == ("child", "spawn")
    below = await vendor.ok("GET", f"/jobs/{child['jobId']}")
    assert below["parentJob"] == {
        "jobId": parent_id,
        "status": "RUNNING",
        "workflowName": "parent",
        "stepName": "spawn",
    }
    assert {key: below["job"][key] for key in ("parentJobId", "parentStepName", "rootJobId")} == {
        "parentJobId": parent_id,
        "parentStepName": "spawn",
        "rootJobId": parent_id,
    }
    await vendor.parked(child["jobId"])
    assert (await vendor.event(child["jobId"], "go")).status_code == 200
    await vendor.ended(parent_id)


@pytest.mark.parametrize("job_id", ["6d2e6d75-e001-4ca8-b625-ae5043c87f82", "nothing", "x" * 3000])
async def test_an_unknown_job_is_not_found(vendor: Vendor, job_id: str) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/state"),
        ("GET", "/state/metadata"),
        ("POST", "/cancel"),
        ("POST", "/resume"),
    ):
        refused(await vendor.send(method, f"/jobs/{job_id}{path}"), 404, "NotFoundError")
    refused(await vendor.event(job_id, "go"), 404, "NotFoundError")


async def test_a_job_belongs_to_its_organisation(vendor: Vendor) -> None:
    job_id = await vendor.submit(await vendor.publish(GATE))
    other = Vendor(vendor.http, str(uuid.uuid4()))
    refused(await other.send("GET", f"/jobs/{job_id}"), 404, "NotFoundError")
    refused(await other.event(job_id, "go"), 404, "NotFoundError")
    assert (await other.ok("GET", "/jobs"))["jobs"] == []
