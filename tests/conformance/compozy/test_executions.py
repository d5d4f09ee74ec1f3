"""Executions: start, read, list, cancel, pause and resume."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.compozy.samples import gate, gives, quick, wait, workflow
from tests.conformance.compozy.vendor import ENDED, Json, Vendor, first_shape, problem
from tests.running import eventually

TYPED: Json = {"input": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}


async def test_a_start_is_answered_as_documented(vendor: Vendor) -> None:
    await vendor.put(quick())
    response = await vendor.send("POST", "/workflows/quick/executions", {"input": {"name": "ann"}})
    body = response.json()
    exec_id = body["data"]["exec_id"]
    url = f"/api/v0/executions/workflows/{exec_id}"
    assert (response.status_code, body["message"]) == (202, "workflow triggered successfully")
    assert body["data"] == {
        "exec_url": url,
        "exec_id": exec_id,
        "workflow_id": "quick",
        "execution_id": exec_id,
        "status": "PENDING",
    }
    assert response.headers["location"] == url
    assert (len(exec_id), exec_id.isalnum()) == (27, True)
    assert (await vendor.ended(exec_id))["tasks"]["hello"]["output"] == {"text": "hello ann"}


async def test_an_execution_has_the_documented_fields(vendor: Vendor) -> None:
    await vendor.put(quick(outputs={"said": "{{ .tasks.hello.output.text }}"}))
    exec_id = await vendor.start("quick", {"name": "ann"})
    execution = await vendor.ended(exec_id)
    task = execution.pop("tasks")["hello"]
    assert execution == {
        "workflow_id": "quick",
        "workflow_exec_id": exec_id,
        "status": "SUCCESS",
        "input": {"name": "ann"},
        "output": {"said": "hello ann"},
        "error": None,
    }
    assert task.keys() == {
        "component", "status", "task_id", "task_exec_id", "workflow_id", "workflow_exec_id", "execution_type", "output",
        "created_at", "updated_at",
    }  # fmt: skip
    assert (task["status"], task["task_id"], task["execution_type"]) == ("SUCCESS", "hello", "basic")
    assert len(task["task_exec_id"]) == 27


async def test_without_outputs_the_output_is_that_of_every_task(vendor: Vendor) -> None:
    await vendor.put(quick())
    execution = await vendor.ended(await vendor.start("quick", {"name": "ann"}))
    assert execution["output"] == {"hello": {"output": {"text": "hello ann"}}}


async def test_an_input_that_does_not_fit_is_refused_and_starts_nothing(vendor: Vendor) -> None:
    await vendor.put(quick(config=TYPED))
    for path in ("/workflows/quick/executions", "/workflows/quick/executions/sync"):
        error = first_shape(await vendor.send("POST", path, {"input": {"name": 7}}), 400, "BAD_REQUEST")
        assert error["details"].startswith("$.name")
        first_shape(await vendor.send("POST", path), 400, "BAD_REQUEST")
    assert await vendor.executions() == []


async def test_an_unknown_workflow_is_not_found(vendor: Vendor) -> None:
    for path in ("/workflows/nobody/executions", "/workflows/nobody/executions/sync"):
        first_shape(await vendor.send("POST", path, {"input": {}}), 404, "NOT_FOUND", "workflow not found")
    assert await vendor.executions("nobody") == []


async def test_a_start_with_a_task(vendor: Vendor) -> None:
    await vendor.put(workflow("steps", gives("a", {"n": 1}, "b"), gives("b", {"n": 2})))
    data = await vendor.ok("POST", "/workflows/steps/executions", {"task_id": "b"}, 202)
    assert (await vendor.ended(data["exec_id"]))["tasks"].keys() == {"b"}
    response = await vendor.send("POST", "/workflows/steps/executions", {"task_id": "c"})
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == ["$.task_id"]


@pytest.mark.parametrize(
    ("body", "path"), [({"input": []}, "$.input"), ({"input": "x"}, "$.input"), ({"task_id": 7}, "$.task_id")]
)
async def test_a_bad_start_is_refused(vendor: Vendor, body: Json, path: str) -> None:
    await vendor.put(quick())
    response = await vendor.send("POST", "/workflows/quick/executions", body)
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == [path]


async def test_the_same_idempotency_key_starts_once(vendor: Vendor) -> None:
    await vendor.put(quick())
    body, headers = {"input": {"name": "ann"}}, {"Idempotency-Key": "k"}
    path = "/workflows/quick/executions"
    answers = await asyncio.gather(*(vendor.ok("POST", path, body, 202, headers=headers) for _ in range(5)))
    assert len({one["exec_id"] for one in answers}) == 1
    other = {"input": {"name": "bob"}}
    first_shape(await vendor.send("POST", path, other, headers=headers), 409, "CONFLICT")
    first_shape(await vendor.send("POST", path + "/sync", other, headers=headers), 409, "CONFLICT")


async def test_a_correlation_id_is_given_back_and_is_no_idempotency_key(vendor: Vendor) -> None:
    await vendor.put(quick())
    found = []
    for _ in range(2):
        response = await vendor.send(
            "POST", "/workflows/quick/executions", {"input": {"name": "ann"}}, headers={"X-Correlation-ID": "trace-1"}
        )
        assert response.headers["x-correlation-id"] == "trace-1"
        found.append(response.json()["data"]["exec_id"])
    assert found[0] != found[1]


# --- in one request ---


async def test_a_synchronous_execution_answers_with_its_end(vendor: Vendor) -> None:
    await vendor.put(quick(outputs={"said": "{{ .tasks.hello.output.text }}"}))
    data = await vendor.ok("POST", "/workflows/quick/executions/sync", {"input": {"name": "ann"}})
    assert data.keys() == {"workflow", "output", "exec_id"}
    assert (data["output"], data["workflow"]["status"]) == ({"said": "hello ann"}, "SUCCESS")
    assert data["workflow"] == await vendor.execution(data["exec_id"])


async def test_a_synchronous_execution_that_fails_is_answered_with_its_error(vendor: Vendor) -> None:
    await vendor.put(workflow("bad", gives("a", {"x": "{{ .tasks.a.output.nothing.there }}"})))
    data = await vendor.ok("POST", "/workflows/bad/executions/sync")
    assert data.keys() == {"workflow", "exec_id"}
    assert data["workflow"]["status"] == "FAILED"
    assert data["workflow"]["error"]["code"] == "workflow_execution_error"
    assert data["workflow"]["error"]["details"]["task_id"] == "a"
    assert data["workflow"]["tasks"]["a"]["status"] == "FAILED"
    assert data["workflow"]["tasks"]["a"]["error"]["message"]


async def test_a_synchronous_execution_that_takes_too_long_goes_on(vendor: Vendor) -> None:
    await vendor.put(gate())
    response = await vendor.send("POST", "/workflows/gate-flow/executions/sync", {"timeout": 0.3})
    first_shape(response, 408, "REQUEST_TIMEOUT", "execution timeout")
    data = response.json()["data"]
    assert data["workflow"]["status"] == "PAUSED"
    await vendor.signalled(data["exec_id"], "go", {})
    await vendor.ended(data["exec_id"])


@pytest.mark.parametrize("timeout", [301, -1, "60", True])
async def test_a_bad_timeout_is_refused(vendor: Vendor, timeout: object) -> None:
    await vendor.put(quick())
    response = await vendor.send("POST", "/workflows/quick/executions/sync", {"timeout": timeout})
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == ["$.timeout"]


# --- lists ---


async def test_lists_newest_first_with_their_status(vendor: Vendor) -> None:
    for one in (quick(), gate()):
        await vendor.put(one)
    first = await vendor.start("quick", {"name": "ann"})
    await vendor.ended(first)
    second = await vendor.start("gate-flow")
    await vendor.waits(second)
    rows = await eventually(
        lambda: vendor.executions(), lambda rows: [r["status"] for r in rows] == ["PAUSED", "SUCCESS"]
    )
    assert [row["workflow_exec_id"] for row in rows] == [second, first]
    assert [row["workflow_exec_id"] for row in await vendor.executions("quick")] == [first]
    assert rows[0].keys() == {"workflow_id", "workflow_exec_id", "status", "input", "output", "error", "tasks"}
    assert len((await vendor.ok("GET", "/executions/workflows", params={"limit": 1}))["executions"]) == 1


async def test_a_list_with_details_has_whole_executions(vendor: Vendor) -> None:
    for one in (quick(), gate()):
        await vendor.put(one)
    ids = [await vendor.start("quick", {"name": "ann"}), await vendor.start("gate-flow", {"n": 1})]
    await vendor.ended(ids[0])
    await vendor.waits(ids[1])
    await eventually(lambda: vendor.executions(), lambda rows: len(rows) == 2)
    rows = (await vendor.ok("GET", "/executions/workflows", params={"expand": "details"}))["executions"]
    assert rows == [await vendor.execution(one) for one in reversed(ids)]


@pytest.mark.parametrize("limit", ["0", "501", "x"])
async def test_a_bad_limit_is_refused(vendor: Vendor, limit: str) -> None:
    response = await vendor.send("GET", "/executions/workflows", params={"limit": limit})
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == ["limit"]


async def test_an_organisation_sees_its_own_executions_only(vendor: Vendor, other: Vendor) -> None:
    await vendor.put(quick())
    exec_id = await vendor.start("quick", {"name": "ann"})
    await vendor.ended(exec_id)
    assert await other.executions() == []
    assert await other.executions("quick") == []
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/pause"), ("POST", "/resume"), ("GET", "/stream")):
        response = await other.send(method, f"/executions/workflows/{exec_id}{path}")
        first_shape(response, 404, "NOT_FOUND", "execution not found")


# --- cancel, pause, resume ---


async def test_cancel(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    response = await vendor.send("POST", f"/executions/workflows/{exec_id}/cancel")
    assert (response.status_code, response.json()) == (200, {"status": 200, "message": "workflow execution canceled"})
    execution = await vendor.ended(exec_id, "CANCELED")
    assert (execution["error"], execution["output"]) == (None, None)
    assert execution["tasks"]["gate"]["status"] == "CANCELED"
    for path in ("cancel", "pause", "resume"):
        response = await vendor.send("POST", f"/executions/workflows/{exec_id}/{path}")
        error = first_shape(response, 404, "NOT_FOUND", "execution not found")
        assert error["details"] == "the execution has ended: CANCELED"
    first_shape(await vendor.signal(exec_id, "go"), 404, "NOT_FOUND", "execution not found")


@pytest.mark.parametrize("path", ["", "/cancel", "/pause", "/resume", "/stream"])
async def test_an_unknown_execution_is_not_found(vendor: Vendor, path: str) -> None:
    method = "GET" if path in ("", "/stream") else "POST"
    response = await vendor.send(method, f"/executions/workflows/exec_123{path}")
    first_shape(response, 404, "NOT_FOUND", "execution not found")


async def test_a_paused_execution_begins_no_task_and_goes_on_when_resumed(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    for _ in range(2):
        response = await vendor.send("POST", f"/executions/workflows/{exec_id}/pause")
        assert (response.status_code, response.json()["message"]) == (200, "workflow execution paused")
    await vendor.signalled(exec_id, "go", {"n": 1})
    held = await eventually(lambda: vendor.execution(exec_id), lambda one: one["tasks"]["gate"]["status"] == "SUCCESS")
    assert held["status"] == "PAUSED"
    assert held["tasks"].get("told", {}).get("status") != "SUCCESS"
    response = await vendor.send("POST", f"/executions/workflows/{exec_id}/resume")
    assert (response.status_code, response.json()["message"]) == (200, "workflow execution resumed")
    assert (await vendor.ended(exec_id))["output"] == {"answer": {"n": 1}}


async def test_an_execution_that_waits_is_paused_and_runs_again_afterwards(vendor: Vendor) -> None:
    await vendor.put(workflow("two", wait("first", "go", "second"), wait("second", "on", "end"), gives("end", {})))
    exec_id = await vendor.start("two")
    await vendor.waits(exec_id, "first")
    await vendor.signalled(exec_id, "go")
    execution = await vendor.waits(exec_id, "second")
    assert {name: task["status"] for name, task in execution["tasks"].items()} == {
        "first": "SUCCESS",
        "second": "WAITING",
    }
    await vendor.signalled(exec_id, "on")
    assert (await vendor.ended(exec_id))["status"] in ENDED
