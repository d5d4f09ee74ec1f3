"""Idempotency keys of runs: same payload, other payload, window, scope (rows S6, S7, S13, S14)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from tests.conformance.stackshift.samples import job
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor, refused
from tests.running import eventually


async def test_s6_same_key_same_run_other_payload_error(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("sendVerificationEmail", site.step("send-email", "${payload}")))
    options: Json = {"idempotency_key": "verify:123"}
    payload = {"userId": "123", "email": "a@example.com"}
    first = await vendor.start("sendVerificationEmail", payload, **options)
    # The order of keys makes no other payload.
    again = await vendor.start("sendVerificationEmail", {"email": "a@example.com", "userId": "123"}, 200, **options)
    assert first == again
    body = {"payload": {"userId": "124"}, **options}
    refused(await vendor.send("POST", "/jobs/sendVerificationEmail/runs", body), 409, "conflict")
    await vendor.ended(first)
    # It is reused whatever has become of it.
    assert await vendor.start("sendVerificationEmail", payload, 200, **options) == first
    assert site.calls() == {"send-email": 1}


async def test_s7_after_its_window_a_key_is_new(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("send-verification-email", site.step("send-email")))
    options: Json = {"idempotency_key": "verify:123", "idempotency_ttl": "2s"}
    payload = {"userId": "123"}
    first = await vendor.start("send-verification-email", payload, **options)
    assert await vendor.start("send-verification-email", payload, 200, **options) == first

    async def again() -> str:
        path = "/jobs/send-verification-email/runs"
        return str((await vendor.send("POST", path, {"payload": payload, **options})).json()["data"]["id"])

    second = await eventually(again, lambda run_id: run_id != first)
    await vendor.ended(second)
    # The window as the page gives it is taken as well.
    month: Json = {"idempotency_key": "verify:456", "idempotency_ttl": "30d"}
    third = await vendor.start("send-verification-email", payload, **month)
    assert await vendor.start("send-verification-email", payload, 200, **month) == third


async def test_s13_a_webhook_that_comes_twice(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("processStripeWebhook", site.step("apply", "${payload}")))
    event = {"id": "evt_1", "type": "invoice.paid"}
    runs = [
        await vendor.start("processStripeWebhook", event, status, idempotency_key="stripe:evt_1")
        for status in (201, 200)
    ]
    assert len(set(runs)) == 1
    await vendor.ended(runs[0])
    assert site.calls() == {"apply": 1}


async def test_s14_a_scheduled_run_is_not_scheduled_twice(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("sendTrialEndingReminder", site.step("remind")))
    at = (datetime.now(timezone.utc) + timedelta(seconds=2)).isoformat()
    options: Json = {"scheduled_at": at, "idempotency_key": "trial:acct_1"}
    first = await vendor.start("sendTrialEndingReminder", {"accountId": "acct_1"}, **options)
    assert await vendor.start("sendTrialEndingReminder", {"accountId": "acct_1"}, 200, **options) == first
    await vendor.ended(first)
    assert site.calls() == {"remind": 1}


async def test_of_many_at_once_one_starts_the_run(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("once", site.step("work")))
    body = {"payload": {"n": 1}, "idempotency_key": "k"}
    answers = await asyncio.gather(*(vendor.send("POST", "/jobs/once/runs", body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    await vendor.ended(answers[0].json()["data"]["id"])
    assert site.calls() == {"work": 1}


async def test_a_key_belongs_to_a_job_and_an_organisation(vendor: Vendor, other: Vendor, site: Site) -> None:
    for client in (vendor, other):
        for name in ("a", "b"):
            await client.register(job(name, site.step("work")))
    runs = [await client.start(name, {}, idempotency_key="k") for client in (vendor, other) for name in ("a", "b")]
    assert len(set(runs)) == 4


async def test_without_a_key_every_start_is_new(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("often", site.step("work")))
    assert await vendor.start("often", {}) != await vendor.start("often", {})


@pytest.mark.parametrize("ttl", ["30 days", "1.5h", "0s", 30, "", "-1d"])
async def test_a_bad_window_is_refused(vendor: Vendor, site: Site, ttl: Json) -> None:
    await vendor.register(job("a", site.step("work")))
    body = {"idempotency_key": "k", "idempotency_ttl": ttl}
    error = refused(await vendor.send("POST", "/jobs/a/runs", body), 422, "request-invalid")["error"]
    assert [detail["path"] for detail in error["details"]] == ["$.idempotency_ttl"]
