"""Events: repeated, conflicting, sent from jobs, refused (row S5)."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.conformance.stackshift.samples import ann, job, onboarding, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor, data_of, refused

KEY = "email.verified:user:123"


async def test_s5_the_same_idempotency_key_counts_once(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    runs = [await vendor.start("userOnboarding", ann()) for _ in range(2)]
    for run_id in runs:
        await vendor.waits(run_id)
    first = await vendor.event("email.verified", {"userId": "123"}, "user:123", idempotency_key=KEY)
    again = await vendor.event("email.verified", {"userId": "123"}, "user:123", idempotency_key=KEY)
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["event_id"] == again["event_id"]
    await vendor.event("email.verified", {"n": 2}, "user:123", idempotency_key="another")
    await asyncio.gather(*(vendor.ended(run_id) for run_id in runs))
    payloads = [asked["event"]["payload"] for asked in site.asked("unlock-account")]
    assert sorted(map(json.dumps, payloads)) == ['{"n": 2}', '{"userId": "123"}']


async def test_s5_also_when_it_comes_before_the_run(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    for _ in range(3):
        await vendor.event("email.verified", {"userId": "123"}, "user:123", idempotency_key=KEY)
    await vendor.ended(await vendor.start("userOnboarding", ann()))
    await vendor.event("email.verified", {"userId": "123"}, "user:123", idempotency_key=KEY)
    await vendor.waits(await vendor.start("userOnboarding", ann()))


async def test_many_at_once_with_one_key_are_one_event(vendor: Vendor) -> None:
    sent = await asyncio.gather(*(vendor.event("paid", 1, "order:1", idempotency_key="k") for _ in range(20)))
    assert len({one["event_id"] for one in sent}) == 1
    assert [one["duplicate"] for one in sent].count(False) == 1


async def test_the_same_key_with_another_payload_is_a_conflict(vendor: Vendor) -> None:
    await vendor.event("paid", {"amount": 1}, "order:1", idempotency_key="k")
    body = {"name": "paid", "payload": {"amount": 2}, "correlation_key": "order:1", "idempotency_key": "k"}
    refused(await vendor.send("POST", "/events", body), 409, "conflict")
    # The key belongs to the event's name and correlation key.
    for other in ({"name": "paid.twice"}, {"correlation_key": "order:2"}):
        assert data_of(await vendor.send("POST", "/events", body | other), 202)["duplicate"] is False


async def test_a_job_sends_an_event(vendor: Vendor) -> None:
    await vendor.register(job("receiver", wait("order.paid", "order:${payload.id}"), returns="${event.payload}"))
    send = {"name": "order.paid", "payload": {"amount": "${payload.amount}"}, "correlationKey": "order:${payload.id}"}
    await vendor.register(job("sender", {"send": send, "as": "sent"}, returns="${sent.duplicate}"))
    receiver = await vendor.start("receiver", {"id": "7"})
    await vendor.waits(receiver)
    sender = await vendor.ended(await vendor.start("sender", {"id": "7", "amount": 12.5}))
    assert sender["result"] is False
    assert (await vendor.ended(receiver))["result"] == {"amount": 12.5}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.name"),
        ({"name": ""}, "$.name"),
        ({"name": 7}, "$.name"),
        ({"name": "a\nb"}, "$.name"),
        ({"name": "x" * 201}, "$.name"),
        ({"name": "paid", "correlation_key": 123}, "$.correlation_key"),
        ({"name": "paid", "correlation_key": ""}, "$.correlation_key"),
        ({"name": "paid", "correlation_key": {"a": 1}}, "$.correlation_key"),
        ({"name": "paid", "idempotency_key": ["k"]}, "$.idempotency_key"),
        ({"name": "paid", "deliver": "some"}, "$.deliver"),
        ({"name": "paid", "wait": "yes"}, "$.wait"),
        ({"name": "paid", "retention": "30 days"}, "$.retention"),
        ({"name": "paid", "retention": "0s"}, "$.retention"),
        ({"name": "paid", "correlationKey": "user:1"}, "$.correlationKey"),
    ],
)
async def test_a_bad_event_is_refused(vendor: Vendor, body: Json, path: str) -> None:
    details = refused(await vendor.send("POST", "/events", body), 422, "request-invalid")["error"]["details"]
    assert [detail["path"] for detail in details] == [path]
    assert set(details[0]) == {"code", "path", "message"}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"paid"', b"name=paid", b'{"name": "paid", "payload": NaN}', b'{"name": "\xff"}']
)
async def test_a_malformed_body_is_refused(vendor: Vendor, content: bytes) -> None:
    refused(await vendor.send("POST", "/events", content=content), 422, "request-invalid")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "???"])
async def test_the_content_type_does_not_matter(vendor: Vendor, content_type: str) -> None:
    body = json.dumps({"name": "paid", "payload": 1})
    data_of(await vendor.send("POST", "/events", content=body, headers={"content-type": content_type}), 202)


async def test_an_event_that_is_too_large_is_refused(vendor: Vendor) -> None:
    refused(await vendor.send("POST", "/events", {"name": "paid", "payload": "x" * 300_000}), 413, "too-large")
