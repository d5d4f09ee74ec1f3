"""A route that takes longer than its caller is to wait for, and workers that are away."""

from __future__ import annotations

import time

from temporalio.client import Client

from tests.conformance.fastgen.conftest import SECRET_KEY, keyed
from tests.conformance.fastgen.samples import delays, returns
from tests.conformance.fastgen.vendor import Vendor, action, refused, vendor_of
from tests.conformance.stack import adapter


async def test_past_the_wait_the_caller_is_told_and_the_run_goes_on(temporal_client: Client) -> None:
    async with (
        adapter(temporal_client, settings=keyed(resume_wait=0.5)) as stack,
        stack.worker(secret_keys=(SECRET_KEY,)),
        vendor_of(stack.address, "fg_390", "slow-shop") as vendor,
    ):
        await vendor.route("R", "GET", "/slow", delays(2), returns("done"))
        began = time.monotonic()
        answer = await vendor.call("GET", "/slow", headers={"idempotency-key": "one"})
        assert set(refused(answer, 504)) == {"message", "code"} and time.monotonic() - began < 2
        run = answer.headers["x-run-id"]
        assert action(await vendor.run(run), "Pause")["status"] == "running"
        assert action(await vendor.run(run), "Reply")["status"] == "waiting"
        assert (await vendor.ended(run))["response"]["body"] == "done"
        # The same key is answered once there is an answer.
        answer = await vendor.call("GET", "/slow", headers={"idempotency-key": "one"})
        assert (answer.json(), answer.headers["x-run-id"]) == ("done", run)


async def test_without_a_worker_a_request_is_kept(temporal_client: Client) -> None:
    async with (
        adapter(temporal_client, settings=keyed(resume_wait=0.5)) as stack,
        vendor_of(stack.address, "fg_391", "away-shop") as vendor,
    ):
        async with stack.worker(secret_keys=(SECRET_KEY,)):
            await vendor.route("R", "GET", "/r", returns("done"))
        answer = await vendor.call("GET", "/r")
        refused(answer, 504)
        refused(await Vendor(vendor.http, vendor.token, "nobody").call("GET", "/r"), 404)
        async with stack.worker(secret_keys=(SECRET_KEY,)):
            assert (await vendor.ended(answer.headers["x-run-id"]))["response"]["body"] == "done"
