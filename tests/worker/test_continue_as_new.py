"""Continue-as-new at any parked point carries everything; a resume goes on from the last completed step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from definitions import contract, ids
from definitions.errors import NotResumable
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_interpreter import block, literal, path, wait


async def renew(runs: Runs, run_id: str) -> None:
    """Have a parked run continue as new, and wait until it has."""
    before = (await runs.describe(run_id)).temporal_run_id
    await runs.handle(run_id).signal(contract.CONTINUE_AS_NEW)
    await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != before and d.status == "running")


async def test_a_flow_survives_a_continue_as_new_after_every_message(runs: Runs) -> None:
    body = block(
        "first",
        first=wait("a", "b", save={"output": ["first"]}, next="second"),
        second=wait("c", deadline={"after": 3600}, next="last"),
        last={"kind": "assign", "value": path({"first": "${first}", "in": "${input}"})},
    )
    run_id = await runs.start(body, {"n": 1})
    await runs.parked(run_id)
    await renew(runs, run_id)
    await runs.send(run_id, "c", {"early": True}, id="c1")
    await renew(runs, run_id)
    await runs.send(run_id, "b", {"b": 1}, id="b1")
    await renew(runs, run_id)
    assert (await runs.send(run_id, "b", {"b": 2}, id="b1")).duplicate
    assert (await runs.send(run_id, "c", id="c1")).duplicate
    facts = (await runs.describe(run_id)).facts
    assert facts.run_id == run_id and facts.started_at is not None
    await runs.send(run_id, "a", {"a": 1})
    snapshot = await runs.ended(run_id)
    assert snapshot.output == {"first": {"a": 1, "b": 1}, "in": {"n": 1}}
    assert [r.event for r in snapshot.records if r.event] == ["c", "b", "a"]


async def test_a_deadline_is_not_prolonged(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", deadline={"after": 3600})))
    before = (await runs.parked(run_id)).waits[0]
    await renew(runs, run_id)
    after = (await runs.parked(run_id)).waits[0]
    assert (after.deadline, after.since) == (before.deadline, before.since)
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_nested_waits_and_sleeps_are_carried(runs: Runs) -> None:
    branches: dict[str, Any] = {
        "done": block("x", x={"kind": "assign", "value": literal("D")}),
        "failed": block("x", x={"kind": "assign", "value": path("${nothing}")}),
        "parked": block("w", w=wait("go")),
        "sleeping": block(
            "s", s={"kind": "sleep", "seconds": 1, "next": "v"}, v={"kind": "assign", "value": literal(1)}
        ),
    }
    step = {"kind": "parallel", "branches": branches, "strategy": "best_effort"}
    run_id = await runs.start(block("p", p=step))
    await runs.parked(run_id)
    await renew(runs, run_id)
    assert (await runs.parked(run_id)).waits[0].step == "p/parked/w"
    await runs.send(run_id, "go", {"n": 1})
    assert (await runs.ended(run_id)).output == {"done": "D", "parked": {"n": 1}, "sleeping": 1}


async def test_many_deliveries_make_a_run_continue_as_new_by_itself(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.interpreter.DELIVERIES_PER_RUN", 20)
    run_id = await runs.start(block("w", w=wait("go")))
    first = (await runs.describe(run_id)).temporal_run_id
    await runs.parked(run_id)
    for batch in range(6):
        await asyncio.gather(*(runs.send(run_id, "other", id=f"{batch}-{n}") for n in range(10)))
    await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != first)
    await runs.send(run_id, "go")
    snapshot = await runs.ended(run_id)
    assert sorted(r.id for r in snapshot.records if r.event == "other") == sorted(
        f"{batch}-{n}" for batch in range(6) for n in range(10)
    )


FAILING = block(
    "first",
    first={"kind": "assign", "value": literal(1), "save": {"output": ["first"]}, "next": "second"},
    second=wait("go", deadline={"after": 0.1}, save={"output": ["second"]}, next="last"),
    last={"kind": "assign", "value": path("${first} ${second.n}")},
)


async def resume(runs: Runs, run_id: str, request_id: str = "") -> None:
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id, request_id=request_id)


async def test_a_failed_run_resumes_after_its_last_completed_step(runs: Runs) -> None:
    run_id = await runs.start(FAILING)
    failed = await runs.ended(run_id, "failed")
    await resume(runs, run_id)
    parked = await runs.parked(run_id)
    assert parked.waits[0].visit == 2 and parked.records[: len(failed.records)] == failed.records
    await runs.send(run_id, "go", {"n": 5})
    snapshot = await runs.ended(run_id)
    assert snapshot.output == "1 5"
    assert [r.step for r in snapshot.records if r.step == "first"] == ["first"]
    assert (await runs.describe(run_id)).facts.resumed_from is not None


async def test_of_two_resumes_one_wins(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go")))
    await runs.parked(run_id)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    results = await asyncio.gather(*(resume(runs, run_id) for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["NotResumable"] * 4
    await runs.parked(run_id)
    with pytest.raises(NotResumable):
        await resume(runs, run_id)
    await runs.send(run_id, "go")
    await runs.ended(run_id)
    with pytest.raises(NotResumable):
        await resume(runs, run_id)


async def test_a_repeated_resume_request_succeeds_and_resumes_once(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go")))
    await runs.parked(run_id)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    await asyncio.gather(*(resume(runs, run_id, "request-1") for _ in range(4)))
    first = (await runs.describe(run_id)).temporal_run_id
    await resume(runs, run_id, "request-1")
    assert (await runs.describe(run_id)).temporal_run_id == first
    with pytest.raises(NotResumable):
        await resume(runs, run_id, "request-2")
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_events_of_a_closed_run_are_kept_for_its_resumption(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("a", "b")))
    await runs.parked(run_id)
    await runs.send(run_id, "a", {"a": 1})
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    await resume(runs, run_id)
    await runs.parked(run_id)
    assert (await runs.send(run_id, "b", {"b": 2})).completed
    assert (await runs.ended(run_id)).output == {"a": 1, "b": 2}


async def test_a_terminated_run_resumes_too(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go")))
    await runs.parked(run_id)
    await runs.handle(run_id).terminate("an operator")
    snapshot = await runs.snapshot(run_id)
    assert (snapshot.status, snapshot.next_step, snapshot.waits) == ("cancelled", None, [])
    await resume(runs, run_id)
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_an_operators_reset_does_not_consume_twice(runs: Runs) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    await runs.send(run_id, "go", id="only-one")
    await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "second")
    await _reset_to_first_task(runs, run_id)
    parked = await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "second")
    assert [r.id for r in parked.records if r.event] == ["only-one"]
    await runs.send(run_id, "go", id="only-one")
    assert (await runs.snapshot(run_id)).next_step == "second"
    await runs.send(run_id, "go", id="another")
    await runs.ended(run_id)


async def _reset_to_first_task(runs: Runs, run_id: str) -> None:
    """What `temporal workflow reset --type FirstWorkflowTask` does; the events after that point are applied again."""
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    temporal = runs.tidegate.temporal
    workflow_id = ids.run_workflow_id(DIALECT, runs.organisation, run_id)
    before = (await runs.describe(run_id)).temporal_run_id
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=before),
            reason="test",
            workflow_task_finish_event_id=first,
            request_id=run_id,
        )
    )
    old = temporal.get_workflow_handle(workflow_id, run_id=before)
    assert (await old.describe()).status == WorkflowExecutionStatus.TERMINATED
