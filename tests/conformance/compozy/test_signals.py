"""POST /executions/workflows/{exec_id}/signals."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from definitions.contract import CONTINUE_AS_NEW
from tests.conformance.compozy.samples import gate, gives, wait, workflow
from tests.conformance.compozy.vendor import Json, Vendor, first_shape, problem
from tests.running import eventually


async def test_a_signal_wakes_the_task_that_waits_for_it(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    waiting = await vendor.waits(exec_id)
    assert waiting["tasks"]["gate"]["status"] == "WAITING"
    assert waiting["tasks"]["gate"]["output"] == {
        "wait_status": "waiting",
        "signal_name": "go",
        "timeout_seconds": None,
        "timeout_milliseconds": None,
        "deadline": "never",
    }
    response = await vendor.signal(exec_id, "go", {"status": "approved"})
    assert response.status_code == 200
    assert response.json() == {
        "status": 200,
        "message": "signal sent successfully",
        "data": {"message": "Signal sent successfully"},
    }
    ended = await vendor.ended(exec_id)
    assert ended["output"] == {"answer": {"status": "approved"}}
    output = ended["tasks"]["gate"]["output"]
    assert (output["wait_status"], output["processor_output"]) == ("completed", None)
    assert output["signal"]["payload"] == {"status": "approved"}
    metadata = output["signal"]["metadata"]
    assert set(metadata) == {"signal_id", "received_at_utc", "workflow_id", "source"}
    assert (len(metadata["signal_id"]), metadata["workflow_id"], metadata["source"]) == (27, "gate-flow", "api")


async def test_a_signal_without_a_payload_has_an_empty_one(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.signalled(exec_id, "go")
    assert (await vendor.ended(exec_id))["output"] == {"answer": {}}


async def test_a_signal_that_comes_before_its_wait_is_kept_for_it_in_order(vendor: Vendor) -> None:
    late = workflow(
        "late", wait("first", "begin", "second"), wait("second", "go", "third"), wait("third", "go"),
        outputs={"seen": ["{{ .tasks.second.output.signal.payload.n }}", "{{ .tasks.third.output.signal.payload.n }}"]},
    )  # fmt: skip
    await vendor.put(late)
    exec_id = await vendor.start("late")
    for number in (1, 2):
        await vendor.signalled(exec_id, "go", {"n": number})
    assert (await vendor.waits(exec_id, "first"))["tasks"].keys() == {"first"}
    await vendor.signalled(exec_id, "begin")
    assert (await vendor.ended(exec_id))["output"] == {"seen": [1, 2]}


async def test_a_signal_that_nobody_waits_for_is_taken_and_changes_nothing(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.signalled(exec_id, "nobody-waits-for-this", {"a": 1})
    assert (await vendor.waits(exec_id))["status"] == "PAUSED"
    await vendor.signalled(exec_id, "go", {"b": 2})
    assert (await vendor.ended(exec_id))["output"] == {"answer": {"b": 2}}


async def test_a_signal_that_fails_the_condition_is_used_up_and_the_wait_goes_on(vendor: Vendor) -> None:
    await vendor.put(
        workflow("ready", wait(condition='signal.payload.status == "ready"'),
                 outputs={"by": "{{ .tasks.gate.output.signal.payload.by }}"})
    )  # fmt: skip
    exec_id = await vendor.start("ready")
    await vendor.waits(exec_id)
    await vendor.signalled(exec_id, "go", {"status": "pending", "by": "ann"})
    assert (await vendor.waits(exec_id))["tasks"]["gate"]["status"] == "WAITING"
    await vendor.signalled(exec_id, "go", {"status": "ready", "by": "bob"})
    assert (await vendor.ended(exec_id))["output"] == {"by": "bob"}


async def test_without_a_key_every_signal_is_one_of_its_own(vendor: Vendor) -> None:
    await vendor.put(workflow("two", wait("first", "go", "second"), wait("second", "go")))
    exec_id = await vendor.start("two")
    for _ in range(2):
        await vendor.signalled(exec_id, "go", {"same": True})
    await vendor.ended(exec_id)


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Idempotency-Key", None])
async def test_the_same_idempotency_key_is_one_signal(vendor: Vendor, header: str | None) -> None:
    await vendor.put(workflow("two", wait("first", "go", "second"), wait("second", "go")))
    exec_id = await vendor.start("two")
    for _ in range(2):
        body: Json = {"signal_name": "go", "payload": {"n": 1}}
        headers = {} if header is None else {header: "k"}
        body |= {"idempotency_key": "k"} if header is None else {}
        await vendor.ok("POST", f"/executions/workflows/{exec_id}/signals", body, headers=headers)
    assert (await vendor.waits(exec_id, "second"))["tasks"]["first"]["status"] == "SUCCESS"
    await vendor.signalled(exec_id, "go", {"n": 2}, headers={"Idempotency-Key": "another"})
    await vendor.ended(exec_id)
    # A repetition of what the execution has taken is answered as it was the first time, though it has ended.
    await vendor.signalled(exec_id, "go", {"n": 2}, headers={"Idempotency-Key": "another"})
    first_shape(await vendor.signal(exec_id, "go", headers={"Idempotency-Key": "new"}), 404, "NOT_FOUND")


async def test_an_idempotency_key_is_remembered_by_an_execution_that_has_gone_on_elsewhere_and_ended(
    vendor: Vendor, temporal_client: Client
) -> None:
    """Temporal itself remembers updates for one execution of its own, but not over continue-as-new."""
    await vendor.put(workflow("two", wait("first", "go", "second"), wait("second", "on")))
    exec_id = await vendor.start("two")
    key = {"Idempotency-Key": "k"}
    await vendor.signalled(exec_id, "go", {"n": 1}, headers=key)
    await vendor.waits(exec_id, "second")
    handle = temporal_client.get_workflow_handle(vendor.workflow_id(exec_id))
    before = (await handle.describe()).run_id
    await handle.signal(CONTINUE_AS_NEW)
    await eventually(handle.describe, lambda found: found.run_id != before)
    await vendor.signalled(exec_id, "on")
    await vendor.ended(exec_id)
    await vendor.signalled(exec_id, "go", {"n": 1}, headers=key)
    first_shape(await vendor.signal(exec_id, "go", headers={"Idempotency-Key": "new"}), 404, "NOT_FOUND")


async def test_many_signals_at_once_are_each_taken_once(vendor: Vendor) -> None:
    names = [f"t{number}" for number in range(20)]
    tasks = [wait(name, "go", following) for name, following in zip(names, [*names[1:], None], strict=True)]
    seen = ["{{ .tasks." + name + ".output.signal.payload.n }}" for name in names]
    await vendor.put(workflow("many", *tasks, outputs={"n": seen}))
    exec_id = await vendor.start("many")
    await asyncio.gather(*(vendor.signalled(exec_id, "go", {"n": number}) for number in range(20)))
    assert sorted((await vendor.ended(exec_id))["output"]["n"]) == list(range(20))


async def test_a_finished_execution_is_not_found(vendor: Vendor) -> None:
    await vendor.put(workflow("done", gives("a", {"b": 1})))
    exec_id = await vendor.start("done")
    await vendor.ended(exec_id)
    error = first_shape(await vendor.signal(exec_id, "go", {}), 404, "NOT_FOUND", "execution not found")
    assert error["details"] == "the execution has ended: SUCCESS"


@pytest.mark.parametrize(
    "exec_id", ["exec_123", "2Z4PVTL6K27XVT4A3NPKMDD5BG", "2Z4PVTL6K27XVT4A3NPKMDD5BGa", "x", "%2F"]
)
async def test_an_unknown_execution_is_not_found_whatever_its_id_looks_like(vendor: Vendor, exec_id: str) -> None:
    first_shape(await vendor.signal(exec_id, "go", {}), 404, "NOT_FOUND", "execution not found")


async def test_an_execution_of_another_organisation_is_not_found(vendor: Vendor, other: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    first_shape(await other.signal(exec_id, "go", {}), 404, "NOT_FOUND", "execution not found")
    assert (await vendor.waits(exec_id))["status"] == "PAUSED"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.signal_name"),
        ({"signal_name": ""}, "$.signal_name"),
        ({"signal_name": 7}, "$.signal_name"),
        ({"signal_name": "a\nb"}, "$.signal_name"),
        ({"signal_name": "go", "payload": "text"}, "$.payload"),
        ({"signal_name": "go", "payload": [1]}, "$.payload"),
        ({"signal_name": "go", "idempotency_key": 7}, "$.idempotency_key"),
    ],
)
async def test_a_bad_signal_is_refused(vendor: Vendor, body: Json, path: str) -> None:
    response = await vendor.send("POST", "/executions/workflows/exec_123/signals", body)
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"go"', b"signal_name=go", b'{"signal_name": "\xff"}'])
async def test_a_body_that_is_no_json_is_refused(vendor: Vendor, content: bytes) -> None:
    response = await vendor.send("POST", "/executions/workflows/exec_123/signals", content=content)
    problem(response, 400, "REQUEST_INVALID")


async def test_keys_that_are_not_known_are_passed_over(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    body = {"signal_name": "go", "payload": {}, "extra": 1}
    await vendor.ok("POST", f"/executions/workflows/{exec_id}/signals", body)
    await vendor.ended(exec_id)
