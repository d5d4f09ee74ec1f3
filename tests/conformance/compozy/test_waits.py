"""The wait examples, start to end: status pending then ready, the approval processor of the page, sender and receiver;
and their timeouts, with the time skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from tests.conformance.compozy.samples import gives, wait, workflow
from tests.conformance.compozy.vendor import Vendor, vendor_of
from tests.conformance.stack import Stack
from tests.conformance.stackshift.site import Site
from tests.running import eventually
from tests.worker.activities.local_server import page

READY = """
id: wait-task
description: Wait for a signal that says that all is ready
tasks:
  - id: wait_for_ready
    type: wait
    wait_for: ready_signal
    condition: 'signal.payload.status == "ready"'
    timeout: 5m
    on_success:
      next: done
    on_timeout: too-late
  - id: done
    type: aggregate
    outputs:
      received: "{{ .tasks.wait_for_ready.output | toJson }}"
  - id: too-late
    type: aggregate
    outputs:
      code: "{{ .tasks.wait_for_ready.error.code }}"
"""

PAGE = """
# Workflow that processes external approvals
workflows:
- id: approval-processor
  triggers:
  - type: signal
    name: approval-request
  agents:
  - id: processor-agent
    type: http
    config:
      method: POST
      url: "AGENT"
  tasks:
  - id: wait-for-decision
    type: wait
    wait_for: approval-decision
    on_timeout: handle-timeout
    on_success:
      next: process-approval
  - id: process-approval
    type: basic
    agent: processor-agent
    prompt: |
      Process the approval decision:
      Decision: {{ .tasks.wait_for_decision.result.payload.decision }}
      Approved by: {{ .tasks.wait_for_decision.result.payload.approved_by }}
  - id: handle-timeout
    type: aggregate
    outputs:
      decision: none
"""

PROCESSED = """
id: reviewed
tasks:
  - id: wait-for-review
    type: wait
    wait_for: review
    timeout: 1h
    condition: processor.output.ok == true
    processor:
      id: check
      type: basic
      tool: checker
      with:
        stars: "{{ .signal.payload.stars }}"
    on_success:
      next: told
  - id: told
    type: aggregate
    outputs:
      by: "{{ .tasks.wait_for_review.output.signal.payload.by }}"
      checked: "{{ .tasks.wait_for_review.output.processor_output.output.ok }}"
tools:
  - id: checker
    type: http
    config:
      method: POST
      url: "CHECKER"
"""


async def put(vendor: Vendor, name: str, text: str) -> None:
    response = await vendor.send("PUT", f"/workflows/{name}", content=text)
    assert response.status_code == 201, response.text


async def test_pending_then_ready(vendor: Vendor) -> None:
    await put(vendor, "wait-task", READY)
    exec_id = await vendor.start("wait-task")
    waiting = (await vendor.waits(exec_id, "wait_for_ready"))["tasks"]["wait_for_ready"]["output"]
    assert (waiting["signal_name"], waiting["timeout_seconds"]) == ("ready_signal", 300)
    await vendor.signalled(exec_id, "ready_signal", {"status": "pending"})
    assert (await vendor.waits(exec_id))["tasks"]["wait_for_ready"]["status"] == "WAITING"
    await vendor.signalled(exec_id, "ready_signal", {"status": "ready", "data": {"n": 1}})
    done = (await vendor.ended(exec_id))["tasks"]["done"]["output"]
    received = done["received"]
    assert (received["wait_status"], received["signal"]["payload"]["data"]) == ("completed", {"n": 1})
    rows = await eventually(lambda: vendor.executions("wait-task"), lambda rows: rows[0]["status"] == "SUCCESS")
    assert [row["workflow_exec_id"] for row in rows] == [exec_id]


async def test_the_approval_processor_of_the_page(vendor: Vendor, site: Site) -> None:
    site.on("agent", page({"filed": True}))
    await put(vendor, "approval-processor", PAGE.replace("AGENT", site.url("/agent")))
    await vendor.event("approval-request", {"user_id": "123"})
    (row,) = await eventually(lambda: vendor.executions("approval-processor"), lambda rows: bool(rows))
    exec_id = row["workflow_exec_id"]
    waiting = await vendor.waits(exec_id, "wait-for-decision")
    assert waiting["input"] == {"user_id": "123"}
    assert waiting["tasks"]["wait-for-decision"]["output"]["deadline"] == "never"
    await vendor.signalled(exec_id, "approval-decision", {"decision": "approved", "approved_by": "manager@company.com"})
    ended = await vendor.ended(exec_id)
    assert ended["tasks"]["process-approval"]["output"] == {"filed": True}
    (asked,) = site.asked("agent")
    assert "Decision: approved" in str(asked)
    assert "Approved by: manager@company.com" in str(asked)


async def test_a_processor_looks_at_every_signal_before_the_condition(vendor: Vendor, site: Site) -> None:
    site.on("check", page({"ok": False}), page({"ok": True}))
    await put(vendor, "reviewed", PROCESSED.replace("CHECKER", site.url("/check")))
    exec_id = await vendor.start("reviewed")
    await vendor.waits(exec_id)
    await vendor.signalled(exec_id, "review", {"stars": 1, "by": "ann"})
    await eventually(lambda: asked(site), lambda count: count == 1)
    assert (await vendor.execution(exec_id))["status"] in ("PAUSED", "RUNNING")
    await vendor.signalled(exec_id, "review", {"stars": 5, "by": "bob"})
    assert (await vendor.ended(exec_id))["tasks"]["told"]["output"] == {"by": "bob", "checked": True}
    assert [one["stars"] for one in site.asked("check")] == [1, 5]


async def asked(site: Site) -> int:
    return len(site.asked("check"))


async def test_sender_and_receiver(vendor: Vendor) -> None:
    receiver = workflow(
        "receiver", gives("got", {"from": "{{ .workflow.input.from }}", "n": "{{ .workflow.input.n }}"}),
        triggers=[{"type": "signal", "name": "user-approved"}],
    )  # fmt: skip
    signal = {"id": "user-approved", "payload": {"from": "sender", "n": "{{ .workflow.input.n }}"}}
    await vendor.put(receiver)
    await vendor.put(workflow("sender", {"id": "send", "type": "signal", "signal": signal}))
    sender = await vendor.ended(await vendor.start("sender", {"n": 7}))
    output = sender["tasks"]["send"]["output"]
    assert output["signal_dispatched"] is True
    (row,) = await eventually(lambda: vendor.executions("receiver"), lambda rows: bool(rows))
    received = await vendor.ended(row["workflow_exec_id"])
    assert received["tasks"]["got"]["output"] == {"from": "sender", "n": 7}


async def test_a_signal_task_reaches_a_wait_by_its_correlation_key(vendor: Vendor) -> None:
    await vendor.put(workflow("keyed", wait(signal="paid", correlation_key="order:{{ .workflow.input.id }}"),
                              outputs={"n": "{{ .tasks.gate.output.signal.payload.n }}"}))  # fmt: skip
    exec_id = await vendor.start("keyed", {"id": "7"})
    await vendor.waits(exec_id)
    signal = {"id": "paid", "payload": {"n": 1}, "correlation_key": "order:7"}
    await vendor.put(workflow("sender", {"id": "send", "type": "signal", "signal": signal}))
    await vendor.ended(await vendor.start("sender"))
    assert (await vendor.ended(exec_id))["output"] == {"n": 1}


async def test_a_signal_task_reaches_the_execution_that_it_names(vendor: Vendor) -> None:
    await vendor.put(workflow("named", wait(), outputs={"n": "{{ .tasks.gate.output.signal.payload.n }}"}))
    exec_id = await vendor.start("named")
    await vendor.waits(exec_id)
    signal = {"id": "go", "payload": {"n": 1}, "exec_id": "{{ .workflow.input.to }}"}
    await vendor.put(workflow("sender", {"id": "send", "type": "signal", "signal": signal}))
    await vendor.ended(await vendor.start("sender", {"to": exec_id}))
    assert (await vendor.ended(exec_id))["output"] == {"n": 1}


async def test_an_execution_knows_its_own_id(vendor: Vendor) -> None:
    await vendor.put(workflow("me", gives("a", {"id": "{{ .workflow.exec_id }}"})))
    exec_id = await vendor.start("me")
    assert (await vendor.ended(exec_id))["tasks"]["a"]["output"] == {"id": exec_id}


# --- timeouts ---


@dataclass
class Later:
    """A client whose server's time passes only when it is asked to."""

    environment: WorkflowEnvironment
    vendor: Vendor

    async def passes(self, exec_id: str, time: timedelta) -> None:
        handle = self.environment.client.get_workflow_handle(self.vendor.workflow_id(exec_id))
        await self.environment.fast_forward(handle, time)


