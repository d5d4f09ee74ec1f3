"""J15 and J16, and the rules of trigger URLs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client

from adapter.settings import Settings
from tests.conformance.jsworkflows.conftest import Linking, keyed
from tests.conformance.jsworkflows.vendor import Json, Vendor, code, steps
from tests.conformance.stack import TOKEN_KEYS, adapter
from tests.running import eventually

ECHO = """export class Workflow {
  async start(data, headers, api) {
    if (data.throws) throw new Error('no such order');
    if (data.status) return new Response(JSON.stringify({ status: data.status }), {
      status: data.status, headers: { 'Content-Type': 'application/problem+json', 'X-Of': 'start' } });
    if (data.quiet) return;
    return { data, headers };
  }
}"""


@pytest.fixture
async def echo(vendor: Vendor) -> Json:
    return await vendor.live(code("echo", ECHO))


async def test_j15_an_object_is_json(vendor: Vendor, echo: Json) -> None:
    answer = await vendor.trigger(echo, {"a": 1, "both": "body"}, params={"q": "2", "both": "query"},
                                  headers={"X-Shopify-Topic": "orders/create"})  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["data"] == {"a": 1, "both": "body", "q": "2"}
    assert answer.json()["headers"]["x-shopify-topic"] == "orders/create"
    assert (await vendor.run(answer.headers["x-run-id"]))["workflow"] == "echo"


@pytest.mark.parametrize("status", [400, 202])
async def test_j15_a_response_is_as_given(vendor: Vendor, echo: Json, status: int) -> None:
    answer = await vendor.trigger(echo, {"status": status})
    assert (answer.status_code, answer.json()) == (status, {"status": status})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-of"] == "start"
    assert answer.headers["x-run-id"]


async def test_j15_nothing_is_success(vendor: Vendor, echo: Json) -> None:
    assert (await vendor.trigger(echo, {"quiet": True})).json() == {"success": True}


async def test_j15_operations_answer_alike(vendor: Vendor) -> None:
    response = {"response": {"status": "${data.status}", "headers": {"X-Of": "start"}, "body": {"a": "${data.status}"}}}
    workflow = await vendor.live(steps("reply", start=[{"return": response, "when": "${data.status}"}]))
    answer = await vendor.trigger(workflow, {"status": 409})
    assert (answer.status_code, answer.json(), answer.headers["x-of"]) == (409, {"a": 409}, "start")
    assert (await vendor.trigger(workflow, {})).json() == {"success": True}


async def test_an_error_in_start(vendor: Vendor, echo: Json) -> None:
    answer = await vendor.trigger(echo, {"throws": True})
    assert (answer.status_code, answer.json()["ok"]) == (500, False)
    assert "no such order" in answer.json()["error"]
    assert (await vendor.ended(answer.headers["x-run-id"], "failed"))["steps"][0]["status"] == "failed"


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (b"", {"q": "1"}),
        (b"a=b", {"q": "1"}),
        (b"{", {"q": "1"}),
        (b"null", {"q": "1"}),
        (b"5", {"q": "1"}),
        (b'["x", "y"]', {"0": "x", "1": "y", "q": "1"}),
        (b'{"q": 2}', {"q": 2}),
    ],
)
async def test_bodies(vendor: Vendor, echo: Json, content: bytes, data: Json) -> None:
    answer = await vendor.http.post(echo["triggerUrl"] + "?q=1", content=content)
    assert answer.json()["data"] == data


async def test_get_takes_the_query(vendor: Vendor, echo: Json) -> None:
    assert (await vendor.http.get(echo["triggerUrl"] + "?q=1&q=2")).json()["data"] == {"q": "2"}


async def test_other_methods_start_nothing(vendor: Vendor, echo: Json) -> None:
    for method, status in (("PUT", 405), ("DELETE", 405), ("HEAD", 405), ("OPTIONS", 204)):
        answer = await vendor.http.request(method, echo["triggerUrl"])
        assert (answer.status_code, "GET" in answer.headers["allow"]) == (status, True)
    assert await vendor.runs() == []


async def test_j16_the_same_order_twice(vendor: Vendor) -> None:
    source = """export class Workflow {
  async start(data, headers, api) {
    const { locked } = await api.dedupe(`order-${data.id}`);
    if (locked) return { skipped: true };
    await api.scheduleNextStep({ delay: '5 min', action: 'followUp', payload: { id: data.id } });
    return { skipped: false };
  }
  async followUp() {}
}"""
    workflow = await vendor.live(code("first", source))
    first, again = await vendor.trigger(workflow, {"id": 1}), await vendor.trigger(workflow, {"id": 1})
    assert [first.json(), again.json()] == [{"skipped": False}, {"skipped": True}]
    await vendor.ended(again.headers["x-run-id"])
    assert (await vendor.run(first.headers["x-run-id"]))["status"] == "running"
    assert (await vendor.trigger(workflow, {"id": 2})).json() == {"skipped": False}


async def test_an_idempotency_key_finds_its_run(vendor: Vendor, echo: Json) -> None:
    named = {"headers": {"Idempotency-Key": "order-1"}}
    answers = await asyncio.gather(*(vendor.trigger(echo, {"id": 1}, **named) for _ in range(8)))
    assert len({answer.headers["x-run-id"] for answer in answers}) == 1
    assert {answer.json()["data"]["id"] for answer in answers} == {1}
    assert (await vendor.trigger(echo, {"id": 2}, **named)).status_code == 409
    other = await vendor.trigger(echo, {"id": 1}, headers={"Idempotency-Key": "order-2"})
    assert other.headers["x-run-id"] != answers[0].headers["x-run-id"]
    rows = await eventually(vendor.runs, lambda rows: len(rows) == 2)
    assert {row["status"] for row in rows} <= {"running", "completed"}


async def gone(vendor: Vendor, url: str) -> Any:
    answer = await vendor.http.post(url, json={})
    assert (answer.status_code, answer.json()["ok"]) == (404, False)
    return answer.json()


async def test_every_wrong_token_is_answered_alike(vendor: Vendor, echo: Json) -> None:
    url = echo["triggerUrl"]
    head, token = url.rsplit("/", 1)
    answers = [
        await gone(vendor, f"{head}/{wrong}") for wrong in (token[:-4], token[:-1] + "!", "tg1.x.y", "x" * 9_000)
    ]
    await vendor.ok("POST", f"/workflows/{echo['id']}/deactivate")
    answers.append(await gone(vendor, url))
    await vendor.ok("POST", f"/workflows/{echo['id']}/activate")
    rotated = await vendor.ok("POST", f"/workflows/{echo['id']}/rotate-trigger")
    answers.append(await gone(vendor, url))
    assert (await vendor.trigger(rotated, {})).status_code == 200
    await vendor.ok("DELETE", f"/workflows/{echo['id']}")
    answers.append(await gone(vendor, rotated["triggerUrl"]))
    assert len({str(answer) for answer in answers}) == 1


async def test_a_workflow_of_the_same_name_has_another_url(vendor: Vendor, echo: Json) -> None:
    await vendor.ok("DELETE", f"/workflows/{echo['id']}")
    again = await vendor.live(code("echo", ECHO))
    assert again["active"] is True and again["triggerUrl"] != echo["triggerUrl"]
    await gone(vendor, echo["triggerUrl"])
    assert (await vendor.trigger(again, {"quiet": 1})).status_code == 200


async def test_a_forged_token_is_refused_without_temporal(vendor: Vendor, echo: Json) -> None:
    """Of an adapter whose Temporal does not answer, only what it would have to ask Temporal for is refused as that."""
    token = echo["triggerUrl"].rsplit("/", 1)[1]
    away = await Client.connect("127.0.0.1:1", lazy=True)
    settings = Settings(token_keys=TOKEN_KEYS)
    async with adapter(away, settings=settings, rpc_seconds=1.0) as lonely:
        assert (await vendor.http.get(f"{lonely.address}/trigger/{token}")).status_code == 503
        assert (await vendor.http.get(f"{lonely.address}/trigger/{token[:-2]}")).status_code == 404


async def test_a_slow_start_is_answered_in_time(vendor: Vendor, linking: Linking) -> None:
    source = """export class Workflow {
  async start() { await new Promise((go) => setTimeout(go, 3000)); return { late: true }; }
}"""
    workflow = await vendor.live(code("slow", source))
    settings = replace(keyed(), resume_wait=0.5)
    async with adapter(linking.stack.temporal, queue=linking.stack.queue, settings=settings) as hasty:
        path = "/trigger/" + workflow["triggerUrl"].rsplit("/", 1)[1]
        answer = await vendor.http.post(hasty.address + path, json={})
    assert (answer.status_code, answer.json()) == (202, {"success": True})
    run = await vendor.ended(answer.headers["x-run-id"])
    assert run["steps"][0]["data"] == {"late": True}
