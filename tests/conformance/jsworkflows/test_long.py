"""24 hours, 7 days, 30 days, 400 days and a chain of ten minutes, on a real server that skips time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.conformance.jsworkflows.conftest import Linking, keyed
from tests.conformance.jsworkflows.vendor import Json, Vendor, code, named, step, steps, vendor_of
from tests.conformance.stack import adapter
from tests.conftest import temporal_executable
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer

SKIPPING = ["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"]
MINUTE = timedelta(minutes=1)


@dataclass
class Skipping:
    environment: WorkflowEnvironment
    vendor: Vendor

    async def forward(self, run_id: str, time: timedelta) -> None:
        handle = self.environment.client.get_workflow_handle(self.vendor.workflow_id(run_id))
        await self.environment.fast_forward(handle, time)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def skipping(shared_site: LocalServer) -> AsyncIterator[Skipping]:
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(), dev_server_extra_args=SKIPPING
    )
    async with environment, adapter(environment.client, settings=keyed()) as served:
        settings = Linking(served, shared_site).worker_settings()
        async with served.worker(**settings), vendor_of(served, "key-0", "org-0") as vendor:
            yield Skipping(environment, vendor)


def waiting(name: str, timeout: str) -> Json:
    wait = {"waitForEvent": {"action": "next", "payload": {"n": 1}, "timeout": timeout}, "as": "link"}
    return steps(name, start=[wait, {"return": {"url": "${link.resumeUrl}"}}], next=[{"log": ["${data.event}"]}])


@pytest.mark.parametrize(("timeout", "hours"), [("24 hours", 24), ("7 days", 168), ("30 days", 720)])
async def test_a_link_holds_until_its_time(skipping: Skipping, timeout: str, hours: int) -> None:
    vendor = skipping.vendor
    workflow = await vendor.live(waiting(f"late-{hours}", timeout))
    answer = await vendor.trigger(workflow, {})
    run_id, url = answer.headers["x-run-id"], answer.json()["url"]
    await vendor.waits(run_id)
    await skipping.forward(run_id, timedelta(hours=hours) - MINUTE)
    assert (await vendor.run(run_id))["status"] == "waiting"
    await skipping.forward(run_id, 2 * MINUTE)
    run = await vendor.ended(run_id, "failed")
    assert named(run) == ["start"] and "expired" in run["error"]
    assert (await vendor.http.post(url, json={})).status_code == 404


async def test_a_link_is_called_after_days(skipping: Skipping) -> None:
    vendor = skipping.vendor
    answer = await vendor.trigger(await vendor.live(waiting("days", "7 days")), {})
    run_id = answer.headers["x-run-id"]
    await vendor.waits(run_id)
    await skipping.forward(run_id, timedelta(days=6))
    assert (await vendor.http.post(answer.json()["url"], json={"late": True})).json() == {"ok": True}
    assert step(await vendor.ended(run_id), "next")["logs"] == ['{"late":true}']


async def test_j10_a_chain(skipping: Skipping) -> None:
    vendor = skipping.vendor
    source = """export class Workflow {
  async start(data, headers, api) {
    await api.scheduleNextStep({ delay: '10 min', action: 'sendReminder', payload: { id: data.id } });
  }
  async sendReminder(data, headers, api) {
    console.log('reminder', data.id);
    await api.scheduleNextStep({ delay: '400 days', action: 'archive', payload: { of: data.id } });
  }
  async archive(data) { console.info('archived', data.of); }
}"""
    run_id = await vendor.started(await vendor.live(code("chain", source)), {"id": "1001"})
    await skipping.forward(run_id, timedelta(minutes=9))
    assert named(await vendor.run(run_id)) == ["start"]
    await skipping.forward(run_id, 2 * MINUTE)
    run = await eventually(lambda: vendor.run(run_id), lambda run: len(run["steps"]) == 2)
    assert (run["status"], step(run, "sendReminder")["logs"]) == ("running", ["reminder 1001"])
    await skipping.forward(run_id, timedelta(days=400) - 5 * MINUTE)
    assert named(await vendor.run(run_id)) == ["start", "sendReminder"]
    await skipping.forward(run_id, 10 * MINUTE)
    run = await vendor.ended(run_id)
    assert step(run, "archive")["logs"] == ["\N{INFORMATION SOURCE}\ufe0f archived 1001"]
