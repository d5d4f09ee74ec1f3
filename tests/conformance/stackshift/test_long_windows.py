"""Windows of a day and of a month, skipped: keys of events and of runs, events that are kept (rows S5, S7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from definitions.ids import claim_workflow_id, mailbox_workflow_id
from tests.conformance.stack import Stack
from tests.conformance.stackshift.samples import ann, job, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor, vendor_of
from tests.running import eventually

KEY = "email.verified:user:123"
MINUTE = timedelta(minutes=1)


class Later:
    """A client whose server's time passes only when it is asked to."""

    def __init__(self, environment: WorkflowEnvironment, vendor: Vendor) -> None:
        self._environment = environment
        self.vendor = vendor

    def mailbox(self, key: str) -> str:
        return mailbox_workflow_id("stackshift", self.vendor.organisation, "email.verified", key)

    async def passes(self, workflow_id: str, time: timedelta) -> None:
        await self._environment.fast_forward(self._environment.client.get_workflow_handle(workflow_id), time)


@pytest_asyncio.fixture(loop_scope="session")
async def later(skipping: tuple[WorkflowEnvironment, Stack]) -> AsyncIterator[Later]:
    environment, stack = skipping
    async with vendor_of(stack, "key-1", "org-1") as vendor:
        with environment.with_time_skipping_disabled():
            yield Later(environment, vendor)


async def test_s5_an_idempotency_key_counts_for_a_day(later: Later) -> None:
    vendor = later.vendor
    mailbox = later.mailbox("day:123")
    first = await vendor.event("email.verified", {"userId": "123"}, "day:123", idempotency_key=KEY)
    await later.passes(mailbox, timedelta(hours=24) - MINUTE)
    again = await vendor.event("email.verified", {"userId": "123"}, "day:123", idempotency_key=KEY)
    assert (again["duplicate"], again["event_id"]) == (True, first["event_id"])
    await later.passes(mailbox, 2 * MINUTE)
    other = await vendor.event("email.verified", {"userId": "123"}, "day:123", idempotency_key=KEY)
    assert (other["duplicate"], other["event_id"] != first["event_id"]) == (False, True)


async def test_s2_an_event_is_kept_for_thirty_days(later: Later) -> None:
    vendor = later.vendor
    # Without a timeout: only the event's time passes, not that of a run which is started later.
    await vendor.register(job("onboard", wait(), returns="${event.payload}"))
    month = timedelta(days=30)
    for user, time in (("kept", month - MINUTE), ("gone", month + 5 * MINUTE)):
        sent = await vendor.event("email.verified", {"userId": user}, f"user:{user}", wait=True)
        assert sent["outcome"] == "buffered"
        await later.passes(later.mailbox(f"user:{user}"), time)
    assert (await vendor.ended(await vendor.start("onboard", ann("kept"))))["result"] == {"userId": "kept"}
    await vendor.waits(await vendor.start("onboard", ann("gone")))


async def test_s7_a_key_of_a_run_counts_for_thirty_days(later: Later, site: Site) -> None:
    vendor, name = later.vendor, "send-verification-email"
    await vendor.register(job(name, site.step("send-email")))
    options: Json = {"idempotency_key": "verify:123", "idempotency_ttl": "30d"}
    claim = claim_workflow_id("stackshift", vendor.organisation, name, "verify:123")
    first = await vendor.start(name, ann(), **options)
    await vendor.ended(first)
    await later.passes(claim, timedelta(days=30) - MINUTE)
    data = await vendor.ok("POST", f"/jobs/{name}/runs", {"payload": ann(), **options})
    assert data["id"] == first
    await later.passes(claim, 2 * MINUTE)

    async def again() -> str:
        response = await vendor.send("POST", f"/jobs/{name}/runs", {"payload": ann(), **options})
        return str(response.json()["data"]["id"])

    await vendor.ended(await eventually(again, lambda run_id: run_id != first))
    assert site.calls() == {"send-email": 2}
