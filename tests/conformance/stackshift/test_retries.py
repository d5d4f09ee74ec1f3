"""Failing steps: attempts, what runs again and what does not, retries by hand (rows S8, S10, S15)."""

from __future__ import annotations

import httpx

from tests.conformance.stackshift.samples import job
from tests.conformance.stackshift.site import DOWN, Site
from tests.conformance.stackshift.vendor import Json, Vendor, refused, steps
from tests.running import eventually
from tests.worker.activities.local_server import page


async def test_s8_a_step_that_fails_twice(vendor: Vendor, site: Site) -> None:
    site.on("send-receipt-email", DOWN, DOWN, page({}))
    await vendor.register(
        job(
            "sendReceipt",
            site.step("load-order", {"id": "${payload.orderId}"}, {"email": "ann@example.com"}),
            site.step("send-receipt-email", {"to": "${load-order.body.email}"}),
            returns={"sent": True},
        )
    )
    run_id = await vendor.start("sendReceipt", {"orderId": "ord_1"}, queue_name="emails", max_attempts=5)
    run = await vendor.ended(run_id)
    assert (run["result"], run["attempts"], run["queue_name"]) == ({"sent": True}, 3, "emails")
    assert site.calls() == {"load-order": 1, "send-receipt-email": 3}
    assert site.asked("send-receipt-email") == [{"to": "ann@example.com"}] * 3
    assert len(set(site.keys("send-receipt-email"))) == 1, "one visit, so one idempotency key"
    assert steps(run, "step.failed") == ["send-receipt-email"] * 2
    assert steps(run) == ["load-order", "send-receipt-email"]


def provisioning(site: Site) -> Json:
    return job(
        "provisionAfterPayment",
        site.step("verify-payment", {"id": "${payload.paymentId}"}),
        site.step("provision-customer-resources"),
        site.step("enable-plan"),
        site.step("send-receipt"),
        returns={"provisioned": True},
        maxAttempts=3,
    )


async def test_s10_paid(vendor: Vendor, site: Site) -> None:
    await vendor.register(provisioning(site))
    run = await vendor.ended(await vendor.start("provisionAfterPayment", {"paymentId": "pay_1"}, max_attempts=6))
    assert run["result"] == {"provisioned": True}
    assert steps(run) == ["verify-payment", "provision-customer-resources", "enable-plan", "send-receipt"]


async def test_s10_unpaid_is_tried_again_and_fails(vendor: Vendor, site: Site) -> None:
    site.on("verify-payment", page({"error": "unpaid"}, 402))
    await vendor.register(provisioning(site))
    run_id = await vendor.start("provisionAfterPayment", {"paymentId": "pay_1"})
    run = await vendor.ended(run_id, "failed")
    assert (run["attempts"], run["result"], run["dead_lettered"]) == (3, None, True)
    assert "402" in run["error"]
    assert site.calls() == {"verify-payment": 3}
    assert run["timeline"][-1]["type"] == "run.failed"
    rows = await eventually(lambda: vendor.runs(status="failed"), lambda rows: len(rows) == 1)
    assert (rows[0]["id"], rows[0]["dead_lettered"]) == (run_id, True)


async def test_s15_a_retry_by_hand_repeats_nothing(vendor: Vendor, site: Site) -> None:
    site.on("provision-plan", DOWN, page({}))
    steps_of = (site.step("charge-card", answer={"charge": "ch_1"}), site.step("provision-plan", "${charge-card.body}"))
    await vendor.register(job("subscribe", *steps_of, returns={"charge": "${charge-card.body.charge}"}, maxAttempts=1))
    run_id = await vendor.start("subscribe", {"userId": "1"})
    await vendor.ended(run_id, "failed")
    again = await vendor.ok("POST", f"/runs/{run_id}/retry")
    assert again["id"] == run_id
    run = await vendor.ended(run_id)
    assert run["result"] == {"charge": "ch_1"}
    assert site.calls() == {"charge-card": 1, "provision-plan": 2}
    refused(await vendor.send("POST", f"/runs/{run_id}/retry"), 409, "not-resumable")


async def test_a_cancelled_run_can_be_retried(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("waiter", site.step("before"), {"waitForEvent": "go", "correlationKey": "k"}, returns=1))
    run_id = await vendor.start("waiter")
    await vendor.waits(run_id)
    assert (await vendor.ok("POST", f"/runs/{run_id}/cancel"))["status"] == "cancelled"
    await vendor.ok("POST", f"/runs/{run_id}/cancel")
    # It waits no more, so it swallows no event.
    assert (await vendor.event("go", 1, "k", wait=True))["outcome"] == "buffered"
    await vendor.ok("POST", f"/runs/{run_id}/retry")
    await vendor.ended(run_id)
    refused(await vendor.send("POST", f"/runs/{run_id}/cancel"), 409, "run-closed")
    assert site.calls() == {"before": 1}


async def test_what_is_not_there_cannot_be_retried(vendor: Vendor) -> None:
    for run_id in ("0b54bc21-6a0a-8a4b-9a3c-6b1f3f1f2c11", "nonsense"):
        for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/cancel")):
            response: httpx.Response = await vendor.send(method, f"/runs/{run_id}{path}")
            refused(response, 404, "not-found")
