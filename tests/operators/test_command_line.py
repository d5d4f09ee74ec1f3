"""`temporal workflow signal | cancel | terminate | reset`: they work as operators expect, or harm nothing."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from starlette.responses import JSONResponse
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue

from definitions import contract
from definitions.contract import RunSnapshot
from definitions.errors import NotResumable, RunClosed, Unavailable
from tests.operators.cli import temporal
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, wait
from worker.client import TidegateClient

ASK = block("ask", ask=wait("manager-approved", payload={"object_only": True}, save={"output": ["approval"]}))
FREE = block("ask", ask=wait("manager-approved", save={"output": ["approval"]}))


@pytest.fixture
def address(temporal_address: str) -> str:
    return temporal_address


async def signal(address: str, runs: Runs, run_id: str, name: str, *arguments: str) -> None:
    await temporal(address, "workflow", "signal", "--workflow-id", runs.handle(run_id).id, "--name", name, *arguments)


def quarantined(snapshot: RunSnapshot) -> list[str]:
    return [message["name"] for message in snapshot.quarantined]


def assert_readable(snapshot: RunSnapshot) -> None:
    """What a run holds must be JSON that any reader takes."""
    assert JSONResponse({"data": snapshot.data, "records": [record.output for record in snapshot.records]}).body


@pytest.mark.parametrize(
    ("arguments", "approval"),
    [
        ((), {}),
        (("--input", '{"approved": true}'), {"approved": True}),
        (("--input", "{}"), {}),
        (("--input", '{"n": 1}', "--input", '"a second argument"'), {"n": 1}),
    ],
)
async def test_a_raw_signal_releases_the_wait(
    runs: Runs, address: str, arguments: tuple[str, ...], approval: Any
) -> None:
    run_id = await runs.start(ASK)
    await runs.parked(run_id)
    await signal(address, runs, run_id, "manager-approved", *arguments)
    snapshot = await runs.ended(run_id)
    assert snapshot.data["approval"] == approval
    assert [record.source for record in snapshot.records if record.event] == ["event"]


UNUSABLE = {
    "no object": ("manager-approved", "--input", '"yes"'),
    "plain text": ("manager-approved", "--input", "yes, approved", "--input-meta", "encoding=binary/plain"),
    "null of an encoding": (
        "manager-approved",
        "--input",
        "eA==",
        "--input-base64",
        "--input-meta",
        "encoding=binary/x",
    ),
    "an unknown encoding": ("manager-approved", "--input", "x", "--input-meta", "encoding=my/own"),
    "an encoding's message": ("manager-approved", "--input", "{}", "--input-meta", "encoding=json/protobuf"),
    "half a surrogate pair": ("manager-approved", "--input", '{"text": "\\ud800"}'),
    "a key with one": ("manager-approved", "--input", '{"\\ud800": 1}'),
    "Infinity": ("manager-approved", "--input", '{"n": 1e999}'),
    "too deep": ("manager-approved", "--input", '{"n": ' + "[" * 900 + "]" * 900 + "}"),
    "far too deep": ("manager-approved", "--input", '{"n": ' + "[" * 9000 + "]" * 9000 + "}"),
    "our delivery without a message": (contract.DELIVER,),
    "our delivery with another": (contract.DELIVER, "--input", '{"name": "manager-approved"}'),
    "our delivery with wrong types": (
        contract.DELIVER,
        "--input",
        '{"id": "1", "name": "manager-approved", "payload": {"n": "\\ud800"}, "has_payload": true}',
    ),
    "our snapshot": (contract.SNAPSHOT, "--input", "{}"),
    "a name of ours that is none": ("tidegate:no-such-thing",),
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_an_unusable_signal_harms_nothing(runs: Runs, address: str, case: str) -> None:
    name, *arguments = UNUSABLE[case]
    run_id = await runs.start(ASK if case == "no object" else FREE)
    await runs.parked(run_id)
    await signal(address, runs, run_id, name, *arguments)
    await assert_unharmed(runs, run_id, name)


@pytest.mark.parametrize("data", [b"\xff", b"{no json", b'{"n": NaN}', b'{"n": -Infinity}', b"1" * 5000])
async def test_what_only_other_clients_can_send_harms_nothing(runs: Runs, data: bytes) -> None:
    run_id = await runs.start(FREE)
    await runs.parked(run_id)
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    await runs.handle(run_id).signal("manager-approved", RawValue(payload))
    await assert_unharmed(runs, run_id, "manager-approved")


async def assert_unharmed(runs: Runs, run_id: str, name: str) -> None:
    """The message is put aside; the run goes on as if it had not come, also over continue-as-new."""
    parked = await eventually(lambda: runs.snapshot(run_id), lambda snapshot: bool(snapshot.quarantined))
    assert quarantined(parked) == [name]
    assert parked.waits[0].received == []
    assert_readable(parked)
    await renew(runs, run_id)
    await runs.handle(run_id).signal("manager-approved", {"approved": True})
    snapshot = await runs.ended(run_id)
    assert snapshot.data["approval"] == {"approved": True}
    assert quarantined(snapshot) == [name]
    assert_readable(snapshot)


async def test_our_delivery_by_hand_counts_once(runs: Runs, address: str) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    message = json.dumps({"id": "by-hand", "name": "go"})
    for _ in range(2):
        await signal(address, runs, run_id, contract.DELIVER, "--input", message)
    await eventually(lambda: runs.snapshot(run_id), lambda snapshot: snapshot.next_step == "second")
    assert (await runs.send(run_id, "go", id="by-hand")).duplicate
    assert (await runs.snapshot(run_id)).next_step == "second"
    await signal(address, runs, run_id, "go")
    await runs.ended(run_id)


async def test_continue_as_new_by_hand(runs: Runs, address: str) -> None:
    run_id = await runs.start(ASK)
    await runs.parked(run_id)
    before = (await runs.describe(run_id)).temporal_run_id
    await signal(address, runs, run_id, contract.CONTINUE_AS_NEW)
    await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != before and d.status == "running")
    await signal(address, runs, run_id, "manager-approved")
    await runs.ended(run_id)


async def test_an_event_for_a_step_to_come_is_kept(runs: Runs, address: str) -> None:
    run_id = await runs.start(block("first", first=wait("one", next="second"), second=wait("two")))
    await runs.parked(run_id)
    await signal(address, runs, run_id, "two", "--input", '{"n": 2}')
    await signal(address, runs, run_id, "one")
    assert (await runs.ended(run_id)).output == {"n": 2}


async def test_a_signal_before_any_worker_is_kept(address: str, temporal_client: Client) -> None:
    queue = f"test-{uuid.uuid4()}"
    waiting = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    run_id = await waiting.start(ASK)
    await signal(address, waiting, run_id, "manager-approved", "--input", '{"approved": true}')
    await signal(address, waiting, run_id, "manager-approved", "--input", '"no object"')
    async with runs_on(temporal_client, queue):
        snapshot = await waiting.ended(run_id)
    assert snapshot.data["approval"] == {"approved": True}


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
async def test_a_run_ended_by_hand_reads_as_cancelled_and_can_be_resumed(runs: Runs, address: str, verb: str) -> None:
    run_id = await runs.start(block("first", first=wait("one", next="second"), second=wait("two")))
    await runs.parked(run_id)
    await runs.send(run_id, "one", {"n": 1})
    await eventually(lambda: runs.snapshot(run_id), lambda snapshot: snapshot.next_step == "second")
    await temporal(address, "workflow", verb, "--workflow-id", runs.handle(run_id).id)
    snapshot = await runs.ended(run_id, "cancelled")
    assert (snapshot.waits, snapshot.next_step) == ([], None)
    assert (await runs.describe(run_id)).status == "cancelled"
    with pytest.raises(RunClosed):
        await runs.send(run_id, "two")
    await resumed(runs, run_id)
    assert (await runs.parked(run_id)).waits[0].step == "second"
    await runs.send(run_id, "two")
    await runs.ended(run_id)


async def resumed(runs: Runs, run_id: str) -> None:
    """Resume as a client does that is told to come again: the same request, until it is answered."""
    request_id = str(uuid.uuid4())

    async def asked() -> bool:
        try:
            await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id, request_id=request_id)
        except Unavailable:
            return False
        return True

    await eventually(asked, bool)


async def test_a_reset_applies_events_again_and_consumes_none_twice(runs: Runs, address: str) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    await signal(address, runs, run_id, "go", "--input", '{"n": 1}')
    await eventually(lambda: runs.snapshot(run_id), lambda snapshot: snapshot.next_step == "second")
    workflow_id, before = runs.handle(run_id).id, (await runs.describe(run_id)).temporal_run_id
    reset = ("workflow", "reset", "--workflow-id", workflow_id, "--type", "FirstWorkflowTask", "--reason", "try again")
    await temporal(address, *reset)
    await eventually(lambda: runs.describe(run_id), lambda d: d.temporal_run_id != before)
    parked = await eventually(lambda: runs.snapshot(run_id), lambda snapshot: snapshot.next_step == "second")
    assert [record.event for record in parked.records if record.event] == ["go"]
    assert (await runs.describe(run_id)).status == "running"
    with pytest.raises(NotResumable):
        await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_a_reset_of_an_ended_run_opens_it_again(runs: Runs, address: str) -> None:
    run_id = await runs.start(ASK)
    await runs.parked(run_id)
    await temporal(address, "workflow", "terminate", "--workflow-id", runs.handle(run_id).id)
    workflow_id = runs.handle(run_id).id
    await temporal(
        address, "workflow", "reset", "--workflow-id", workflow_id, "--type", "LastWorkflowTask", "--reason", "x"
    )
    assert (await runs.parked(run_id)).waits[0].events == ["manager-approved"]
    await signal(address, runs, run_id, "manager-approved")
    await runs.ended(run_id)


async def test_the_tool_shows_what_a_run_waits_for(runs: Runs, address: str) -> None:
    run_id = await runs.start(ASK)
    await runs.parked(run_id)
    workflow_id = runs.handle(run_id).id
    shown = await temporal(address, "workflow", "metadata", "--workflow-id", workflow_id)
    assert "manager-approved" in shown and "never" in shown
    state = await temporal(address, "workflow", "query", "--workflow-id", workflow_id, "--type", contract.SNAPSHOT)
    assert "manager-approved" in state
    await signal(address, runs, run_id, "manager-approved")
    await runs.ended(run_id)
