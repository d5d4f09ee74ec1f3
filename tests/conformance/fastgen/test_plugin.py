"""Requests as the published browser plugin sends them (F12), and names and operators as they are written (F9, F10)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.conformance.fastgen.conftest import HOST, HOST_PROJECT
from tests.conformance.fastgen.samples import decides, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused

ACCEPT = "application/json, text/plain, */*"
SEEN = {"method": "x", "body": "{{$body}}", "query": "{{$query}}", "path": "{{$path}}", "a": "{{$header.x-a}}"}


class Plugin:
    """What the plugin's `request` puts on the wire, by way of its HTTP library."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def request(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"accept": ACCEPT, "accept-encoding": "gzip, compress, deflate, br", **named}
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        if content is not None:
            sent["content-type"] = kind
        url = f"/fastgen/{self._vendor.project}/api{path}"
        return await self._vendor.http.request(method, url, content=content, headers=sent)


async def test_what_the_plugin_sends_is_taken_as_it_comes(vendor: Vendor) -> None:
    plugin = Plugin(vendor)
    for method, path in (("POST", "/orders"), ("GET", "/orders/{id}"), ("DELETE", "/orders/{id}"), ("PATCH", "/me")):
        authentication = "apiToken" if method == "PATCH" else "none"
        await vendor.route(f"{method} route", method, path, returns(SEEN), authentication=authentication)
    body = {"sku": {"id": "SKU-1"}}
    answer = await plugin.request("POST", "/orders?src=web", body, X_A="1")
    assert answer.json() == {"method": "x", "body": body, "query": {"src": "web"}, "path": {}, "a": "1"}
    # Content types as browsers choose them when the plugin's callers forget to.
    for kind in ("text/plain;charset=UTF-8", "application/x-www-form-urlencoded"):
        assert (await plugin.request("POST", "/orders", body, kind)).json()["body"] == body
    # Parameters come twice: in the path and in the query.
    seen = (await plugin.request("GET", "/orders/42?id=42&q=z")).json()
    assert (seen["path"], seen["query"], seen["body"]) == ({"id": "42"}, {"id": "42", "q": "z"}, None)
    # A placeholder that was not replaced.
    seen = (await plugin.request("GET", "/orders/%7Bid%7D?id=42")).json()
    assert (seen["path"], seen["query"]) == ({"id": "{id}"}, {"id": "42"})
    assert (await plugin.request("DELETE", "/orders/42")).status_code == 200
    refused(await plugin.request("PATCH", "/me", {"name": "x"}), 401)
    token = (await vendor.ok("POST", "/tokens", None, 201))["token"]
    assert (await plugin.request("PATCH", "/me", {"name": "x"}, authorization=f"Bearer {token}")).json()["body"] == {
        "name": "x"
    }


async def test_an_answer_that_is_an_error_reaches_the_plugin_as_it_is(vendor: Vendor) -> None:
    await vendor.route("R", "POST", "/orders", returns({"error": "no stock"}, 422))
    answer = await Plugin(vendor).request("POST", "/orders", {})
    assert (answer.status_code, answer.json()) == (422, {"error": "no stock"})
    assert answer.headers["content-type"] == "application/json"


async def test_a_host_of_its_own_serves_the_routes_at_its_root(vendor: Vendor) -> None:
    hosted = Vendor(vendor.http, vendor.token, HOST_PROJECT)
    at = {"host": HOST}
    assert (await vendor.http.get("/orders", headers=at)).status_code == 404
    await hosted.route("R", "GET", "/orders/{id}", returns("{{$path.id}}"))
    answer = await vendor.http.get("/orders/a%2F%7Bb%7D", headers={"host": f"{HOST}:443"})
    assert (answer.status_code, answer.json()) == (200, "a/{b}")
    assert answer.headers["x-run-id"]
    # What others are served at the root, and what manages, is not there.
    for path in ("/healthz", f"/fastgen/{HOST_PROJECT}/routes", "/api/v1/runs"):
        refused(await vendor.http.get(path, headers=at | {"authorization": f"Bearer {vendor.token}"}), 404)
    missing = await vendor.http.post("/orders/1", headers=at)
    assert (refused(missing, 405)["code"], missing.headers["allow"]) == ("method-not-allowed", "GET")
    assert (await vendor.http.get("/orders/1")).status_code == 404
    assert (await hosted.call("GET", "/orders/1")).json() == "1"


