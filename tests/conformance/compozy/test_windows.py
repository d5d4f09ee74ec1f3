"""Windows in which repetitions count, skipped: of a webhook, and of a start."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from definitions import ids
from tests.conformance.compozy.samples import quick
from tests.conformance.compozy.test_hooks import call, hooked
from tests.conformance.compozy.vendor import Vendor, vendor_of
from tests.conformance.stack import Stack
from tests.running import eventually

MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture(loop_scope="session")
async def later(skipping: tuple[WorkflowEnvironment, Stack]) -> AsyncIterator[tuple[WorkflowEnvironment, Vendor]]:
    environment, stack = skipping
    async with vendor_of(stack, "cpzy_6", "org-6") as vendor:
        with environment.with_time_skipping_disabled():
            yield environment, vendor


def claim(vendor: Vendor, kind: str, workflow: str, key: str) -> str:
    definition = ids.definition_id("compozy", vendor.organisation, workflow)
    return ids.claim_workflow_id("compozy", vendor.organisation, f"{kind}/{definition}", key)


async def test_a_webhook_is_a_repetition_for_its_ttl(later: tuple[WorkflowEnvironment, Vendor]) -> None:
    environment, vendor = later
    slug = f"slug-{uuid.uuid4().hex}"
    await vendor.put(hooked(slug, {"name": "any"}, dedupe={"enabled": True, "ttl": "1h"}))

    async def send() -> int:
        return (await call(vendor, slug, {}, headers={"X-Idempotency-Key": "k"})).status_code

    handle = environment.client.get_workflow_handle(claim(vendor, f"webhook/{slug}", "hooked", "k"))
    assert await send() == 202
    await environment.fast_forward(handle, timedelta(hours=1) - MINUTE)
    assert await send() == 409
    await environment.fast_forward(handle, 2 * MINUTE)
    await eventually(send, lambda status: status == 202)


async def test_a_start_is_a_repetition_for_a_day(later: tuple[WorkflowEnvironment, Vendor]) -> None:
    environment, vendor = later
    await vendor.put(quick())

    async def start() -> str:
        return await vendor.start("quick", {"name": "ann"}, headers={"Idempotency-Key": "k"})

    first = await start()
    handle = environment.client.get_workflow_handle(claim(vendor, "execution", "quick", "k"))
    await environment.fast_forward(handle, timedelta(days=1) - MINUTE)
    assert await start() == first
    await environment.fast_forward(handle, 2 * MINUTE)
    await eventually(start, lambda found: found != first)
