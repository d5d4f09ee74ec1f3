"""The rules of a wait hold at every moment: in the first task of a new execution, and for what is given back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from definitions import contract, ids
from definitions.contract import RunInput
from definitions.errors import PayloadInvalid
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.mailboxes import correlated
from tests.worker.sandbox.calls import SHIM, handler
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, wait
from worker import interpreter

OBJECT = {"schema": {"type": "object"}}
FOR_ME = {"language": "json-logic", "source": {"==": [{"var": "event.payload.for"}, {"var": "input"}]}}
NESTED = block("p", p={"kind": "parallel", "branches": {"b": block("w", w=wait("go", filter=FOR_ME))}})
IN_EACH = block(
    "e", e={"kind": "each", "items": literal([1]), "body": block("w", w=wait("go", filter=FOR_ME, payload=OBJECT))}
)


async def carried(runs: Runs, run_id: str) -> RunInput:
    """What a parked run would continue as new with."""
    workflow_id = ids.run_workflow_id(DIALECT, runs.organisation, run_id)
    argument: RunInput = await runs.handle(run_id).query(contract.STATE, result_type=RunInput)
    argument.resumed = False
    await runs.tidegate.temporal.get_workflow_handle(workflow_id).terminate()
    return argument


async def go_on(runs: Runs, run_id: str, argument: RunInput) -> None:
    """Start the execution that goes on from there."""
    await runs.tidegate.temporal.start_workflow(
        contract.RUN_WORKFLOW,
        argument,
        id=ids.run_workflow_id(DIALECT, runs.organisation, run_id),
        task_queue=runs.tidegate.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        memo={contract.MEMO: argument.facts},
    )


@pytest.mark.parametrize(
    ("body", "payload", "status"),
    [
        (block("w", w=wait("go", payload=OBJECT)), 5, "refused"),
        (block("w", w=wait("go", filter=FOR_ME)), {"for": "you"}, "buffered"),
        (NESTED, {"for": "you"}, "buffered"),
        (IN_EACH, {"for": "you"}, "buffered"),
    ],
)
async def test_rules_hold_in_the_first_task_of_an_execution(
    temporal_client: Client, body: dict[str, Any], payload: Any, status: str
) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(body, "me")
        await runs.parked(run_id)
        argument = await carried(runs, run_id)
    await go_on(runs, run_id, argument)
    await runs.handle(run_id).signal("go", payload)
    sending = asyncio.ensure_future(runs.send(run_id, "go", payload))
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        if status == "refused":
            with pytest.raises(PayloadInvalid):
                await sending
        else:
            assert (await sending).status == status
        assert (await runs.parked(run_id)).waits[0].received == []
        await runs.send(run_id, "go", {"for": "me"})
        await runs.ended(run_id)


async def test_an_event_that_is_given_back_and_does_not_fit_fails_the_wait_it_is_for(runs: Runs) -> None:
    first = wait("x", "y", deadline={"after": 0.3, "then": "continue"})
    branches = {"a": block("w", w=first), "b": block("w", w=wait("x", payload=OBJECT))}
    run_id = await runs.start(block("p", p={"kind": "parallel", "branches": branches}))
    await runs.parked(run_id, 2)
    assert (await runs.send(run_id, "x", 5)).step == "p/a/w"
    error = (await runs.ended(run_id, "failed")).error
    assert error is not None and "5 is not of type 'object'" in error


async def test_an_input_is_computed_once_for_a_visit(runs: Runs) -> None:
    """Also when the visit is taken up again, and the input has changed what it is computed from."""
    counted = {"language": "json-logic", "source": {"+": [{"var": "n"}, 1]}}
    first = {"kind": "assign", "value": literal(0), "save": {"output": ["n"]}, "next": "w"}
    last = {"kind": "assign", "value": path("${n}")}
    body = block("first", first=first, w=wait("go", input=counted, save={"input": ["n"]}, next="last"), last=last)
    run_id = await runs.start(body)
    await runs.parked(run_id)
    await renew(runs, run_id)
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    assert (await runs.ended(run_id)).output == 1


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        ({"uniqueItems": True, "items": {"type": "number"}}, list(range(60_000))),
        ({"items": {"allOf": [{"type": "number"}] * 50}}, list(range(20_000))),
        ({"type": 5}, {}),
    ],
)
async def test_a_payload_that_cannot_be_checked_is_refused_at_once(
    runs: Runs, schema: dict[str, Any], payload: Any
) -> None:
    run_id = await runs.start(block("w", w=wait("go", payload={"schema": schema}, next="v"), v=wait("end")))
    await runs.parked(run_id)
    with pytest.raises(PayloadInvalid):
        await runs.send(run_id, "go", payload)
    assert (await runs.parked(run_id)).waits[0].step == "w"
    await runs.handle(run_id).terminate()


IN_CODE = {
    "kind": "code",
    "shim": SHIM,
    "handler": "j",
    "source": handler("return (await step.waitForEvent('go', { correlationKey: 'k' })).payload"),
}


@pytest.mark.parametrize("body", [correlated(), block("c", c=IN_CODE)], ids=["wait", "code"])
async def test_what_is_handed_over_in_the_first_task_of_an_execution_is_taken(
    temporal_client: Client, body: dict[str, Any]
) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(body, {"key": "k"})
        await runs.parked(run_id)
        argument = await carried(runs, run_id)
    await go_on(runs, run_id, argument)
    assert argument.state is not None
    wait_id = argument.state["waits"]["open"][0]["id"]
    event = {"id": "handed", "name": "go", "payload": 5, "has_payload": True, "wait": wait_id}
    handing = asyncio.ensure_future(
        runs.handle(run_id).execute_update(contract.DELIVER, event, result_type=contract.DeliveryOutcome)
    )
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        assert (await handing).status == "matched"
        assert (await runs.ended(run_id)).output == 5


async def test_a_correlated_wait_that_ends_as_the_run_continues_has_ended(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both timers, that of the deadline and that of the continuing, have passed when a worker comes back."""
    monkeypatch.setattr(interpreter, "CONTINUE_AFTER", 2.0)
    body = correlated(deadline={"after": 2, "then": "continue"}, next="again")
    body["steps"]["again"] = wait("end")

    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(body, {"key": "k"})
        await runs.parked(run_id)
        await runs.handle(run_id).signal(contract.CONTINUE_AS_NEW)
        await eventually(lambda: events(runs, run_id, "timer_started"), lambda count: count == 2)
    await eventually(lambda: events(runs, run_id, "timer_fired"), lambda count: count == 2)
    before = (await runs.describe(run_id)).temporal_run_id
    monkeypatch.undo()
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != before)
        assert [one.step for one in (await runs.parked(run_id)).waits] == ["again"]
        await runs.send(run_id, "end")
        await runs.ended(run_id)


async def events(runs: Runs, run_id: str, kind: str) -> int:
    history = await runs.handle(run_id).fetch_history()
    return sum(event.HasField(f"{kind}_event_attributes") for event in history.events)
