"""Children in numbers and sizes that Temporal would not take at once; lost ones; definitions that start themselves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from definitions import ids
from definitions.dialects import DIALECTS
from tests.running import Runs, eventually
from tests.worker.test_children import DIALECT, FOR_EACH, LIVE, Family, register, step, text

MANY = {"type": "object", "properties": {f"property{n}": {"type": "string"} for n in range(1_500)}}


def large(name: str, *steps: dict[str, Any]) -> str:
    definition = json.loads(text(name, *steps))
    definition["definitions"]["any"] = MANY
    return json.dumps(definition)


WAITS = step("w", "waitForEventIds", {"eventIds": ["go"]})


async def test_many_children_of_a_large_definition(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{"n": n} for n in range(40)]})
    await register(runs, "large", large("large", WAITS))
    big = Family(runs)
    big.run_id = await parent(runs, [{**FOR_EACH[0], "workflowName": "large"}], {"items": [{}] * 40})
    await big.children(40)
    await asyncio.gather(*(runs.tidegate.cancel_run(DIALECT, runs.organisation, one.run_id) for one in (family, big)))


async def parent(runs: Runs, children: list[dict[str, Any]], input: Any) -> str:
    definition = DIALECTS[DIALECT].compile_text(text("parent", step("spawn", "runChildJob", {"children": children})))
    facts = runs.facts("parent")
    facts.dialect = DIALECT
    await runs.tidegate.start_run(definition, facts, input)
    return facts.run_id


async def test_children_of_many_large_definitions(runs: Runs) -> None:
    for number in range(8):
        await register(runs, f"large{number}", large(f"large{number}", WAITS))
    family = Family(runs)
    family.run_id = await parent(
        runs, [{**LIVE, "workflowName": f"large{number}"} for number in range(8)], {"items": []}
    )
    for child in await family.children(8):
        await family.send(child, {})
    assert len((await family.ended()).output["children"]) == 8


async def test_children_that_are_all_given_one_large_input(runs: Runs) -> None:
    family = Family(runs)
    await family.start([{"id": f"c{n}", **LIVE} for n in range(12)], {"items": [], "x": "y" * 300_000})
    for child in await family.children(12):
        await family.send(child, {})
    assert len((await family.ended()).output["children"]) == 12


async def test_large_outputs_of_children_that_ended_while_their_parent_was_away(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}] * 6})
    children = await family.children(6)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, family.run_id)
    for child in children:
        await family.send(child, {"x": "y" * 400_000})
    await runs.tidegate.resume_run(DIALECT, runs.organisation, family.run_id)
    error = (await family.ended("failed")).error
    assert error is not None and "the output has more than" in error


async def test_a_terminated_child_fails_its_parent_and_is_resumed_with_it(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}]})
    (child,) = await family.children(1)
    await runs.tidegate.temporal.get_workflow_handle(child.workflow_id).terminate()
    await family.ended("failed")
    await runs.tidegate.resume_run(DIALECT, runs.organisation, family.run_id)
    await eventually(lambda: runs.tidegate.describe_workflow(child.workflow_id), lambda found: found.closed_at is None)
    await family.send(child, {"n": 1})
    assert (await family.ended()).output["children"][0]["output"] == {"n": 1}


async def test_a_child_that_had_ended_is_not_started_again(runs: Runs) -> None:
    """An operator's reset has the parent start its children again: it finds those that there are."""
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}, {}]})
    first, second = await family.children(2)
    await family.send(first, {"n": 1})
    await eventually(
        lambda: runs.tidegate.describe_workflow(first.workflow_id), lambda found: found.closed_at is not None
    )
    await reset(runs, family.run_id)
    await family.send(second, {"n": 2})
    assert sorted(child["output"]["n"] for child in (await family.ended()).output["children"]) == [1, 2]
    again = await runs.tidegate.describe_workflow(first.workflow_id)
    assert again.temporal_run_id == first.temporal_run_id


async def reset(runs: Runs, run_id: str) -> None:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    temporal = runs.tidegate.temporal
    workflow_id = ids.run_workflow_id(DIALECT, runs.organisation, run_id)
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            reason="test",
            workflow_task_finish_event_id=first,
            request_id=run_id,
        )
    )


async def test_a_definition_that_starts_itself_comes_to_an_end(runs: Runs) -> None:
    again = text("again", step("again", "runChildJob", {"children": [{**LIVE, "workflowName": "again"}]}))
    await register(runs, "again", again)
    facts = runs.facts("again")
    facts.dialect = DIALECT
    await runs.tidegate.start_run(DIALECTS[DIALECT].compile_text(again), facts, {"items": []})
    family = Family(runs)
    family.run_id = facts.run_id
    error = (await asyncio.wait_for(family.ended("failed"), 50)).error
    assert error is not None and error.count("child") >= 10 and "10 levels deep" in error


async def test_children_that_cannot_be_watched_fail_the_step(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from temporalio.exceptions import ApplicationError

    def broken(closed: Any) -> Any:
        raise ApplicationError("broken on purpose", non_retryable=True)

    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}]})
    (child,) = await family.children(1)
    await family.renew()
    monkeypatch.setattr("worker.run_activities._fitting", broken)
    await family.send(child, {"n": 1})
    error = (await family.ended("failed")).error
    assert error is not None and "broken on purpose" in error
