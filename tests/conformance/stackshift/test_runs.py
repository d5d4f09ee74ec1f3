"""Runs: lists, pages, bad starts, who may do what."""

from __future__ import annotations

import httpx
import pytest
from temporalio.client import Client

from definitions.contract import RunSnapshot
from tests.conformance.stack import Stack, adapter
from tests.conformance.stackshift.conftest import READER, keyed
from tests.conformance.stackshift.samples import job, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Vendor, data_of, refused, vendor_of
from tests.running import eventually
from worker.client import TidegateClient


async def test_lists_by_job_and_status(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("quick", site.step("work"), returns=1))
    await vendor.register(job("slow", wait("go", "k"), returns=1))
    quick, slow = await vendor.start("quick"), await vendor.start("slow")
    await vendor.ended(quick)
    await vendor.waits(slow)
    rows = await eventually(lambda: vendor.runs(status="waiting"), lambda rows: bool(rows))
    assert [(row["id"], row["job"], row["status"]) for row in rows] == [(slow, "slow", "waiting")]
    rows = await eventually(lambda: vendor.runs(status="completed"), lambda rows: bool(rows))
    assert [(row["id"], row["status"]) for row in rows] == [(quick, "completed")]
    assert await vendor.runs(status="running") == []
    assert [row["id"] for row in await vendor.runs(job="slow")] == [slow]
    assert [row["id"] for row in await vendor.runs(job="slow", status="completed")] == []
    assert await vendor.runs(job="nobody") == []
    assert [row["id"] for row in await vendor.runs()] == [slow, quick]


async def test_pages(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("often", site.step("work")))
    started = [await vendor.start("often") for _ in range(5)]
    await eventually(lambda: vendor.runs(), lambda rows: len(rows) == 5)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2, "job": "often"} | ({} if cursor is None else {"cursor": cursor})
        page = await vendor.ok("GET", "/runs", params=query)
        seen += [row["id"] for row in page["runs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == started[::-1]


@pytest.mark.parametrize(
    ("query", "path"),
    [({"status": "done"}, "status"), ({"limit": "0"}, "limit"), ({"limit": "101"}, "limit"),
     ({"cursor": "x"}, "cursor"), ({"page": "2"}, "page")],
)  # fmt: skip
async def test_a_bad_question_is_refused(vendor: Vendor, query: dict[str, str], path: str) -> None:
    error = refused(await vendor.send("GET", "/runs", params=query), 422, "request-invalid")["error"]
    assert [detail["path"] for detail in error["details"]] == [path]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"idempotencyKey": "k"}, "$.idempotencyKey"),
        ({"idempotency_key": ""}, "$.idempotency_key"),
        ({"idempotency_key": 7}, "$.idempotency_key"),
        ({"max_attempts": 0}, "$.max_attempts"),
        ({"max_attempts": 101}, "$.max_attempts"),
        ({"max_attempts": "5"}, "$.max_attempts"),
        ({"queue_name": ""}, "$.queue_name"),
    ],
)
async def test_a_bad_start_is_refused_and_starts_nothing(
    vendor: Vendor, site: Site, body: dict[str, object], path: str
) -> None:
    await vendor.register(job("a", site.step("work")))
    error = refused(await vendor.send("POST", "/jobs/a/runs", body), 422, "request-invalid")["error"]
    assert [detail["path"] for detail in error["details"]] == [path]
    assert await vendor.runs() == []


async def test_a_job_that_is_not_there(vendor: Vendor) -> None:
    refused(await vendor.send("POST", "/jobs/nobody/runs", {"payload": 1}), 404, "not-found")


async def test_a_run_without_payload(vendor: Vendor) -> None:
    await vendor.register(job("empty", {"state": {"get": "k"}, "as": "k"}, returns={"k": "${k}"}))
    run = await vendor.ended(await vendor.start("empty"))
    assert (run["payload"], run["result"]) == (None, {"k": None})


