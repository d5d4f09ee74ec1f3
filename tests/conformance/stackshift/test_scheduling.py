"""Runs that begin later (row S9)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.conformance.stackshift.samples import job
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor, refused
from tests.running import eventually


def invoice(site: Site) -> Json:
    return job("syncInvoice", site.step("sync", "${payload}"), returns={"synced": True})


async def test_s9_not_before_its_time_and_listed_before_it(vendor: Vendor, site: Site) -> None:
    await vendor.register(invoice(site))
    at = datetime.now(timezone.utc) + timedelta(seconds=3)
    options: Json = {"scheduled_at": at.isoformat().replace("+00:00", "Z"), "max_attempts": 8, "queue_name": "billing"}
    run_id = await vendor.start("syncInvoice", {"invoiceId": "inv_1"}, **options)
    run = await vendor.run(run_id)
    assert (run["status"], run["attempts"], run["payload"]) == ("scheduled", 0, {"invoiceId": "inv_1"})
    rows = await eventually(lambda: vendor.runs(status="scheduled"), lambda rows: bool(rows))
    assert [(row["id"], row["status"]) for row in rows] == [(run_id, "scheduled")]
    assert [row["id"] for row in await vendor.runs(job="syncInvoice")] == [run_id]
    assert site.calls() == {}
    run = await vendor.ended(run_id)
    assert datetime.fromisoformat(run["started_at"].replace("Z", "+00:00")) >= at
    assert run["result"] == {"synced": True}
    assert site.calls() == {"sync": 1}


async def test_a_time_that_has_passed_is_now(vendor: Vendor, site: Site) -> None:
    await vendor.register(invoice(site))
    await vendor.ended(await vendor.start("syncInvoice", {}, scheduled_at="2020-01-01T00:00:00Z"))


async def test_a_scheduled_run_can_be_cancelled(vendor: Vendor, site: Site) -> None:
    await vendor.register(invoice(site))
    run_id = await vendor.start("syncInvoice", {}, scheduled_at="2999-01-01T00:00:00.000+02:00")
    assert (await vendor.run(run_id))["scheduled_at"].startswith("2998-12-31T22:00:00")
    await vendor.ok("POST", f"/runs/{run_id}/cancel")
    run = await vendor.ended(run_id, "cancelled")
    assert run["result"] is None
    assert site.calls() == {}


@pytest.mark.parametrize("at", ["tomorrow", "2026-13-01T00:00:00Z", 1767225600, "", "2026-01-01"])
async def test_a_bad_time_is_refused(vendor: Vendor, site: Site, at: object) -> None:
    await vendor.register(invoice(site))
    error = refused(await vendor.send("POST", "/jobs/syncInvoice/runs", {"scheduled_at": at}), 422, "request-invalid")
    assert [detail["path"] for detail in error["error"]["details"]] == ["$.scheduled_at"]
