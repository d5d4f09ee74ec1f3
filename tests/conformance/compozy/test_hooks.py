"""Public webhooks: /hooks/{slug}."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from definitions import ids
from tests.conformance.compozy.conftest import SECRET_KEY
from tests.conformance.compozy.samples import gives, workflow
from tests.conformance.compozy.vendor import Json, Vendor, data_of, problem, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.running import eventually
from worker.client import SecretBox, TidegateClient

SECRET = "whsec-of-this-test"
SIGNED: Json = {"strategy": "hmac", "secret": SECRET, "header": "X-Signature"}
PAID: Json = {"name": "paid", "filter": 'payload.status == "paid"', "input": {"order": "{{ .payload.order }}"}}


def hooked(slug: str, *events: Json, name: str = "hooked", config: Json | None = None, **webhook: Any) -> Json:
    webhook = {"slug": slug, "method": "POST", "events": list(events or (PAID,)), **webhook}
    return workflow(
        name, gives("got", {"input": "{{ .workflow.input }}"}), triggers=[{"type": "webhook", "webhook": webhook}],
        **({} if config is None else {"config": config}),
    )  # fmt: skip


@pytest.fixture
def slug() -> str:
    return f"slug-{uuid.uuid4().hex}"


async def call(vendor: Vendor, slug: str, body: Any = None, method: str = "POST", **more: Any) -> httpx.Response:
    """As somebody without any key."""
    content = more.pop("content", None if body is None else json.dumps(body))
    return await vendor.http.request(method, f"/hooks/{slug}", content=content, **more)


def refused(response: httpx.Response, status: int, word: str) -> str:
    assert response.status_code == status, response.text
    body = response.json()
    assert body.keys() == {"error", "details"}
    assert body["error"] == word
    return str(body["details"])


async def started(vendor: Vendor, count: int = 1, workflow: str = "hooked") -> list[Json]:
    """The executions that webhooks have started, ended."""
    rows = await eventually(lambda: vendor.executions(workflow), lambda rows: len(rows) == count)
    return [await vendor.ended(row["workflow_exec_id"]) for row in rows]


async def test_a_webhook_starts_its_workflow(vendor: Vendor, slug: str) -> None:
    await vendor.put(hooked(slug))
    response = await call(vendor, slug, {"status": "paid", "order": {"id": 7}})
    body = response.json()
    exec_id = body["data"].pop("exec_id")
    assert (response.status_code, body) == (
        202,
        {"data": {"status": "accepted", "event": "paid"}, "message": "Success"},
    )
    (execution,) = await started(vendor)
    assert (execution["workflow_exec_id"], execution["input"]) == (exec_id, {"order": {"id": 7}})


async def test_the_first_event_that_matches_counts(vendor: Vendor, slug: str) -> None:
    events = [PAID, {"name": "big", "filter": "payload.amount > 100"}, {"name": "any", "input": {"any": True}}]
    await vendor.put(hooked(slug, *events))
    for payload, event in (
        ({"status": "paid", "amount": 200, "order": 1}, "paid"),
        ({"amount": 200}, "big"),
        ({}, "any"),
    ):
        assert (await call(vendor, slug, payload)).json()["data"]["event"] == event
    inputs = [one["input"] for one in await started(vendor, 3)]
    assert inputs == [{"any": True}, {"amount": 200}, {"order": 1}]


@pytest.mark.parametrize("payload", [{"status": "open"}, {"other": 1}, {}, [1], "paid"])
async def test_what_matches_nothing_is_answered_so(vendor: Vendor, slug: str, payload: Any) -> None:
    await vendor.put(hooked(slug))
    response = await call(vendor, slug, payload)
    assert (response.status_code, response.json()) == (
        200,
        {"data": {"status": "no_matching_event"}, "message": "Success"},
    )
    assert await vendor.executions() == []


async def test_filters_and_inputs_see_headers_and_query(vendor: Vendor, slug: str) -> None:
    event = {
        "name": "push",
        "filter": 'headers["x-event"] == "push" && headers["X-Event"] == "push" && query.branch == "main"',
        "input": {"branch": "{{ .query.branch }}", "from": '{{ index .headers "x-event" }}'},
    }
    await vendor.put(hooked(slug, event, method="GET"))
    response = await call(vendor, slug, method="GET", params={"branch": "main"}, headers={"X-Event": "push"})
    assert response.status_code == 202, response.text
    assert [one["input"] for one in await started(vendor)] == [{"branch": "main", "from": "push"}]


async def test_an_unknown_slug_and_another_method(vendor: Vendor, slug: str) -> None:
    refused(await call(vendor, slug, {}), 404, "not_found")
    await vendor.put(hooked(slug))
    response = await call(vendor, slug, method="GET")
    refused(response, 405, "bad_request")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("content", [b"{", b"status=paid", b'{"status": "\xff"}', b"NaN"])
async def test_a_body_that_is_no_json_is_refused(vendor: Vendor, slug: str, content: bytes) -> None:
    await vendor.put(hooked(slug))
    refused(await call(vendor, slug, content=content), 400, "bad_request")


async def test_what_cannot_be_made_an_input_is_refused(vendor: Vendor, slug: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    events: list[Json] = [
        {"name": "schema", "filter": 'payload.kind == "schema"', "schema": schema},
        {"name": "template", "filter": 'payload.kind == "template"', "input": {"x": "{{ .payload.nothing.there }}"}},
        {"name": "input"},
    ]
    await vendor.put(hooked(slug, *events, config={"input": {"type": "object", "required": ["name"]}}))
    for kind in ("schema", "template", "input"):
        assert kind in refused(await call(vendor, slug, {"kind": kind, "n": "x"}), 422, "unprocessable_entity")
    refused(await call(vendor, slug, [1]), 422, "unprocessable_entity")
    assert await vendor.executions() == []


# --- signatures ---


def signature(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    signed = body if at is None else f"{at}.".encode() + body
    found = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return found if at is None else f"t={at},v1={found}"


BODY = b'{ "status" : "paid",\n"order":  7 }'


@pytest.mark.parametrize("prefix", ["", "sha256="])
async def test_a_signature_over_the_raw_body(vendor: Vendor, slug: str, prefix: str) -> None:
    await vendor.put(hooked(slug, verify=SIGNED))
    good = {"X-Signature": prefix + signature(BODY)}
    assert (await call(vendor, slug, content=BODY, headers=good)).status_code == 202
    for headers in (
        {},
        {"X-Signature": ""},
        {"X-Signature": "x"},
        {"X-Signature": prefix + signature(b"other")},
        {"X-Signature": prefix + signature(BODY, "another secret")},
        {"X-Other": prefix + signature(BODY)},
    ):
        refused(await call(vendor, slug, content=BODY, headers=headers), 401, "unauthorized")
    refused(await call(vendor, slug, content=BODY + b" ", headers=good), 401, "unauthorized")
    await started(vendor)


async def test_a_signed_time_may_not_be_far_from_now(vendor: Vendor, slug: str) -> None:
    await vendor.put(hooked(slug, verify=SIGNED | {"skew": "2m"}))
    now = int(time.time())
    for at, status in ((now, 202), (now - 100, 202), (now + 100, 202), (now - 130, 401), (now + 130, 401)):
        response = await call(vendor, slug, content=BODY, headers={"X-Signature": signature(BODY, at=at)})
        assert response.status_code == status, response.text
    # A time that was changed afterwards, and no time at all, where one is asked for.
    changed = signature(BODY, at=now - 130).replace(str(now - 130), str(now))
    for header in (changed, signature(BODY)):
        refused(await call(vendor, slug, content=BODY, headers={"X-Signature": header}), 401, "unauthorized")


@pytest.mark.parametrize(
    ("verify", "code"),
    [
        (SIGNED | {"secret": ""}, "webhook-secret-missing"),
        (SIGNED | {"secret": "  "}, "webhook-secret-missing"),
        ({"strategy": "hmac", "header": "X-Signature"}, "webhook-secret-missing"),
        (SIGNED | {"strategy": "stripe"}, "verification-unsupported"),
        (SIGNED | {"strategy": "github"}, "verification-unsupported"),
    ],
)
async def test_a_webhook_that_could_not_be_verified_is_refused(
    vendor: Vendor, slug: str, verify: Json, code: str
) -> None:
    response = await vendor.send("PUT", "/workflows/hooked", hooked(slug, verify=verify))
    assert code in [one["code"] for one in problem(response, 400, "DEFINITION_INVALID")["errors"]]


async def test_the_secret_is_kept_sealed_and_shown_to_nobody(
    vendor: Vendor, slug: str, temporal_client: Client
) -> None:
    created = await vendor.put(hooked(slug, verify=SIGNED))
    await call(vendor, slug, content=BODY, headers={"X-Signature": signature(BODY)})
    (execution,) = await started(vendor)
    read = await vendor.send("GET", "/workflows/hooked")
    seen = read.json()["data"]
    assert seen["triggers"][0]["webhook"]["verify"]["secret"].startswith("sealed:")
    for text in (created.text, read.text, await histories(temporal_client, vendor, execution["workflow_exec_id"])):
        assert SECRET not in text
    # What was read may be sent back; the secret stays the same.
    await vendor.put(seen | {"description": "changed"}, 200)
    assert (await call(vendor, slug, content=BODY, headers={"X-Signature": signature(BODY)})).status_code == 202
    await vendor.put(hooked(slug, verify=SIGNED | {"secret": "new"}), 200)
    refused(await call(vendor, slug, content=BODY, headers={"X-Signature": signature(BODY)}), 401, "unauthorized")
    good = {"X-Signature": signature(BODY, "new")}
    assert (await call(vendor, slug, content=BODY, headers=good)).status_code == 202
    forged = hooked(slug, verify=SIGNED | {"secret": "sealed:" + "0" * 32})
    problem(await vendor.send("PUT", "/workflows/hooked", forged), 400, "REQUEST_INVALID")


async def histories(client: Client, vendor: Vendor, exec_id: str) -> str:
    """All that Temporal knows of the execution, and of the workflow it is one of."""
    definition = ids.definition_id("compozy", vendor.organisation, "hooked")
    wanted = [vendor.workflow_id(exec_id), ids.definition_workflow_id("compozy", vendor.organisation, definition)]
    wanted.append(ids.version_workflow_id("compozy", vendor.organisation, definition, 1))
    found = [(await client.get_workflow_handle(one).fetch_history()).to_json() for one in wanted]
    return "\n".join(found)


async def test_a_server_that_keeps_no_secrets_says_so(temporal_client: Client, slug: str) -> None:
    async with adapter(temporal_client) as stack, stack.worker(), vendor_of(stack, "any", "default") as vendor:
        response = await vendor.send("PUT", "/workflows/hooked", hooked(slug, verify=SIGNED))
        assert "TIDEGATE_SECRET_KEYS" in problem(response, 503, "UNAVAILABLE")["details"]


async def test_a_secret_that_the_organisation_keeps_by_name(
    vendor: Vendor, slug: str, temporal_client: Client, keyed_stack: Stack
) -> None:
    await vendor.put(hooked(slug, verify=SIGNED | {"secret": "{{ .env.HOOK_SECRET }}"}))
    headers = {"X-Signature": signature(BODY, "kept")}
    assert "not there" in refused(await call(vendor, slug, content=BODY, headers=headers), 401, "unauthorized")
    client = TidegateClient(temporal_client, keyed_stack.queue)
    sealed = SecretBox([SECRET_KEY]).seal(vendor.organisation, "HOOK_SECRET", "kept")
    await client.put_secret(vendor.organisation, "HOOK_SECRET", sealed)
    assert (await call(vendor, slug, content=BODY, headers=headers)).status_code == 202
    read = data_of(await vendor.send("GET", "/workflows/hooked"), 200)
    assert read["triggers"][0]["webhook"]["verify"]["secret"] == "{{ .env.HOOK_SECRET }}"
    # One that is empty would let everybody sign.
    for blank in ("", "  "):
        sealed = SecretBox([SECRET_KEY]).seal(vendor.organisation, "HOOK_SECRET", blank)
        await client.put_secret(vendor.organisation, "HOOK_SECRET", sealed)
        forged = {"X-Signature": signature(BODY, blank)}
        refused(await call(vendor, slug, content=BODY, headers=forged), 401, "unauthorized")


# --- once ---


@pytest.mark.parametrize("key", [None, "{{ .payload.id }}"])
async def test_a_repetition_is_refused(vendor: Vendor, slug: str, key: str | None) -> None:
    await vendor.put(hooked(slug, {"name": "any"}, dedupe={"enabled": True} | ({} if key is None else {"key": key})))

    async def send(id: str) -> int:
        return (await call(vendor, slug, {"id": id}, headers={"X-Idempotency-Key": id})).status_code

    assert sorted(await asyncio.gather(*(send("1") for _ in range(5)))) == [202, 409, 409, 409, 409]
    assert await send("2") == 202
    response = await call(vendor, slug, {"id": "1"}, headers={"X-Idempotency-Key": "1"})
    refused(response, 409, "duplicate")
    await started(vendor, 2)


async def test_a_key_counts_for_its_own_webhook(vendor: Vendor, slug: str) -> None:
    first, second = (
        hooked(name, {"name": "any"}, dedupe={"enabled": True})["triggers"][0] for name in (slug, f"{slug}-2")
    )
    await vendor.put(hooked(slug) | {"triggers": [first, second]})
    for name, status in ((slug, 202), (f"{slug}-2", 202), (slug, 409), (f"{slug}-2", 409)):
        response = await call(vendor, name, {}, headers={"X-Idempotency-Key": "1"})
        assert response.status_code == status, response.text
    await started(vendor, 2)


async def test_without_dedupe_every_request_counts(vendor: Vendor, slug: str) -> None:
    await vendor.put(hooked(slug, {"name": "any"}))
    for _ in range(2):
        assert (await call(vendor, slug, {}, headers={"X-Idempotency-Key": "1"})).status_code == 202
    await started(vendor, 2)