async def test_a_run_that_ends_while_it_is_read_is_shown_as_a_whole(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await vendor.register(job("gate", wait("go", "k"), returns="${event.payload}"))
    run_id = await vendor.start("gate")
    await vendor.waits(run_id)
    reading = TidegateClient.snapshot

    async def ends_meanwhile(client: TidegateClient, *run: str) -> RunSnapshot:
        found = await reading(client, *run)
        if found.status == "running":
            await vendor.event("go", 7, "k")
            await client.temporal.get_workflow_handle(vendor.workflow_id(run_id)).result()
        return found

    monkeypatch.setattr(TidegateClient, "snapshot", ends_meanwhile)
    run = await vendor.run(run_id)
    assert (run["status"], run["result"], run["waiting_for"]) == ("completed", 7, [])
    assert [item["type"] for item in run["timeline"]][-2:] == ["step.completed", "run.completed"]


async def test_a_run_that_holds_half_a_character_is_readable(vendor: Vendor, site: Site) -> None:
    half = {"text": "a\ud800"}
    await vendor.register(job("half", site.step("ask", answer=half), returns="${ask.body}"))
    assert (await vendor.ended(await vendor.start("half")))["result"] == half


async def test_who_may(keyed_stack: Stack, vendor: Vendor) -> None:
    async with vendor_of(keyed_stack, READER, "org-reader") as reader:
        assert await reader.runs() == []
        for method, path, body in (
            ("POST", "/jobs", {}),
            ("GET", "/jobs", None),
            ("POST", "/jobs/a/runs", {}),
            ("POST", "/runs/a/cancel", None),
            ("POST", "/runs/a/retry", None),
            ("POST", "/events", {}),
        ):
            refused(await reader.send(method, path, body), 403, "forbidden")
    async with vendor_of(keyed_stack, "nobody's", "") as stranger:
        refused(await stranger.send("GET", "/runs"), 401, "unauthenticated")
    async with httpx.AsyncClient(base_url=keyed_stack.address) as http:
        response = await http.get("/api/v1/runs")
        refused(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_another_organisations_run_is_not_there(vendor: Vendor, other: Vendor) -> None:
    await vendor.register(job("gate", wait("go", "k")))
    run_id = await vendor.start("gate")
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        refused(await other.send(method, f"/runs/{run_id}{path}"), 404, "not-found")
    assert (await vendor.waits(run_id))["status"] == "waiting"


async def test_unknown_paths_and_methods(vendor: Vendor) -> None:
    refused(await vendor.send("GET", "/nothing"), 404, "unknown-route")
    response = await vendor.send("DELETE", "/runs")
    refused(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET"


async def test_without_a_worker(temporal_client: Client, site: Site) -> None:
    async with (
        adapter(temporal_client, settings=keyed(), rpc_seconds=1.0) as stack,
        vendor_of(stack, "key-1", "org-alone") as vendor,
    ):
        vendor.organisation = "org-1"
        async with stack.worker():
            await vendor.register(job("later", site.step("work"), returns=1))
        # Starting needs none; reading a run does.
        run_id = await vendor.start("later", {}, idempotency_key="k")
        assert await vendor.start("later", {}, 200, idempotency_key="k") == run_id
        response = await vendor.send("GET", f"/runs/{run_id}")
        refused(response, 503, "unavailable")
        assert int(response.headers["retry-after"]) > 0
        async with stack.worker():
            assert (await vendor.ended(run_id))["result"] == 1


async def test_the_interface_is_described(keyed_stack: Stack, vendor: Vendor) -> None:
    response = await vendor.http.get("/openapi.json", headers={"authorization": f"Bearer {vendor.token}"})
    paths = response.json()["paths"]
    assert {path for path in paths if path.startswith("/api/v1/")} == {
        "/api/v1/jobs",
        "/api/v1/jobs/{job}",
        "/api/v1/jobs/{job}/runs",
        "/api/v1/runs",
        "/api/v1/runs/{run}",
        "/api/v1/runs/{run}/cancel",
        "/api/v1/runs/{run}/retry",
        "/api/v1/events",
    }
    body = paths["/api/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "correlation_key" in body["properties"]
    query = [part["name"] for part in paths["/api/v1/runs"]["get"]["parameters"]]
    assert query == ["job", "status", "cursor", "limit"]
    assert data_of(await vendor.send("GET", "/runs"), 200)["runs"] == []
