"""J10 to J14: scheduled steps, branches, the run's store, and what runs at the end."""

from __future__ import annotations

from typing import Any

from tests.conformance.jsworkflows.vendor import Json, Vendor, code, named, step, steps
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page

#: Seconds in which a step with the shortest delay, of ten seconds, has come.
SOON = 30.0


async def test_j11_j12_branches_share_a_store(vendor: Vendor) -> None:
    source = """export class Workflow {
  async start(data, headers, api) {
    for (const item of data.line_items) {
      await api.scheduleNextStep({ delay: 10, action: 'handle', payload: { item } });
    }
    return { none: await api.runStore.get('items'), up: await api.runStore.increment('n'),
             down: await api.runStore.increment('n', -1), by: await api.runStore.increment('n', 5) };
  }
  async handle(data, headers, api) {
    await api.runStore.push('items', data.item);
    return { n: await api.runStore.increment('n') };
  }
  async onWorkflowComplete(api) {
    console.log('all', (await api.runStore.get('items')).sort(), await api.runStore.get('n'));
  }
}"""
    workflow = await vendor.live(code("fan", source))
    answer = await vendor.trigger(workflow, {"line_items": list(range(12))})
    assert answer.json() == {"none": None, "up": 1, "down": 0, "by": 5}
    run = await vendor.ended(answer.headers["x-run-id"], seconds=SOON)
    assert sorted(named(run)) == ["handle"] * 12 + ["onWorkflowComplete", "start"]
    assert sorted(one["data"]["n"] for one in run["steps"] if one["name"] == "handle") == list(range(6, 18))
    (line,) = step(run, "onWorkflowComplete")["logs"]
    assert line == "all [0,1,10,11,2,3,4,5,6,7,8,9] 17"


async def test_j10_operations_follow_one_another(vendor: Vendor, site: LocalServer) -> None:
    site.on("/mail", page({"queued": True}, 202))
    call = {"fetch": {"url": site.url("/mail"), "body": {"to": "${data.to}"}}, "as": "sent"}
    later = {"scheduleNextStep": {"delay": "10 sec", "action": "remind", "payload": {"to": "${data.email}"}}}
    workflow = steps(
        "remind",
        start=[later],
        remind=[call, {"log": ["sent", "${sent.status}"]}],
        onWorkflowComplete=[{"info": "done"}],
    )
    run_id = await vendor.started(await vendor.live(workflow), {"email": "a@example.com"})
    assert (await vendor.run(run_id))["status"] == "running"
    run = await vendor.ended(run_id, seconds=SOON)
    assert named(run) == ["start", "remind", "onWorkflowComplete"]
    assert step(run, "remind")["logs"] == ["sent 202"]
    assert site.received[0].json() == {"to": "a@example.com"}


HOOKS = """export class Workflow {
  async start(data, headers, api) {
    if (data.schedules) await api.scheduleNextStep({ delay: 10, action: 'next', payload: {} });
    if (data.waits) await api.waitForEvent({ action: 'next', payload: {} });
    if (data.throws) throw new Error('broken');
  }
  async next() {}
  async onWorkflowComplete(api) { console.log('complete'); throw new Error('the hook'); }
  async onWorkflowError(err, api) {
    console.error('failed:', err.message);
    await api.scheduleNextStep({ delay: 10, action: 'next', payload: {} });
  }
}"""


async def test_j13_a_step_that_throws_after_scheduling(vendor: Vendor) -> None:
    workflow = await vendor.live(code("hooks", HOOKS))
    answer = await vendor.trigger(workflow, {"throws": True, "schedules": True})
    assert answer.status_code == 500
    run = await vendor.run(answer.headers["x-run-id"])
    assert (run["status"], named(run), run["steps"][0]["status"]) == ("running", ["start"], "failed")
    run = await vendor.ended(answer.headers["x-run-id"], seconds=SOON)
    assert named(run) == ["start", "next", "onWorkflowComplete"]


async def test_j13_a_step_that_throws_after_waiting(vendor: Vendor) -> None:
    answer = await vendor.trigger(await vendor.live(code("hooks", HOOKS)), {"throws": True, "waits": True})
    assert answer.status_code == 500
    assert (await vendor.waits(answer.headers["x-run-id"]))["status"] == "waiting"


async def test_a_step_that_throws(vendor: Vendor) -> None:
    answer = await vendor.trigger(await vendor.live(code("hooks", HOOKS)), {"throws": True})
    run = await vendor.ended(answer.headers["x-run-id"], "failed")
    assert named(run) == ["start", "onWorkflowError"]
    hook = step(run, "onWorkflowError")
    assert len(hook["logs"]) == 1 and hook["logs"][0].startswith("❌ failed:") and "broken" in hook["logs"][0]
    # It may not schedule anything, which makes it fail, which changes nothing.
    assert hook["status"] == "failed" and "scheduleNextStep" in hook["error"]


async def test_j14_a_hook_that_throws(vendor: Vendor) -> None:
    run = await vendor.ended(await vendor.started(await vendor.live(code("hooks", HOOKS)), {}))
    hook = step(run, "onWorkflowComplete")
    assert (hook["status"], hook["logs"]) == ("failed", ["complete"])


async def test_the_list_tells_which_runs_wait(vendor: Vendor) -> None:
    waits = {"waitForEvent": {"action": "next", "payload": {}}}
    first = await vendor.live(steps("first", start=[waits], next=[]))
    second = await vendor.live(steps("second", start=[], next=[]))
    failing = await vendor.live(steps("failing", start=[{"log": "${data.missing}"}]))
    parked, done = await vendor.started(first), await vendor.started(second)
    failed = (await vendor.trigger(failing)).headers["x-run-id"]
    wanted: dict[str, tuple[Json, list[str]]] = {
        "waiting": ({"status": "waiting"}, [parked]),
        "completed": ({"status": "completed"}, [done]),
        "failed": ({"status": "failed"}, [failed]),
        "running": ({"status": "running"}, []),
        "by name": ({"workflow": "first"}, [parked]),
        "by id": ({"workflow": second["id"]}, [done]),
    }
    await eventually(vendor.runs, lambda rows: len(rows) == 3)
    for query, expected in wanted.values():

        def right(rows: Any, expected: list[str] = expected) -> bool:
            return [row["id"] for row in rows] == expected

        rows = await eventually(lambda query=query: vendor.runs(**query), right)  # type: ignore[misc]
        assert all(row["status"] == query.get("status", row["status"]) for row in rows)
    page_one = await vendor.ok("GET", "/runs", params={"limit": "2"})
    page_two = await vendor.ok("GET", "/runs", params={"limit": "2", "pageToken": page_one["nextPageToken"]})
    assert [row["id"] for row in page_one["runs"] + page_two["runs"]] == [failed, done, parked]
    assert page_two["nextPageToken"] is None
