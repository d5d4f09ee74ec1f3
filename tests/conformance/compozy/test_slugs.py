"""Slugs of webhooks: public names, of the organisation that has had them first."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from definitions import ids
from tests.conformance.compozy.test_hooks import call, hooked, refused, slug, started
from tests.conformance.compozy.vendor import Vendor, problem
from tests.conformance.stack import Stack
from worker.client import TidegateClient

__all__ = ["slug"]


async def test_a_slug_belongs_to_the_organisation_that_had_it_first(vendor: Vendor, other: Vendor, slug: str) -> None:
    await vendor.put(hooked(slug))
    problem(await other.send("PUT", "/workflows/hooked", hooked(slug)), 409, "CONFLICT")
    problem(await other.send("GET", "/workflows/hooked"), 404, "NOT_FOUND")
    await vendor.send("DELETE", "/workflows/hooked")
    refused(await call(vendor, slug, {"status": "paid"}), 404, "not_found")
    problem(await other.send("PUT", "/workflows/hooked", hooked(slug)), 409, "CONFLICT")
    await vendor.put(hooked(slug))
    assert (await call(vendor, slug, {"status": "paid", "order": 1})).status_code == 202
    assert await other.executions() == []


async def test_of_two_organisations_at_once_one_gets_the_slug(vendor: Vendor, other: Vendor, slug: str) -> None:
    sent = (client.send("PUT", "/workflows/hooked", hooked(slug)) for client in (vendor, other))
    assert sorted([one.status_code for one in await asyncio.gather(*sent)]) == [201, 409]


async def test_within_an_organisation_a_slug_belongs_to_one_workflow_at_a_time(vendor: Vendor, slug: str) -> None:
    await vendor.put(hooked(slug))
    problem(await vendor.send("PUT", "/workflows/second", hooked(slug, name="second")), 409, "CONFLICT")
    await vendor.put(hooked(f"{slug}-renamed"), 200)
    await vendor.put(hooked(slug, name="second"))
    assert (await call(vendor, slug, {"status": "paid", "order": 1})).status_code == 202
    await started(vendor, workflow="second")
    assert await vendor.executions("hooked") == []


async def test_a_slug_that_was_taken_and_never_used_is_free_after_a_while(
    vendor: Vendor, slug: str, temporal_client: Client, keyed_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TidegateClient(temporal_client, keyed_stack.queue)
    never = ids.definition_id("compozy", vendor.organisation, "never-saved")
    await client.claim("compozy", vendor.organisation, "webhook", slug, 1e8, slug, never)
    problem(await vendor.send("PUT", "/workflows/hooked", hooked(slug)), 409, "CONFLICT")
    monkeypatch.setattr("adapter.dialects.compozy.slugs.BEING_SAVED", 0.0)
    await vendor.put(hooked(slug))
    assert (await call(vendor, slug, {"status": "paid", "order": 1})).status_code == 202