async def test_an_action_is_named_by_its_key_in_every_form(vendor: Vendor) -> None:
    forms = {
        "quoted": "{{$action['send-email'].id}}", "dotted": "{{$action.send-email.id}}",
        "double": '{{ $action["send-email"]["id"] }}', "whole": "{{$action['send-email']}}",
        "inside": "id={{$action.send-email.id}}!", "missing": "{{$action.send-email.no}}",
        "var": "{{$var['send-email'].id}}",
    }  # fmt: skip
    await vendor.route("R", "GET", "/r", variable("Send Email", {"id": 7}), returns(forms))
    assert (await vendor.call("GET", "/r")).json() == {
        "quoted": 7, "dotted": 7, "double": 7, "whole": {"id": 7}, "inside": "id=7!", "missing": None, "var": 7,
    }  # fmt: skip


#: Operator -> operands for which it is true, and operands for which it is not. All are compared over HTTP, from a body.
OPERATORS: dict[str, tuple[list[Any], list[Any]]] = {
    "equals": (["a", "a"], ["a", "b"]),
    "notEquals": (["a", "b"], ["a", "a"]),
    "exists": ([0], [None]),
    "notExists": ([None], [0]),
    "greater": ([2, 1], [1, 1]),
    "greaterOrEqual": ([1, 1], [1, 2]),
    "less": ([1, 2], [1, 1]),
    "lessOrEqual": ([1, 1], [2, 1]),
    "contains": (["abc", "b"], ["abc", "x"]),
    "notContains": (["abc", "x"], ["abc", "b"]),
    "startsWith": (["abc", "ab"], ["abc", "b"]),
    "notStartsWith": (["abc", "b"], ["abc", "ab"]),
    "endsWith": (["abc", "bc"], ["abc", "b"]),
    "notEndsWith": (["abc", "b"], ["abc", "bc"]),
    "isType": (["x", "string"], [1, "string"]),
    "matches": (["SKU-1", "^SKU-[0-9]+$"], ["x", "^SKU-[0-9]+$"]),
    "notMatches": (["x", "^SKU-[0-9]+$"], ["SKU-1", "^SKU-[0-9]+$"]),
    "lengthEquals": (["abc", 3], ["abc", 2]),
}


def comparison(operator: str, operands: list[Any]) -> Json:
    right = {"right": "{{$body.right}}"} if len(operands) == 2 else {}
    return {"left": "{{$body.left}}", "operator": operator, **right}


@pytest.mark.parametrize("operator", OPERATORS)
async def test_every_operator_decides_the_way(vendor: Vendor, operator: str) -> None:
    true, false = OPERATORS[operator]
    group = {"all": [comparison(operator, true)]}
    await vendor.route(
        "R", "POST", "/r", decides("If", group, [returns("yes", name="Yes")], [returns("no", name="No")])
    )
    for operands, way in ((true, "yes"), (false, "no")):
        answer = await vendor.call("POST", "/r", dict(zip(("left", "right"), operands, strict=False)))
        assert answer.json() == way, operands


async def test_groups_nest(vendor: Vendor) -> None:
    def is_(name: str) -> Json:
        return {"left": f"{{{{$body.{name}}}}}", "operator": "equals", "right": True}

    group = {"all": [is_("a"), {"any": [is_("b"), {"all": [is_("c"), is_("d")]}]}]}
    await vendor.route("R", "POST", "/r", decides("If", group, [], []), returns("{{$action.if.result}}"))
    for number in range(16):
        values = {name: bool(number & 1 << index) for index, name in enumerate("abcd")}
        wanted = values["a"] and (values["b"] or (values["c"] and values["d"]))
        answer = await vendor.call("POST", "/r", values)
        assert answer.json() is wanted, values
    assert action(await vendor.run(answer.headers["x-run-id"]), "If")["status"] == "executed"
