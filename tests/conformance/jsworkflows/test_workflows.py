"""Managing workflows: create, validate, read, update, activate, delete, secrets, permissions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.conformance.jsworkflows.conftest import READER, Linking, keyed
from tests.conformance.jsworkflows.vendor import Vendor, code, details, steps, vendor_of
from tests.conformance.stack import adapter
from worker.sandbox import launch

PLAIN = """export class Workflow {
  async start(data) { return { version: 1 }; }
  async other() {}
}"""


async def test_a_workflow_begins_inactive(vendor: Vendor) -> None:
    made = await vendor.create(code("plain", PLAIN))
    assert (made["name"], made["active"], made["version"]) == ("plain", False, 1)
    assert (await vendor.trigger(made, {})).status_code == 404
    active = await vendor.ok("POST", f"/workflows/{made['id']}/activate")
    assert active == made | {"active": True}
    assert await vendor.ok("POST", f"/workflows/{made['id']}/activate") == active
    assert (await vendor.trigger(active, {})).json() == {"version": 1}
    assert await vendor.ok("POST", f"/workflows/{made['id']}/deactivate") == made
    assert (await vendor.trigger(made, {})).status_code == 404


async def test_it_is_read_as_it_was_registered(vendor: Vendor) -> None:
    workflow = code("plain", PLAIN, "API_KEY")
    made = await vendor.create(workflow)
    read = await vendor.ok("GET", f"/workflows/{made['id']}")
    assert {key: read[key] for key in workflow} == workflow
    assert sorted(read["methods"]) == ["other", "start"]
    # What was read can be sent back as it is, but for what the server says of it.
    sent = {key: read[key] for key in ("name", "trigger", "source", "secrets", "methods")}
    assert await vendor.ok("PUT", f"/workflows/{made['id']}", sent) == made


async def test_names_are_unique_among_those_not_deleted(vendor: Vendor, other: Vendor) -> None:
    workflow = steps("flow", start=[])
    answers = await asyncio.gather(*(vendor.send("POST", "/workflows", workflow) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    made = next(answer.json() for answer in answers if answer.status_code == 201)
    await other.create(workflow)
    assert await vendor.ok("DELETE", f"/workflows/{made['id']}") == {"ok": True, "id": made["id"]}
    assert (await vendor.send("GET", f"/workflows/{made['id']}")).status_code == 404
    assert (await vendor.ok("GET", "/workflows"))["workflows"] == []
    again = await vendor.create(workflow)
    assert (again["active"], again["triggerUrl"] != made["triggerUrl"]) == (False, True)


async def test_workflows_are_listed(vendor: Vendor) -> None:
    made = [await vendor.create(steps(name, start=[])) for name in ("b", "a")]
    listed = (await vendor.ok("GET", "/workflows"))["workflows"]
    assert listed == made[::-1]


async def test_an_update_is_for_new_runs(vendor: Vendor) -> None:
    waits = {"waitForEvent": {"action": "next", "payload": {}}, "as": "link"}
    first = steps("flow", start=[waits, {"return": {"url": "${link.resumeUrl}"}}], next=[{"log": "old"}])
    workflow = await vendor.live(first)
    answer = await vendor.trigger(workflow, {})
    updated = await vendor.ok("PUT", f"/workflows/{workflow['id']}", steps("flow", start=[{"return": {"v": 2}}]))
    assert updated == workflow | {"version": 2}
    assert (await vendor.trigger(workflow, {})).json() == {"v": 2}
    assert (await vendor.http.post(answer.json()["url"])).json() == {"ok": True}
    run = await vendor.ended(answer.headers["x-run-id"])
    assert (run["version"], run["steps"][1]["logs"]) == (1, ["old"])
    renamed = await vendor.send("PUT", f"/workflows/{workflow['id']}", steps("other", start=[]))
    assert details(renamed) == [("request-invalid", "$.name")]


async def test_runs_outlive_their_workflow(vendor: Vendor) -> None:
    waits = {"waitForEvent": {"action": "next", "payload": {}}, "as": "link"}
    workflow = await vendor.live(steps("flow", start=[waits, {"return": {"url": "${link.resumeUrl}"}}], next=[]))
    answer = await vendor.trigger(workflow, {})
    await vendor.ok("DELETE", f"/workflows/{workflow['id']}")
    assert (await vendor.http.post(answer.json()["url"])).json() == {"ok": True}
    await vendor.ended(answer.headers["x-run-id"])


async def test_validation_keeps_nothing(vendor: Vendor) -> None:
    for path in ("/workflows/validate", "/workflows?dryRun=true"):
        assert (await vendor.ok("POST", path, code("plain", PLAIN)))["valid"] is True
        assert details(await vendor.send("POST", path, steps("flow"))) == [("start-missing", "$.steps")]
    assert (await vendor.ok("GET", "/workflows"))["workflows"] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("export class Workflow { async start( { }", ("code-invalid", "$.source")),
        ("export class Workflow { async begin() { this.start() } }", ("code-invalid", "$.source")),
        ("// class Workflow start\nexport const x = 1", ("code-invalid", "$.source")),
        ("export class Flow { async start() {} }", ("class-missing", "$.source")),
    ],
)
async def test_bad_source(vendor: Vendor, source: str, found: tuple[str, str]) -> None:
    assert details(await vendor.send("POST", "/workflows", code("bad", source))) == [found]


async def test_other_triggers_are_unsupported(vendor: Vendor) -> None:
    refused = await vendor.send("POST", "/workflows", code("x", PLAIN) | {"trigger": {"type": "shopify"}})
    assert details(refused) == [("trigger-unsupported", "$.trigger.type")]
    assert refused.json()["details"][0]["unsupported"] is True


async def test_without_a_worker(vendor: Vendor, linking: Linking) -> None:
    """Which methods a class has is found out by a worker; without one none of it is registered."""
    async with adapter(linking.stack.temporal, settings=keyed()) as alone:
        url, headers = f"{alone.address}/jsworkflows/workflows/validate", {"authorization": f"Bearer {vendor.token}"}
        assert (await vendor.http.post(url, json=code("plain", PLAIN), headers=headers)).status_code == 503
        assert (await vendor.http.post(url, json=steps("plain", start=[]), headers=headers)).status_code == 200


async def test_without_a_sandbox(vendor: Vendor, linking: Linking, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise launch.SandboxUnavailable("unsupported: no Deno")

    monkeypatch.setattr(launch, "deno", none)
    launch.command.cache_clear()
    try:
        async with adapter(linking.stack.temporal, settings=keyed()) as poor, poor.worker():
            url, key = f"{poor.address}/jsworkflows/workflows/validate", {"authorization": f"Bearer {vendor.token}"}
            refused = await vendor.http.post(url, json=code("plain", PLAIN), headers=key)
            taken = await vendor.http.post(url, json=steps("plain", start=[]), headers=key)
    finally:
        launch.command.cache_clear()
    assert details(refused) == [("code-unsupported", "$.source")]
    assert refused.json()["details"][0]["unsupported"] is True
    assert taken.status_code == 200


async def test_secrets_are_not_shown(vendor: Vendor) -> None:
    workflow = await vendor.live(steps("keyed", ("API_KEY",), start=[{"return": {"key": "${env.API_KEY}"}}]))
    answer = await vendor.trigger(workflow, {})
    assert (answer.status_code, "API_KEY" in answer.json()["error"]) == (500, True)
    path = f"/workflows/{workflow['id']}/secrets/API_KEY"
    assert await vendor.ok("PUT", path, {"value": "hidden-value-1"}) == {"ok": True, "name": "API_KEY"}
    assert "hidden-value-1" not in (await vendor.trigger(workflow, {})).text
    assert details(await vendor.send("PUT", path, {"value": ""})) == [("request-invalid", "$.value")]
    assert (await vendor.send("PUT", path.lower(), {"value": "x"})).status_code == 422


async def test_a_server_without_keys_keeps_no_secrets(vendor: Vendor, linking: Linking) -> None:
    workflow = await vendor.create(steps("keyed", start=[]))
    without = replace(keyed(), secret_keys=())
    async with (
        adapter(linking.stack.temporal, queue=linking.stack.queue, settings=without) as served,
        vendor_of(served, vendor.token, vendor.organisation) as keyless,
    ):
        answer = await keyless.send("PUT", f"/workflows/{workflow['id']}/secrets/API_KEY", {"value": "hidden-1"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "TIDEGATE_SECRET_KEYS" in answer.json()["error"]
    assert "hidden-1" not in answer.text


async def test_another_organisation_sees_nothing(vendor: Vendor, other: Vendor) -> None:
    workflow = await vendor.live(steps("flow", start=[]))
    run_id = await vendor.started(workflow, {})
    path = f"/workflows/{workflow['id']}"
    tries = [("GET", path), ("DELETE", path), ("POST", path + "/activate"), ("POST", path + "/rotate-trigger"),
             ("POST", path + "/test"), ("GET", f"/runs/{run_id}")]  # fmt: skip
    for method, where in tries:
        assert (await other.send(method, where)).status_code == 404
    assert await other.runs() == []


async def test_keys_and_permissions(vendor: Vendor) -> None:
    anonymous = await vendor.http.get("/jsworkflows/workflows")
    assert (anonymous.status_code, anonymous.json()["ok"]) == (401, False)
    reader = {"authorization": f"Bearer {READER}"}
    assert (await vendor.send("GET", "/runs", headers=reader)).status_code == 200
    for method, path in (("GET", "/workflows"), ("POST", "/workflows"), ("POST", "/workflows/x/test"),
                         ("PUT", "/workflows/x/secrets/A")):  # fmt: skip
        assert (await vendor.send(method, path, {}, headers=reader)).status_code == 403


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/runs?status=done", [("request-invalid", "status")]),
        ("/runs?limit=0", [("request-invalid", "limit")]),
        ("/runs?order=up", [("request-invalid", "order")]),
        ("/runs?pageToken=x", [("request-invalid", "pageToken")]),
    ],
)
async def test_bad_queries(vendor: Vendor, path: str, fields: list[tuple[str, str]]) -> None:
    assert details(await vendor.send("GET", path)) == fields


async def test_what_is_not_there(vendor: Vendor) -> None:
    nobody = "00000000-0000-8000-8000-000000000000"
    for path in ("/workflows/x", f"/workflows/{nobody}", "/runs/x", f"/runs/{nobody}", "/nothing"):
        answer = await vendor.send("GET", path)
        assert (answer.status_code, answer.json()["ok"]) == (404, False)
    assert (await vendor.send("DELETE", "/runs")).status_code == 405
