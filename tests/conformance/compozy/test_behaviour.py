"""What waits and signals do together, row by row."""

from __future__ import annotations

from tests.conformance.compozy.samples import gives, wait, workflow
from tests.conformance.compozy.vendor import Vendor
from tests.conformance.stackshift.site import DOWN, Site


async def test_a_condition_that_cannot_be_computed_fails_the_wait(vendor: Vendor) -> None:
    late = wait(condition="signal.payload.amount > 100", on_error={"next": "failed"})
    await vendor.put(workflow("strict", late, gives("failed", {"code": "{{ .tasks.gate.error.code }}"})))
    exec_id = await vendor.start("strict")
    await vendor.waits(exec_id)
    await vendor.signalled(exec_id, "go", {"other": 1})
    ended = await vendor.ended(exec_id)
    assert ended["tasks"]["gate"]["error"]["code"] == "WAIT_TASK_ERROR"
    assert ended["tasks"]["failed"]["output"] == {"code": "WAIT_TASK_ERROR"}


async def test_a_processor_that_fails_fails_the_wait(vendor: Vendor, site: Site) -> None:
    site.on("check", DOWN)
    tool = {"id": "checker", "type": "http", "config": {"method": "POST", "url": site.url("/check")}}
    processor = {"id": "check", "type": "basic", "tool": "checker"}
    await vendor.put(workflow("checked", wait(processor=processor, on_error={"next": "failed"}), gives("failed", {}),
                              tools=[tool]))  # fmt: skip
    exec_id = await vendor.start("checked")
    await vendor.waits(exec_id)
    await vendor.signalled(exec_id, "go", {})
    ended = await vendor.ended(exec_id)
    assert (ended["tasks"]["gate"]["status"], ended["tasks"]["failed"]["status"]) == ("FAILED", "SUCCESS")


async def test_a_failed_task_without_a_way_on_fails_the_execution(vendor: Vendor, site: Site) -> None:
    site.on("down", DOWN)
    tool = {"id": "t", "type": "http", "config": {"method": "POST", "url": site.url("/down")}}
    call = {"id": "call", "type": "basic", "tool": "t", "on_success": {"next": "after"}}
    await vendor.put(workflow("failing", call, gives("after", {}), tools=[tool]))
    ended = await vendor.ended(await vendor.start("failing"), "FAILED")
    assert (ended["error"]["code"], ended["error"]["details"]["task_id"]) == ("workflow_execution_error", "call")
    assert ended["tasks"].keys() == {"call"}


async def test_outputs_that_cannot_be_computed_fail_the_execution(vendor: Vendor) -> None:
    await vendor.put(workflow("bad", gives("a", {"x": 1}), outputs={"y": "{{ .tasks.a.output.nothing.there }}"}))
    ended = await vendor.ended(await vendor.start("bad"), "FAILED")
    assert ended["error"]["code"] == "OUTPUT_TRANSFORMATION_FAILED"
    assert ended["tasks"]["a"]["status"] == "SUCCESS"


async def test_the_name_that_is_waited_for_may_be_a_template(vendor: Vendor) -> None:
    await vendor.put(workflow("named", wait(signal="order-{{ .workflow.input.id }}")))
    exec_id = await vendor.start("named", {"id": 7})
    waiting = await vendor.waits(exec_id)
    assert waiting["tasks"]["gate"]["output"]["signal_name"] == "order-7"
    await vendor.signalled(exec_id, "order-8")
    assert (await vendor.waits(exec_id))["status"] == "PAUSED"
    await vendor.signalled(exec_id, "order-7")
    await vendor.ended(exec_id)


async def test_outputs_of_a_wait_see_the_signal(vendor: Vendor) -> None:
    shown = wait(following="after", outputs={"by": "{{ .signal.payload.by }}"})
    await vendor.put(workflow("shown", shown, gives("after", {"by": "{{ .tasks.gate.output.by }}"})))
    exec_id = await vendor.start("shown")
    await vendor.signalled(exec_id, "go", {"by": "ann"})
    assert (await vendor.ended(exec_id))["tasks"]["after"]["output"] == {"by": "ann"}


async def test_waits_at_once_each_take_their_own_signal_and_cancel_reaches_all(vendor: Vendor) -> None:
    both = {"id": "both", "type": "parallel", "tasks": [wait("one", "first"), wait("two", "second")]}
    await vendor.put(workflow("both", both))
    exec_id, other = await vendor.start("both"), await vendor.start("both")
    for one in (exec_id, other):
        for task in ("one", "two"):
            await vendor.waits(one, task)
    await vendor.signalled(exec_id, "second")
    waiting = await vendor.execution(exec_id)
    assert (waiting["status"], waiting["tasks"]["one"]["status"]) == ("PAUSED", "WAITING")
    await vendor.signalled(exec_id, "first")
    ended = await vendor.ended(exec_id)
    assert {task["status"] for task in ended["tasks"].values()} == {"SUCCESS"}
    assert ended["tasks"]["one"]["parent_state_id"] == ended["tasks"]["both"]["task_exec_id"]
    assert (await vendor.send("POST", f"/executions/workflows/{other}/cancel")).status_code == 200
    cancelled = await vendor.ended(other, "CANCELED")
    assert {name: task["status"] for name, task in cancelled["tasks"].items() if name != "both"} == {
        "one": "CANCELED",
        "two": "CANCELED",
    }


async def test_an_execution_that_waits_in_a_composite_or_a_collection(vendor: Vendor) -> None:
    inner = wait("each", "item-{{ .item }}", outputs={"n": "{{ .signal.payload.n }}"})
    collection = {"id": "all", "type": "collection", "items": "{{ .workflow.input.list }}", "task": inner}
    await vendor.put(workflow("nested", {"id": "outer", "type": "composite", "tasks": [collection]}))
    exec_id = await vendor.start("nested", {"list": ["a", "b"]})
    await vendor.waits(exec_id)
    for number, name in enumerate("ba"):
        await vendor.signalled(exec_id, f"item-{name}", {"n": number})
    ended = await vendor.ended(exec_id)
    assert ended["tasks"]["each"]["status"] == "SUCCESS"
    assert ended["tasks"].keys() == {"outer", "all", "each"}
