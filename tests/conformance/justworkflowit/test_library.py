"""Every example of the library runs to its end, over HTTP, and calls what it says with what it says.

The vendor's own example has its tests in `test_approval_flow`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from temporalio.client import Client

import definitions
from tests.conformance.justworkflowit.vendor import Json, Vendor, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.lambda_endpoint import LambdaEndpoint
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page
from worker.client import TidegateClient
from worker.secrets import SecretBox, new_key

LIBRARY = Path(definitions.__file__).parent / "library" / "justworkflowit"
#: Where each example is run; a new one has to be put here.
RUN_HERE = {"four-eyes", "nightly-import", "order", "parcel", "release-until-healthy", "welcome-letter"}
CITY: Json = {"city": "Kiel", "email": "ann@example.com"}
CUSTOMER: Json = {
    "name": "Ann",
    "email": "ann@example.com",
    "joined": "2026-01-31",
    "segment": "gold",
    "address": CITY,
    "orders": [{"sku": "A", "amount": {"value": 7.5}}, {"sku": "B", "amount": {"value": 2}}],
}
LETTER: Json = {
    "to": {"name": "Ann", "city": "Kiel"},
    "greeting": "Dear Ann, welcome since 2026-01-31",
    "date": "31 January 2026",
    "orders": [{"article": "A", "price": 7.5}, {"article": "B", "price": 2}],
    "copies": ["ann@example.com"],
    "gold": "Ann",
    "references": ["c-1"],
}


def example(name: str) -> str:
    return (LIBRARY / f"{name}.json").read_text("utf-8")


def received(lambdas: LambdaEndpoint, job_id: str) -> list[tuple[str, Any]]:
    """What this job has called: each function's name and its payload, without what is sent to every function."""
    calls = [(one.name, dict(one.payload)) for one in lambdas.invocations]
    return [(name, payload) for name, payload in calls if payload.pop("__jobContext", {}).get("jobId") == job_id]


def test_every_example_is_run() -> None:
    assert {file.stem for file in LIBRARY.glob("*.json")} == RUN_HERE | {"approval-flow"}


async def test_four_eyes(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    lambdas.on("grant-access", {})
    job_id = await vendor.submit(await vendor.publish(example("four-eyes")), {"account": "root"})
    await vendor.parked(job_id, "collectApprovals")
    assert (await vendor.event(job_id, "security-approved", {"security": "Sue"})).status_code == 200
    assert (await vendor.event(job_id, "manager-approved", {"manager": "Max", "note": "once"})).status_code == 200
    data = (await vendor.ended(job_id))["executionData"]
    assert data["collectApprovalsOutput"] == {"manager": "Max", "note": "once", "security": "Sue"}
    granted = {
        "account": "root",
        "approvedBy": {"manager": "Max", "security": "Sue"},
        "workflowInput": {"account": "root"},
    }
    assert received(lambdas, job_id) == [("grant-access", granted)]
    assert data["recordOutput"] == {"account": "root"}


async def test_order_and_parcel(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    lambdas.on("split-order", {"parcels": [{"label": "one"}, {"label": "two"}]})
    await vendor.publish(example("parcel"), "parcel")
    job_id = await vendor.submit(
        await vendor.publish(example("order"), "order"), {"orderId": "o-1", "items": ["A", "B"]}
    )

    async def children() -> list[Json]:
        found: list[Json] = (await vendor.ok("GET", f"/jobs/{job_id}")).get("childJobs", [])
        return found

    labels: Json = {}
    for child in await eventually(children, lambda found: len(found) == 3):
        assert child["parentStepName"] == "ship"
        state = await vendor.parked(child["jobId"], "awaitPickup")
        labels[child["jobId"]] = state["executionData"]["packOutput"]["label"]
        carrier = {"carrier": f"for {labels[child['jobId']]}"}
        assert (await vendor.event(child["jobId"], "picked-up", carrier)).status_code == 200
    shipped = (await vendor.ended(job_id))["executionData"]["reportOutput"]["children"]
    assert [(one["id"], one.get("index"), labels[one["runId"]], one["output"]) for one in shipped] == [
        ("parcels", 0, "one", {"carrier": "for one"}),
        ("parcels", 1, "two", {"carrier": "for two"}),
        ("invoice", None, "invoice of o-1", {"carrier": "for invoice of o-1"}),
    ]


async def test_release_until_healthy(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    lambdas.on("build-release", {"version": "v1"}, {"version": "v2"}, {"version": "v3"})
    lambdas.on(
        "probe-release",
        {"health": "bad", "attempt": 1, "mayAsk": True},
        {"health": "unknown", "attempt": 2, "mayAsk": True},
        {"health": "good", "attempt": 3, "mayAsk": True},
    )
    lambdas.on("announce-release", {})
    job_id = await vendor.submit(await vendor.publish(example("release-until-healthy")), {"service": "shop"})
    await vendor.parked(job_id, "askOperator")
    assert (await vendor.event(job_id, "operator-decided", {"again": True})).status_code == 200
    history = (await vendor.ended(job_id))["executionHistory"]
    done = [item["stepName"] for item in history if item["historySource"] == "engine"]
    assert done == [
        *("build", "probe", "build", "probe", "askOperator", "askOperator", "build", "probe", "announce"),
    ]
    assert received(lambdas, job_id)[-1] == ("announce-release", {"text": "shop is at v3"})


async def test_welcome_letter(vendor: Vendor, lambdas: LambdaEndpoint) -> None:
    lambdas.on("read-customer", CUSTOMER)
    lambdas.on("write-letter", {})
    job_id = await vendor.submit(await vendor.publish(example("welcome-letter")), {"customerId": "c-1"})
    await vendor.ended(job_id)
    assert received(lambdas, job_id) == [("read-customer", {"customerId": "c-1"}), ("write-letter", LETTER)]


async def test_nightly_import(temporal_client: Client) -> None:
    key = new_key()
    with LocalServer() as function:
        function.on("/import", page({}, 503), page({"rows": 12}))
        definition = json.loads(example("nightly-import"))
        definition["steps"][0]["integrationDetails"]["config"]["functionUrl"] = function.url("/import")
        async with adapter(temporal_client) as served, served.worker(secret_keys=(key,)), vendor_of(served) as vendor:
            await _put_secrets(served, vendor.organisation, key, WAREHOUSE_PASSWORD="w-1", MAIL_TOKEN="m-1")
            job_id = await vendor.submit(await vendor.publish(definition))
            data = (await vendor.ended(job_id))["executionData"]
        assert data["keepOutput"] == {"rows": 12}
        context = {"jobId": job_id, "organizationId": vendor.organisation}
        secrets = {"warehouse": "w-1", "mail": "m-1"}
        assert [one.json() for one in function.received] == [{"__jobContext": context | {"secrets": secrets}}] * 2


async def _put_secrets(stack: Stack, organisation: str, key: str, **values: str) -> None:
    client, box = TidegateClient(stack.temporal, stack.queue), SecretBox((key,))
    for name, value in values.items():
        await client.put_secret(organisation, name, box.seal(organisation, name, value))
