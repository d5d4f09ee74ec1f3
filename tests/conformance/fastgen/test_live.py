"""Live routes: which one serves a request, what it sees of it, who may call it, and what is answered."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.conformance.fastgen.samples import asks, delays, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page

# --- which route ---


async def test_the_nearest_route_serves_a_path(vendor: Vendor) -> None:
    for name, path in (
        ("all", "/orders"),
        ("one", "/orders/{id}"),
        ("new", "/orders/new"),
        ("lines", "/{kind}/{id}/lines"),
    ):
        await vendor.route(name, "GET", path, returns({"route": name, "path": "{{$path}}"}))
    await vendor.route("root", "GET", "/", returns({"route": "root", "path": "{{$path}}"}))
    for path, name, given in (
        ("", "root", {}),
        ("/", "root", {}),
        ("/orders", "all", {}),
        ("/orders/", "all", {}),
        ("/orders/new", "new", {}),
        ("/orders/NEW", "one", {"id": "NEW"}),
        ("/orders/a%2Fb%20c", "one", {"id": "a/b c"}),
        ("/orders/%7Bid%7D", "one", {"id": "{id}"}),
        ("/orders/gr%C3%BCn", "one", {"id": "grün"}),
        ("/orders/%252F", "one", {"id": "%2F"}),
        ("/%6Frders", "all", {}),
        ("/x/7/lines", "lines", {"kind": "x", "id": "7"}),
    ):
        answer = await vendor.call("GET", path)
        assert (answer.status_code, answer.json()) == (200, {"route": name, "path": given}), path
    for path in ("/nothing", "/orders/1/2", "/orders//lines", "/a/b/c/d"):
        refused(await vendor.call("GET", path), 404)
    assert (await vendor.call("GET", "/orders/%ff")).status_code == 400


async def test_a_path_without_the_method_is_405_and_starts_nothing(vendor: Vendor) -> None:
    await vendor.route("make", "POST", "/orders", returns(1))
    await vendor.route("read", "GET", "/orders", returns(2))
    await vendor.route("drop", "DELETE", "/orders/{id}", returns(3))
    answer = await vendor.call("PATCH", "/orders")
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"
    answer = await vendor.call("OPTIONS", "/orders")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, POST, OPTIONS")
    assert (await vendor.call("HEAD", "/orders")).status_code == 405
    assert (await vendor.call("DELETE", "/orders/1")).json() == 3
    await vendor.switch("routes", "read", False)
    assert (await vendor.call("GET", "/orders")).headers["allow"] == "POST"
    await vendor.ok("DELETE", "/routes/make")
    refused(await vendor.call("GET", "/orders"), 404)
    refused(await vendor.call("OPTIONS", "/orders"), 404)
    assert len(await vendor.runs()) == 1


async def test_drafts_are_not_served_and_deploys_switches_and_deletions_count_at_once(vendor: Vendor) -> None:
    refused(await vendor.call("GET", "/a"), 404)  # nobody's project yet
    await vendor.route("R", "GET", "/a", returns(1), deploy=False)
    refused(await vendor.call("GET", "/a"), 404)
    await vendor.deploy("routes", "R")
    assert (await vendor.call("GET", "/a")).json() == 1
    await vendor.route("R", "GET", "/b", returns(2), deploy=False)
    assert (await vendor.call("GET", "/a")).json() == 1
    refused(await vendor.call("GET", "/b"), 404)
    await vendor.deploy("routes", "R")
    refused(await vendor.call("GET", "/a"), 404)
    assert (await vendor.call("GET", "/b")).json() == 2
    await vendor.switch("routes", "R", False)
    refused(await vendor.call("GET", "/b"), 404)
    await vendor.switch("routes", "R", True)
    assert (await vendor.call("GET", "/b")).json() == 2
    await vendor.ok("DELETE", "/routes/R")
    refused(await vendor.call("GET", "/b"), 404)


async def test_two_routes_of_one_place_are_not_deployed(vendor: Vendor) -> None:
    await vendor.route("first", "GET", "/orders/{id}", returns(1))
    await vendor.route("second", "GET", "/orders/{number}", returns(2), deploy=False)
    body = refused(await vendor.send("POST", "/routes/second/deploy"), 409, "conflict")
    assert "GET /orders/{}" in body["message"]
    assert (await vendor.call("GET", "/orders/1")).json() == 1
    await vendor.route("other method", "POST", "/orders/{number}", returns(3))
    await vendor.route("first", "GET", "/elsewhere", returns(1))
    await vendor.deploy("routes", "second")
    assert (await vendor.call("GET", "/orders/1")).json() == 2
    await vendor.ok("DELETE", "/routes/second")
    await vendor.route("third", "GET", "/orders/{x}", returns(4))
    assert (await vendor.call("GET", "/orders/1")).json() == 4


async def test_one_of_many_deploys_at_once_takes_the_place(vendor: Vendor) -> None:
    names = [f"R{number}" for number in range(5)]
    for name in names:
        await vendor.route(name, "GET", "/one", returns(name), deploy=False)
    answers = await asyncio.gather(*(vendor.send("POST", f"/routes/{name}/deploy") for name in names))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    [winner] = [name for name, answer in zip(names, answers, strict=True) if answer.status_code == 200]
    assert (await vendor.call("GET", "/one")).json() == winner


# --- what it sees ---


async def test_a_route_sees_body_query_path_and_headers(vendor: Vendor) -> None:
    seen = {
        "body": "{{$body}}", "raw": "{{$bodyRaw}}", "query": "{{$query}}", "path": "{{$path.id}}",
        "header": "{{$header.x-a}}", "caseless": "{{$header['X-A']}}", "case": "{{$body.Sku}}",
        "nothing": "{{$body.no}}",
    }  # fmt: skip
    await vendor.route("R", "POST", "/orders/{id}", returns(seen))
    raw = '{ "sku": 1.50, "Sku": "x" }'
    answer = await vendor.call(
        "POST", "/orders/7?a=1&b=2&b=3&c=", content=raw.encode(), headers={"X-A": "1", "content-type": "text/plain"}
    )
    assert answer.json() == {
        "body": {"sku": 1.5, "Sku": "x"}, "raw": raw, "query": {"a": "1", "b": ["2", "3"], "c": ""}, "path": "7",
        "header": "1", "caseless": "1", "case": "x", "nothing": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind", [None, "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "application/json"]
)
async def test_json_is_read_whatever_its_content_type(vendor: Vendor, kind: str | None) -> None:
    await vendor.route("R", "POST", "/echo", returns("{{$body}}"))
    headers = {} if kind is None else {"content-type": kind}
    answer = await vendor.call("POST", "/echo", content=b'{"sku":{"id":"SKU-1"}}', headers=headers)
    assert answer.json() == {"sku": {"id": "SKU-1"}}


async def test_other_bodies_are_forms_or_text(vendor: Vendor) -> None:
    await vendor.route("R", "POST", "/echo", returns({"body": "{{$body}}", "raw": "{{$bodyRaw}}"}))
    for content, kind, body in (
        (b"a=1&b=x+y&b=%C3%BC", "application/x-www-form-urlencoded", {"a": "1", "b": ["x y", "ü"]}),
        (b"<order/>", "application/xml", None),
        (b"", "application/json", None),
        (b"not json", "text/plain", None),
    ):
        answer = await vendor.call("POST", "/echo", content=content, headers={"content-type": kind})
        assert answer.json() == {"body": body, "raw": content.decode()}, kind
    bad = await vendor.call("POST", "/echo", content=b"{bad", headers={"content-type": "application/json"})
    refused(bad, 400, "request-invalid")
    large = await vendor.call("POST", "/echo", content=b"x" * 300_000)
    refused(large, 413, "too-large")
    refused(await vendor.call("POST", "/echo?" + "x" * 9_000), 414, "query-too-long")


async def test_a_body_that_does_not_fit_is_refused_with_the_place_and_starts_nothing(vendor: Vendor) -> None:
    schema = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}
    await vendor.route("R", "POST", "/orders", returns("ok"), bodyValidation=schema)
    assert (await vendor.call("POST", "/orders", {"sku": "x"})).json() == "ok"
    body = refused(await vendor.call("POST", "/orders", {"sku": 5}), 400, "input-invalid")
    assert [error["path"] for error in body["errors"]] == ["$.body.sku"]
    refused(await vendor.call("POST", "/orders", {}), 400)
    refused(await vendor.call("POST", "/orders"), 400)
    assert len(await vendor.runs()) == 1


async def test_credentials_of_callers_are_kept_only_where_a_route_names_them(vendor: Vendor) -> None:
    headers = {"authorization": "Bearer s3cret", "cookie": "session=s3cret", "x-api-key": "s3cret", "x-a": "1"}
    await vendor.route("plain", "GET", "/plain", returns("{{$header}}"))
    await vendor.route("named", "GET", "/named", returns("{{$header['Authorization']}}"))
    answer = await vendor.call("GET", "/plain", headers=headers)
    assert answer.json()["x-a"] == "1" and "s3cret" not in answer.text
    assert "s3cret" not in json.dumps(await vendor.run(answer.headers["x-run-id"]))
    assert (await vendor.call("GET", "/named", headers=headers)).json() == "Bearer s3cret"


# --- who may call ---


async def test_a_route_of_tokens_takes_those_of_its_project_while_they_hold(vendor: Vendor) -> None:
    await vendor.route("R", "GET", "/private", returns("in"), authentication="apiToken")
    made = await vendor.ok("POST", "/tokens", {"name": "partner"}, 201)
    held = {"authorization": f"Bearer {made['token']}"}
    assert (await vendor.call("GET", "/private", headers=held)).json() == "in"
    beside = Vendor(vendor.http, vendor.token, f"{vendor.project}-2")
    foreign = await beside.ok("POST", "/tokens", None, 201)
    for given in ("", "Bearer wrong", f"Bearer {vendor.token}", f"Bearer {foreign['token']}", f"Basic {made['token']}"):
        answer = await vendor.call("GET", "/private", headers={"authorization": given} if given else {})
        assert set(refused(answer, 401, "unauthenticated")) == {"message", "code"}
        assert answer.headers["www-authenticate"] == "Bearer"
    [listed] = (await vendor.ok("GET", "/tokens"))["tokens"]
    assert listed == {key: made[key] for key in ("id", "name", "createdAt", "expiresAt")}
    assert await vendor.ok("DELETE", f"/tokens/{made['id']}") == {"id": made["id"], "revoked": True}
    refused(await vendor.call("GET", "/private", headers=held), 401)
    refused(await vendor.send("DELETE", f"/tokens/{made['id']}"), 404)
    assert (await vendor.ok("GET", "/tokens"))["tokens"] == []
    assert len(await vendor.runs()) == 1


async def test_a_token_may_expire_and_does_not_manage(vendor: Vendor) -> None:
    refused(await vendor.send("POST", "/tokens", {"expiresAt": "2020-01-01T00:00:00Z"}), 422)
    refused(await vendor.send("POST", "/tokens", {"expiresAt": "tomorrow"}), 422)
    made = await vendor.ok("POST", "/tokens", {"expiresAt": "2999-01-01T00:00:00Z"}, 201)
    assert made["expiresAt"] == "2999-01-01T00:00:00.000000Z"
    refused(await Vendor(vendor.http, made["token"], vendor.project).send("GET", "/routes"), 401)


# --- what is answered ---


async def test_an_answer_is_what_return_gives(vendor: Vendor) -> None:
    headers = {"X-Kind": "{{$path.kind}}", "Content-Length": "1", "X-Run-Id": "mine", "Bad Name": "x"}
    html = returns("<b>hi</b>", 202, headers={"Content-Type": "text/html; charset=utf-8"})
    await vendor.route("json", "GET", "/json/{kind}", returns({"a": [1, None]}, 418, headers=headers))
    await vendor.route("html", "GET", "/html", html)
    await vendor.route("text", "GET", "/text", returns("hi"))
    await vendor.route("empty", "GET", "/empty", returns(None, 204))
    await vendor.route("none", "GET", "/none", variable("A", 1))
    answer = await vendor.call("GET", "/json/x")
    assert (answer.status_code, answer.json(), answer.headers["x-kind"]) == (418, {"a": [1, None]}, "x")
    assert answer.headers["content-type"] == "application/json" and "bad name" not in answer.headers
    assert (await vendor.run(answer.headers["x-run-id"]))["status"] == "succeeded"
    answer = await vendor.call("GET", "/html")
    assert (answer.status_code, answer.text) == (202, "<b>hi</b>")
    assert answer.headers.get_list("content-type") == ["text/html; charset=utf-8"]
    assert (await vendor.call("GET", "/text")).json() == "hi"
    answer = await vendor.call("GET", "/empty")
    assert (answer.status_code, answer.content) == (204, b"")
    answer = await vendor.call("GET", "/none")
    assert (answer.status_code, answer.json()) == (200, {})


async def test_a_return_ends_the_run(vendor: Vendor) -> None:
    await vendor.route("R", "GET", "/r", returns(1), variable("After", 2))
    run = await vendor.run((await vendor.call("GET", "/r")).headers["x-run-id"])
    assert action(run, "After")["status"] == "skipped"


async def test_a_route_that_fails_is_500_without_what_has_happened(vendor: Vendor, site: LocalServer) -> None:
    await vendor.route("R", "GET", "/r", asks("Secret", "http://10.255.255.1.invalid/s3cret", retries=0), returns(1))
    answer = await vendor.call("GET", "/r")
    assert "s3cret" not in answer.text and set(refused(answer, 500, "route-failed")) == {"message", "code"}
    run = await vendor.run(answer.headers["x-run-id"])
    assert (run["status"], action(run, "Secret")["status"], action(run, "Reply")["status"]) == (
        "failed",
        "failed",
        "skipped",
    )
    await vendor.route("S", "GET", "/s", returns(1, "{{$query.status}}"))
    refused(await vendor.call("GET", "/s?status=99"), 500)
    assert (await vendor.call("GET", "/s?status=201")).status_code == 201


async def test_the_same_key_is_the_same_run_and_answer(vendor: Vendor, site: LocalServer) -> None:
    site.on("/pay", page({"paid": 1}), page({"paid": 2}))
    await vendor.route("R", "POST", "/pay", asks("Pay", site.url("/pay"), "POST"), returns("{{$action.pay.body}}"))
    key = {"idempotency-key": "order-1"}
    answers = await asyncio.gather(*(vendor.call("POST", "/pay", {"a": 1}, headers=key) for _ in range(4)))
    assert {answer.text for answer in answers} == {'{"paid":1}'}
    assert len({answer.headers["x-run-id"] for answer in answers}) == 1
    refused(await vendor.call("POST", "/pay", {"a": 2}, headers=key), 409, "conflict")
    assert (await vendor.call("POST", "/pay", {"a": 1})).json() == {"paid": 2}
    assert len(site.received) == 2
    refused(await vendor.call("POST", "/pay", {"a": 1}, headers={"idempotency-key": "x" * 1001}), 400)


async def test_callers_at_once_get_their_own_answers(vendor: Vendor) -> None:
    await vendor.route("R", "POST", "/echo/{n}", returns({"path": "{{$path.n}}", "body": "{{$body.n}}"}))

    async def ask(n: int) -> httpx.Response:
        return await vendor.call("POST", f"/echo/{n}", {"n": n})

    answers = await asyncio.gather(*map(ask, range(30)))
    assert [answer.json() for answer in answers] == [{"path": str(n), "body": n} for n in range(30)]


async def test_a_run_that_is_cancelled_answers_its_caller(vendor: Vendor) -> None:
    await vendor.route("R", "GET", "/slow", delays(600), returns(1))
    asking = asyncio.ensure_future(vendor.call("GET", "/slow"))

    async def running() -> list[Json]:
        return await vendor.runs(route="R", status="running")

    [run] = await eventually(running, lambda rows: len(rows) == 1)
    assert (await vendor.ok("POST", f"/runs/{run['id']}/cancel"))["status"] == "cancelled"
    refused(await asking, 500, "route-failed")
    whole = await vendor.run(run["id"])
    assert (whole["status"], action(whole, "Pause")["status"], action(whole, "Reply")["status"]) == (
        "cancelled",
        "cancelled",
        "skipped",
    )
    assert (await vendor.ok("POST", f"/runs/{run['id']}/cancel"))["status"] == "cancelled"
