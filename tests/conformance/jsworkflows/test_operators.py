"""What operators see of a run that waits for a link, and what becomes of the link when they end or resume the run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.client import Client

from adapter.resume import GONE
from definitions.contract import CONTINUE_AS_NEW
from tests.conformance.jsworkflows.vendor import Vendor, code, named, step
from tests.operators.views import Shown, shown
from tests.running import eventually

SOURCE = """export class Workflow {
  async start(data, headers, api) {
    const { resumeUrl } = await api.waitForEvent({ action: 'onApproved', payload: { orderId: data.id } });
    return { resumeUrl };
  }
  async onApproved(data) { console.log(JSON.stringify(data)) }
  async onWorkflowError() { throw new Error('never called') }
}"""


TWO = """export class Workflow {
  async start(data, headers, api) {
    const ask = async () => (await api.waitForEvent({ action: 'on', payload: {} })).resumeUrl;
    return { resumeUrl: [await ask(), await ask()] };
  }
  async on() {}
}"""


async def waiting(vendor: Vendor, source: str = SOURCE) -> tuple[str, Any]:
    """A run that waits: its id, and the URL that resumes it."""
    answer = await vendor.trigger(await vendor.live(code("asks", source)), {"id": "1001"})
    await vendor.waits(answer.headers["x-run-id"])
    return answer.headers["x-run-id"], answer.json()["resumeUrl"]


@pytest.mark.parametrize("way", ["cancel", "terminate"])
async def test_the_links_of_a_run_that_was_ended_are_gone(vendor: Vendor, temporal_client: Client, way: str) -> None:
    run_id, url = await waiting(vendor)
    handle = temporal_client.get_workflow_handle(vendor.workflow_id(run_id))
    await (handle.cancel() if way == "cancel" else handle.terminate())
    run = await vendor.ended(run_id, "failed")
    assert (named(run), run["waiting"]) == (["start"], [])
    answer = await vendor.http.post(url, json={})
    assert (answer.status_code, answer.json()) == (404, {"ok": False, "error": GONE})
    listed = await eventually(lambda: vendor.runs(status="failed", workflow="asks"), lambda runs: bool(runs))
    assert [(one["id"], one["status"]) for one in listed] == [(run_id, "failed")]


async def test_a_named_call_is_answered_alike_after_the_run_has_ended(vendor: Vendor, temporal_client: Client) -> None:
    """Also by a run that has gone on in another execution meanwhile, of which Temporal knows no such update."""
    run_id, url = await waiting(vendor, TWO)
    one, two = url  # as `start` has given them
    handle = temporal_client.get_workflow_handle(vendor.workflow_id(run_id))
    mine, others = {"idempotency-key": "k"}, {"idempotency-key": "l"}
    assert (await vendor.http.post(one, json={"n": 1}, headers=mine)).json() == {"ok": True}
    first = (await handle.describe()).run_id
    await handle.signal(CONTINUE_AS_NEW)
    await eventually(handle.describe, lambda found: found.run_id != first)
    assert (await vendor.http.post(two, json={}, headers=others)).json() == {"ok": True}
    await vendor.ended(run_id)
    for link, headers, status in ((one, mine, 200), (two, others, 200), (one, others, 404), (two, mine, 404),
                                  (one, {}, 404)):  # fmt: skip
        assert (await vendor.http.post(link, json={}, headers=headers)).status_code == status


async def test_a_signal_resumes_in_place_of_the_link(vendor: Vendor, temporal_client: Client) -> None:
    run_id, url = await waiting(vendor)
    handle = temporal_client.get_workflow_handle(vendor.workflow_id(run_id))
    await handle.signal("onApproved", {"by": "operator"})
    run = await vendor.ended(run_id)
    (line,) = step(run, "onApproved")["logs"]
    assert json.loads(line) == {"orderId": "1001", "event": {"by": "operator"}}
    assert (await vendor.http.post(url, json={})).status_code == 404


async def test_what_is_shown_of_a_waiting_run(vendor: Vendor, temporal_client: Client) -> None:
    run_id, url = await waiting(vendor)
    handle = temporal_client.get_workflow_handle(vendor.workflow_id(run_id))

    async def look() -> Shown:
        return await shown(handle, temporal_client)

    seen = await eventually(look, lambda found: "TidegateWaitDeadline" in found.attributes)
    assert seen.attributes["TidegateWaitingFor"] == ["onApproved"]
    assert "Step `w/onApproved` **waits** for an event" in seen.details
    assert any(summary.endswith("onApproved") and "until" in summary for summary in map(str, seen.summaries))
    assert url.rpartition("/")[2] not in seen.everything
    assert (await vendor.http.post(url, json={})).json() == {"ok": True}
    await vendor.ended(run_id)
