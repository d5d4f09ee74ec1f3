"""Raw Temporal messages: any signal is an event; none, however malformed, harms a run."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue

from definitions import contract
from tests.running import Runs, eventually
from tests.worker.test_interpreter import block, wait

WAIT = block("w", w=wait("go", payload={"object_only": True}))


@pytest.mark.parametrize(("args", "output"), [([], {}), ([None], {}), ([{"approved": True}], {"approved": True})])
async def test_a_raw_signal_releases_the_wait(runs: Runs, args: list[Any], output: Any) -> None:
    run_id = await runs.start(WAIT)
    await runs.parked(run_id)
    await runs.handle(run_id).signal("go", args=args)
    assert (await runs.ended(run_id)).output == output


UNUSABLE: list[tuple[str, list[Any]]] = [
    ("go", ["not an object"]),
    ("go", [RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{not json"))]),
    ("go", [RawValue(Payload(metadata={"encoding": b"no/such"}, data=b"\xff\x00"))]),
    (contract.DELIVER, []),
    (contract.DELIVER, [5]),
    (contract.DELIVER, [{"id": "", "name": "go"}]),
    (contract.DELIVER, [{"id": "x"}]),
    (contract.SNAPSHOT, [{}]),
    ("tidegate:unknown", []),
]


@pytest.mark.parametrize(("name", "args"), UNUSABLE, ids=[f"{name}-{i}" for i, (name, _) in enumerate(UNUSABLE)])
async def test_an_unusable_signal_is_quarantined(runs: Runs, name: str, args: list[Any]) -> None:
    run_id = await runs.start(WAIT)
    await runs.parked(run_id)
    await runs.handle(run_id).signal(name, args=args)
    parked = await eventually(lambda: runs.snapshot(run_id), lambda s: len(s.quarantined) == 1)
    assert parked.quarantined[0]["name"] == name
    assert parked.waits[0].received == []
    assert (await runs.send(run_id, "go", {"n": 1})).completed
    await runs.ended(run_id)


async def test_a_signal_that_nobody_waits_for_is_recorded(runs: Runs) -> None:
    run_id = await runs.start(WAIT)
    await runs.parked(run_id)
    await runs.handle(run_id).signal("unrelated", {"n": 1})
    parked = await eventually(lambda: runs.snapshot(run_id), lambda s: any(r.event == "unrelated" for r in s.records))
    assert parked.records[-1].status == "incomplete"
    await runs.send(run_id, "go")
    await runs.ended(run_id)


@pytest.mark.parametrize("message", [5, None, {"id": "x"}, {"name": "go"}, [], {"id": 1, "name": 2}])
async def test_a_malformed_update_is_refused_and_changes_nothing(runs: Runs, message: Any) -> None:
    run_id = await runs.start(WAIT)
    await runs.parked(run_id)
    with pytest.raises(WorkflowUpdateFailedError):
        await runs.handle(run_id).execute_update(contract.DELIVER, message)
    assert (await runs.parked(run_id)).quarantined == []
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_the_same_delivery_by_update_and_by_signal_counts_once(runs: Runs) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    message = {"id": "the-same", "name": "go"}
    await runs.handle(run_id).signal(contract.DELIVER, message)
    await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "second")
    outcome = await runs.send(run_id, "go", id="the-same")
    assert outcome.duplicate and outcome.step == "first"
    await runs.send(run_id, "go")
    await runs.ended(run_id)
