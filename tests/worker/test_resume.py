"""Runs that were ended in odd ways, or whose resumption was: each can be resumed, or says why not."""

from __future__ import annotations

import base64
import random

import pytest
from temporalio.client import Client

from definitions import contract, ids
from definitions.contract import Event
from definitions.errors import NotResumable, RunClosed, Unavailable
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_continue_as_new import renew, resume
from tests.worker.test_interpreter import block, path, wait

BOTH = block("w", w=wait("a", "b"))


async def test_a_run_that_no_worker_had_begun_is_read_and_resumed(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        pass
    run_id = await runs.start(BOTH, {"n": 1})
    early = Event(id="early", name="a", payload={"a": 1}, has_payload=True)
    assert (
        await runs.tidegate.deliver(DIALECT, runs.organisation, run_id, early, may_signal=True)
    ).status == "buffered"
    await runs.handle(run_id).signal("unrelated")
    await runs.handle(run_id).signal(contract.MESSAGE_PREFIX + "nothing")
    await runs.handle(run_id).terminate("an operator")
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        snapshot = await runs.snapshot(run_id)
        assert (snapshot.status, snapshot.data, snapshot.records) == ("cancelled", {"input": {"n": 1}}, [])
        await eventually(lambda: resumed(runs, run_id), lambda done: done)
        parked = await eventually(lambda: runs.snapshot(run_id), lambda s: bool(s.waits) and bool(s.waits[0].received))
        assert parked.waits[0].received == ["a"]
        await runs.send(run_id, "b", {"b": 2})
        assert (await runs.ended(run_id)).output == {"a": 1, "b": 2}


async def resumed(runs: Runs, run_id: str) -> bool:
    try:
        await resume(runs, run_id, "the-same")
    except Unavailable:
        return False
    return True


async def test_an_execution_that_had_only_been_continued_as_new_is_resumed_with_its_state(
    temporal_client: Client,
) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(BOTH)
        await runs.parked(run_id)
        await runs.send(run_id, "a", {"a": 1})
        argument = await runs.handle(run_id).query(contract.STATE)
        await runs.handle(run_id).terminate()
    argument["resumed"] = False
    await runs.tidegate.temporal.start_workflow(
        contract.RUN_WORKFLOW,
        argument,
        id=ids.run_workflow_id(DIALECT, runs.organisation, run_id),
        task_queue=runs.tidegate.task_queue,
        memo={contract.MEMO: argument["facts"]},
    )
    await runs.handle(run_id).terminate()
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        await resume(runs, run_id)
        await runs.parked(run_id)
        await runs.send(run_id, "b", {"b": 2})
        assert (await runs.ended(run_id)).output == {"a": 1, "b": 2}


async def test_a_claim_that_an_operator_terminates_can_be_made_again(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(block("w", w=wait("go", deadline={"after": 0.05})))
        await runs.ended(run_id, "failed")
        closed = (await runs.describe(run_id)).temporal_run_id
    with pytest.raises(Unavailable):
        await resume(runs, run_id, "first")
    with pytest.raises(NotResumable):
        await resume(runs, run_id, "second")
    claim = ids.resume_workflow_id(ids.run_workflow_id(DIALECT, runs.organisation, run_id), closed)
    await runs.tidegate.temporal.get_workflow_handle(claim).terminate()
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        await resume(runs, run_id, "second")
        await resume(runs, run_id, "second")
        await runs.ended(run_id, "failed")


async def test_a_claim_whose_caller_gave_up_is_carried_out_when_a_worker_returns(temporal_client: Client) -> None:
    async with runs_on(temporal_client) as runs:
        run_id = await runs.start(BOTH)
        await runs.parked(run_id)
        await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    with pytest.raises(Unavailable):
        await resume(runs, run_id, "one")
    with pytest.raises(RunClosed):
        await runs.send(run_id, "a")
    async with runs_on(temporal_client, runs.tidegate.task_queue):
        await runs.parked(run_id)
        await resume(runs, run_id, "one")
        await runs.send(run_id, "a")
        await runs.send(run_id, "b")
        await runs.ended(run_id)


async def test_a_resumed_run_that_has_continued_as_new_is_resumed_again(runs: Runs) -> None:
    run_id = await runs.start(
        block("w", w=wait("a", "b", next="v"), v={"kind": "assign", "value": path("${input}")}), 7
    )
    for name in ("a", "b"):
        await runs.parked(run_id)
        await renew(runs, run_id)
        await runs.send(run_id, name, id=name)
        if name == "a":
            await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
            await resume(runs, run_id, name)
            with pytest.raises(NotResumable):
                await resume(runs, run_id, "another")
            assert (await runs.send(run_id, "a", id="a")).duplicate
    assert (await runs.ended(run_id)).output == 7


async def test_a_state_too_large_to_carry_says_so(runs: Runs) -> None:
    noise = base64.b64encode(random.Random(3).randbytes(700_000)).decode()
    copy = {"kind": "assign", "value": path("${input}"), "next": "bad"}
    body = block("copy", copy=copy, bad={"kind": "assign", "value": path("${nothing}")})
    run_id = await runs.start(body, noise)
    assert (await runs.ended(run_id, "failed")).data == {"input": noise}
    with pytest.raises(NotResumable, match="too large"):
        await resume(runs, run_id)
