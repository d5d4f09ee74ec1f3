"""Waits: conditions, processors, deadlines, and what later tasks see of them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from definitions.contract import PostEvent
from definitions.dialects.compozy.waits import go_text
from tests.definitions.compozy.running import Workflows, tasks, tool
from tests.running import DIALECT, Runs
from tests.worker.activities.local_server import LocalServer, page

LIBRARY = Path(__file__).parents[3] / "definitions" / "library" / "compozy"
WAIT_TASK = (LIBRARY / "wait-task.yaml").read_text(encoding="utf-8")
APPROVAL = (LIBRARY / "approval-processor.yaml").read_text(encoding="utf-8")


async def test_a_signal_that_is_not_what_is_waited_for_is_used_up(flows: Workflows) -> None:
    runs = flows.runs
    run_id = await flows.start(WAIT_TASK, {"name": "Ada"})
    before = (await runs.parked(run_id)).waits[0]
    assert before.events == ["hello-ada"]
    assert (await runs.send(run_id, "hello-ada", {"status": "pending"})).status == "discarded"
    assert (await runs.snapshot(run_id)).waits[0].deadline == before.deadline
    assert (await runs.send(run_id, "hello-ada", {"status": "ready", "by": "Bob"}, id="s1")).completed
    snapshot = await runs.ended(run_id)
    assert snapshot.output == {"finished": {"greeting": "Hello Ada", "by": "Bob", "waited": "completed"}}
    output = snapshot.data["tasks"]["wait_for_ready"]["output"]
    metadata = output["signal"]["metadata"]
    assert metadata.pop("received_at_utc").endswith("Z")
    assert metadata == {"signal_id": "s1", "workflow_id": "wait-task", "source": "api"}
    assert output["signal"]["payload"] == {"status": "ready", "by": "Bob"}
    assert output["processor_output"] is None


async def test_the_page_s_own_workflow_runs(flows: Workflows, web: LocalServer) -> None:
    web.on("/agent", page({"filed": True}))
    runs = flows.runs
    run_id = await flows.start(APPROVAL, {"agent_url": web.url("/agent")})
    wait = (await runs.parked(run_id)).waits[0]
    assert (wait.events, wait.deadline) == (["approval-decision"], None)
    await runs.send(run_id, "approval-decision", {"decision": "approved", "approved_by": "external-system"})
    output = (await runs.ended(run_id)).output
    assert output["process-approval"] == {"output": {"filed": True}}
    prompt = "Process the approval decision:\nDecision: approved\nApproved by: external-system\n"
    assert web.received[0].json() == {"prompt": prompt}


async def test_a_condition_that_cannot_be_told_fails_the_wait(flows: Workflows) -> None:
    runs = flows.runs
    flow = tasks(
        "[{id: w, type: wait, wait_for: go, condition: signal.payload.n > 3, on_error: {next: e}}, "
        "{id: e, type: aggregate, outputs: {code: '{{ .tasks.w.error.code }}'}}]"
    )
    run_id = await flows.start(flow)
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": "many"})
    assert (await runs.ended(run_id)).output == {"e": {"output": {"code": "WAIT_TASK_ERROR"}}}


@pytest.mark.parametrize("value", [5, 0, "true", "", None, {"a": 1}])
async def test_a_condition_that_gives_no_truth_fails_the_wait(flows: Workflows, value: object) -> None:
    runs = flows.runs
    flow = tasks(
        "[{id: w, type: wait, wait_for: go, condition: signal.payload.n, on_error: {next: e}}, "
        "{id: e, type: aggregate, outputs: {code: '{{ .tasks.w.error.code }}'}}]"
    )
    run_id = await flows.start(flow)
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": value})
    assert (await runs.ended(run_id)).output == {"e": {"output": {"code": "WAIT_TASK_ERROR"}}}


async def test_a_processor_sees_every_signal_first(flows: Workflows, web: LocalServer) -> None:
    web.on("/check", lambda request: page({"valid": request.json()["signal"]["payload"]["n"] > 3}))
    runs = flows.runs
    flow = tasks(
        "[{id: w, type: wait, wait_for: go, condition: processor.output.valid, timeout: 1h, "
        "processor: {tool: echo, with: {n: '{{ .signal.payload.n }}'}}, "
        "outputs: {n: '{{ .signal.payload.n }}', by: '{{ .processor.output.valid }}'}}]",
        tools=[tool(web.url("/check"))],
    )
    run_id = await flows.start(flow)
    await runs.parked(run_id)
    for n in (1, 2, 5):
        await runs.send(run_id, "go", {"n": n})
    assert (await runs.ended(run_id)).output == {"w": {"output": {"n": 5, "by": True}}}
    assert [request.json()["n"] for request in web.received] == [1, 2, 5]
    assert web.received[0].json()["signal"]["metadata"]["source"] == "api"


async def test_a_processor_that_fails_fails_the_wait(flows: Workflows, web: LocalServer) -> None:
    web.on("/check", page({"error": "down"}))
    runs = flows.runs
    flow = tasks(
        "[{id: w, type: wait, wait_for: go, processor: {tool: echo}}]",
        tools=[tool(web.url("/check"))],
    )
    run_id = await flows.start(flow)
    await runs.parked(run_id)
    await runs.send(run_id, "go", {})
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.data["tasks"]["w"]["error"] == {
        "code": "WAIT_TASK_ERROR",
        "message": "the output has an error: down",
    }


async def test_a_signal_may_come_early_and_surplus_ones_are_for_later_waits(flows: Workflows) -> None:
    runs = flows.runs
    flow = tasks(
        "[{id: gate, type: wait, wait_for: open, on_success: {next: a}}, "
        "{id: a, type: wait, wait_for: go, on_success: {next: b}, outputs: {n: '{{ .signal.payload.n }}'}}, "
        "{id: b, type: wait, wait_for: go, outputs: {n: '{{ .signal.payload.n }}'}}]",
        outputs={"a": "{{ .tasks.a.output.n }}", "b": "{{ .tasks.b.output.n }}"},
    )
    run_id = await flows.start(flow)
    await runs.parked(run_id)
    for n in (1, 2):
        assert (await runs.send(run_id, "go", {"n": n})).status == "buffered"
    await runs.send(run_id, "open")
    assert (await runs.ended(run_id)).output == {"a": 1, "b": 2}


LATE = {"code": "WAIT_TIMEOUT", "message": "wait task timed out after 5m0s"}
DETAILS = {"signal_name": "go-1", "timeout": "5m0s", "timeout_ms": 300_000, "timeout_sec": 300}


@pytest.mark.parametrize(
    ("ways", "status", "ran"),
    [
        ("on_timeout: late, on_error: {next: failed}, on_success: {next: done}", "succeeded", "late"),
        ("on_error: {next: failed}, on_success: {next: done}", "succeeded", "failed"),
        ("on_success: {next: done}", "failed", None),
    ],
)
async def test_a_deadline_that_passes(
    skipping: tuple[WorkflowEnvironment, Runs], ways: str, status: str, ran: str | None
) -> None:
    _, runs = skipping
    ends = ", ".join(
        f"{{id: {name}, type: aggregate, outputs: {{ran: {name}}}}}" for name in ("late", "failed", "done")
    )
    flow = tasks(f"[{{id: w, type: wait, wait_for: 'go-{{{{ .input.n }}}}', timeout: 5 minutes, {ways}}}, {ends}]")
    run_id = await Workflows(runs).start(flow, {"n": 1})
    with pytest.raises(WorkflowFailureError) if status == "failed" else contextlib.nullcontext():
        await runs.handle(run_id).result()
    snapshot = await runs.ended(run_id, status)
    assert snapshot.data["tasks"]["w"]["error"] == {**LATE, "details": DETAILS}
    assert snapshot.data["tasks"]["w"]["status"] == "FAILED"
    if ran is not None:
        assert snapshot.output == {ran: {"output": {"ran": ran}}}


async def test_a_pause_is_made_before_a_task_but_not_before_the_first(
    skipping: tuple[WorkflowEnvironment, Runs],
) -> None:
    _, runs = skipping
    flow = tasks(
        "[{id: a, type: aggregate, sleep: 100h, on_success: {next: b}}, {id: b, type: aggregate, sleep: 2h}]",
    )
    run_id = await Workflows(runs).start(flow)
    await runs.handle(run_id).result()
    snapshot = await runs.ended(run_id)
    times = {record.step: record for record in snapshot.records}
    begun, over = _moment(times["a"].started_at), _moment(times["b"].started_at)
    assert timedelta(hours=2) <= over - begun < timedelta(hours=3)


async def test_events_that_name_a_key_reach_a_wait(flows: Workflows) -> None:
    runs = flows.runs
    flow = tasks(
        "[{id: w, type: wait, wait_for: paid, correlation_key: 'order-{{ .input.id }}', "
        "outputs: {n: '{{ .signal.payload.n }}'}}]"
    )
    run_id = await flows.start(flow, {"id": 7})
    await runs.parked(run_id)
    posted = PostEvent(id="e1", payload={"n": 1}, has_payload=True)
    await runs.tidegate.post_event(DIALECT, runs.organisation, "paid", "order-7", posted)
    assert (await runs.ended(run_id)).output == {"w": {"output": {"n": 1}}}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m0s"), (5400, "1h30m0s"), (1.5, "1.5s"), (0.3, "300ms"), (61, "1m1s"), (3600, "1h0m0s"), (45, "45s"),
     (90.25, "1m30.25s"), (172_800, "48h0m0s"), (10, "10s")],
)  # fmt: skip
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert go_text(seconds) == text


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.parametrize(
    ("address", "wait"),
    [
        ("exec_id: '{{ .input.to }}'", ""),
        ("correlation_key: 'k-{{ .input.to }}'", "correlation_key: 'k-{{ .workflow.exec_id }}',"),
    ],
)
async def test_a_signal_task_reaches_a_wait_by_execution_or_key(flows: Workflows, address: str, wait: str) -> None:
    runs = flows.runs
    waiting = await flows.start(
        tasks(f"[{{id: w, type: wait, wait_for: go, {wait} outputs: {{n: '{{{{ .signal.payload.n }}}}'}}}}]")
    )
    exec_id = (await runs.parked(waiting)).data["workflow"]["exec_id"]
    assert len(exec_id) == 27
    sender = tasks(f"[{{id: s, type: signal, signal: {{id: go, payload: {{n: 4}}, {address}}}}}]")
    sent = (await flows.output(sender, {"to": exec_id}))["s"]["output"]
    assert sent["signal_dispatched"] is True and sent["signal_id"]
    assert (await runs.ended(waiting)).output == {"w": {"output": {"n": 4}}}


async def test_a_signal_for_an_execution_that_is_not_there_fails_the_task(flows: Workflows) -> None:
    sender = tasks(
        "[{id: s, type: signal, signal: {id: go, exec_id: nobody}, on_error: {next: e}}, "
        "{id: e, type: aggregate, outputs: {code: '{{ .tasks.s.error.code }}'}}]"
    )
    assert (await flows.output(sender))["e"] == {"output": {"code": "not-found"}}
