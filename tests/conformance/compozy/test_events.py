"""POST /events: triggers, targets, correlation keys."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from tests.conformance.compozy.samples import gate, gives, wait, workflow
from tests.conformance.compozy.vendor import Json, Vendor, first_shape
from tests.conformance.stack import Stack
from tests.running import eventually
from worker.client import TidegateClient


def listener(name: str, event: str = "order.paid", **more: Json) -> Json:
    trigger = {"type": "signal", "name": event, **more}
    return workflow(name, gives("got", {"n": "{{ .workflow.input.n }}"}), triggers=[trigger])


async def started(vendor: Vendor, workflow: str, count: int = 1) -> list[Json]:
    """The executions of a workflow, once there are as many."""
    rows = await eventually(lambda: vendor.executions(workflow), lambda rows: len(rows) == count)
    return [await vendor.ended(row["workflow_exec_id"]) for row in rows]


async def test_an_event_starts_the_workflow_with_its_trigger(vendor: Vendor) -> None:
    await vendor.put(listener("biller"))
    response = await vendor.send("POST", "/events", {"name": "order.paid", "payload": {"n": 7}})
    assert (response.status_code, response.json()["message"]) == (202, "event received")
    assert len(response.json()["data"]["event_id"]) == 27
    (execution,) = await started(vendor, "biller")
    assert execution["input"] == {"n": 7}
    assert execution["tasks"]["got"]["output"] == {"n": 7}


async def test_several_workflows_may_listen_to_one_name(vendor: Vendor) -> None:
    for name in ("biller", "shipper"):
        await vendor.put(listener(name))
    await vendor.event("order.paid", {"n": 1})
    for name in ("biller", "shipper"):
        assert len(await started(vendor, name)) == 1


async def test_without_a_key_every_event_starts_executions_of_its_own(vendor: Vendor) -> None:
    await vendor.put(listener("biller"))
    sent = [await vendor.event("order.paid", {"n": 1}) for _ in range(3)]
    assert len(set(sent)) == 3
    await started(vendor, "biller", 3)


@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Idempotency-Key", None])
async def test_the_same_idempotency_key_is_one_event(vendor: Vendor, header: str | None) -> None:
    await vendor.put(listener("biller"))
    body: Json = {"name": "order.paid", "payload": {"n": 1}} | ({} if header else {"idempotency_key": "k"})
    headers = {header: "k"} if header else {}
    answers = await asyncio.gather(*(vendor.ok("POST", "/events", body, 202, headers=headers) for _ in range(5)))
    assert len({one["event_id"] for one in answers}) == 1
    await started(vendor, "biller")
    conflict = await vendor.send("POST", "/events", body | {"payload": {"n": 2}}, headers=headers)
    first_shape(conflict, 409, "CONFLICT")


async def test_a_name_that_nobody_listens_to_is_told(vendor: Vendor) -> None:
    await vendor.put(listener("biller"))
    error = first_shape(await vendor.send("POST", "/events", {"name": "order.payed", "payload": {}}), 404, "NOT_FOUND")
    assert error["message"] == "no workflow has a trigger for the event 'order.payed'"


async def test_a_payload_that_fits_no_listener_is_told_and_starts_nothing(vendor: Vendor) -> None:
    schema: Json = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    await vendor.put(listener("biller", schema=schema))
    response = await vendor.send("POST", "/events", {"name": "order.paid", "payload": {"n": "seven"}})
    error = first_shape(response, 400, "BAD_REQUEST")
    assert "biller" in error["details"]
    await vendor.event("order.paid", {"n": 1})
    assert [one["input"] for one in await started(vendor, "biller")] == [{"n": 1}]


async def test_a_listener_that_it_does_not_fit_is_no_hindrance_to_the_others(vendor: Vendor) -> None:
    schema: Json = {"type": "object", "required": ["absent"]}
    await vendor.put(listener("strict", schema=schema))
    await vendor.put(listener("loose"))
    await vendor.event("order.paid", {"n": 1})
    await started(vendor, "loose")
    assert await vendor.executions("strict") == []


async def test_a_running_wait_is_not_reached_without_key_or_target(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    first_shape(await vendor.send("POST", "/events", {"name": "go", "payload": {}}), 404, "NOT_FOUND")
    assert (await vendor.waits(exec_id))["status"] == "PAUSED"


async def test_a_target_is_reached_like_by_a_signal(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id, bystander = await vendor.start("gate-flow"), await vendor.start("gate-flow")
    await vendor.event("go", {"x": 1}, exec_id=exec_id)
    assert (await vendor.ended(exec_id))["output"] == {"answer": {"x": 1}}
    await vendor.waits(bystander)
    for target in (exec_id, "exec_123"):
        response = await vendor.send("POST", "/events", {"name": "go", "exec_id": target})
        first_shape(response, 404, "NOT_FOUND", "execution not found")


@pytest.mark.parametrize("early", [False, True])
async def test_a_correlation_key_reaches_the_wait_that_has_it(vendor: Vendor, early: bool) -> None:
    keyed = workflow(
        "keyed", wait(signal="paid", correlation_key="order:{{ .workflow.input.id }}"),
        outputs={"amount": "{{ .tasks.gate.output.signal.payload.amount }}"},
    )  # fmt: skip
    await vendor.put(keyed)
    if early:
        await vendor.event("paid", {"amount": 12}, correlation_key="order:7")
    exec_id, bystander = await vendor.start("keyed", {"id": "7"}), await vendor.start("keyed", {"id": "8"})
    if not early:
        await vendor.waits(exec_id)
        await vendor.event("paid", {"amount": 12}, correlation_key="order:7", idempotency_key="k")
        await vendor.event("paid", {"amount": 12}, correlation_key="order:7", idempotency_key="k")
    assert (await vendor.ended(exec_id))["output"] == {"amount": 12}
    await vendor.waits(bystander)


async def test_an_event_reaches_its_own_organisation_only(vendor: Vendor, other: Vendor) -> None:
    for client in (vendor, other):
        await client.put(listener("biller"))
    await vendor.event("order.paid", {"n": 1})
    await started(vendor, "biller")
    assert await other.executions() == []


async def test_a_deleted_workflow_listens_no_more(vendor: Vendor) -> None:
    await vendor.put(listener("biller"))
    assert (await vendor.send("DELETE", "/workflows/biller")).status_code == 204
    first_shape(await vendor.send("POST", "/events", {"name": "order.paid"}), 404, "NOT_FOUND")
    await vendor.put(listener("biller"), 201)
    await vendor.event("order.paid", {"n": 1})
    await started(vendor, "biller")


async def test_a_changed_trigger_counts_at_once(vendor: Vendor) -> None:
    await vendor.put(listener("biller"))
    await vendor.put(listener("biller", "order.settled"), 200)
    first_shape(await vendor.send("POST", "/events", {"name": "order.paid"}), 404, "NOT_FOUND")
    await vendor.event("order.settled", {"n": 1})
    await started(vendor, "biller")


async def test_workflows_that_listen_no_more_are_not_asked(
    vendor: Vendor, temporal_client: Client, keyed_stack: Stack
) -> None:
    client = TidegateClient(temporal_client, keyed_stack.queue)

    async def asked(event: str) -> int:
        return len(await client.may_hear("compozy", vendor.organisation, event))

    await vendor.put(listener("biller"))
    assert await asked("order.paid") == 1
    await vendor.put(listener("biller", "order.settled"), 200)
    assert (await asked("order.paid"), await asked("order.settled")) == (0, 1)
    await vendor.send("DELETE", "/workflows/biller")
    assert await asked("order.settled") == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.name"),
        ({"name": ""}, "$.name"),
        ({"name": 7}, "$.name"),
        ({"name": "x" * 201}, "$.name"),
        ({"name": "a", "payload": "text"}, "$.payload"),
        ({"name": "a", "correlation_key": 7}, "$.correlation_key"),
        ({"name": "a", "correlation_key": ""}, "$.correlation_key"),
        ({"name": "a", "exec_id": 7}, "$.exec_id"),
    ],
)
async def test_a_bad_event_is_refused(vendor: Vendor, body: Json, path: str) -> None:
    error = first_shape(await vendor.send("POST", "/events", body), 400, "BAD_REQUEST", "Invalid event format")
    assert error["details"].startswith(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"name=order.paid"])
async def test_a_body_that_is_no_json_is_refused(vendor: Vendor, content: bytes) -> None:
    response = await vendor.send("POST", "/events", content=content)
    first_shape(response, 400, "BAD_REQUEST", "Invalid event format")