@pytest_asyncio.fixture(loop_scope="session")
async def later(skipping: tuple[WorkflowEnvironment, Stack]) -> AsyncIterator[Later]:
    environment, stack = skipping
    async with vendor_of(stack, "cpzy_3", "org-3") as vendor:
        with environment.with_time_skipping_disabled():
            yield Later(environment, vendor)


async def test_a_wait_that_is_late_goes_on_at_its_timeout_task(later: Later) -> None:
    vendor = later.vendor
    await put(vendor, "wait-task", READY)
    exec_id = await vendor.start("wait-task")
    await vendor.waits(exec_id)
    await later.passes(exec_id, timedelta(minutes=4))
    # What fails the condition does not begin the time anew.
    await vendor.signalled(exec_id, "ready_signal", {"status": "pending"})
    assert (await vendor.waits(exec_id))["status"] == "PAUSED"
    await later.passes(exec_id, timedelta(seconds=61))
    ended = await vendor.ended(exec_id)
    late = ended["tasks"]["wait_for_ready"]
    assert (late["status"], ended["tasks"]["too-late"]["output"]) == ("FAILED", {"code": "WAIT_TIMEOUT"})
    assert late["error"] == {
        "code": "WAIT_TIMEOUT",
        "message": "wait task timed out after 5m0s",
        "details": {"signal_name": "ready_signal", "timeout": "5m0s", "timeout_ms": 300000, "timeout_sec": 300},
    }


async def test_a_wait_that_is_late_and_has_no_way_on_fails_the_execution(later: Later) -> None:
    vendor = later.vendor
    await vendor.put(workflow("late", wait(timeout="10s", following="never"), gives("never", {})))
    exec_id = await vendor.start("late")
    await vendor.waits(exec_id)
    await later.passes(exec_id, timedelta(seconds=11))
    ended = await vendor.ended(exec_id, "FAILED")
    assert ended["tasks"].keys() == {"gate"}
    assert ended["tasks"]["gate"]["error"]["code"] == "WAIT_TIMEOUT"
    assert ended["error"]["code"] == "workflow_execution_error"


async def test_a_wait_without_a_timeout_never_expires(later: Later) -> None:
    vendor = later.vendor
    await vendor.put(workflow("patient", wait()))
    exec_id = await vendor.start("patient")
    await vendor.waits(exec_id)
    await later.passes(exec_id, timedelta(days=400))
    assert (await vendor.waits(exec_id))["tasks"]["gate"]["output"]["deadline"] == "never"
    await vendor.signalled(exec_id, "go")
    await vendor.ended(exec_id)
