"""What routes and workflows do when they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from definitions.dialects import fastgen
from definitions.errors import InputInvalid
from tests.definitions.fastgen.running import Flows, action, route, steps, workflow
from tests.worker.activities.local_server import LocalServer, page

LIBRARY = Path(fastgen.__file__).parents[2] / "library" / "fastgen"


def on(web: LocalServer, name: str) -> str:
    """An example of the library, whose hosts are this server."""
    text = (LIBRARY / f"{name}.json").read_text(encoding="utf-8")
    for host in ("https://stock.example.com", "https://supplier.example.com"):
        text = text.replace(host, web.url("").rstrip("/"))
    return text


@pytest.mark.parametrize(
    ("count", "ways"), [(49, ["stock", "low", "reorder", "reply"]), (51, ["stock", "low", "reply"])]
)
async def test_the_order_route(flows: Flows, web: LocalServer, count: int, ways: list[str]) -> None:
    web.on("/SKU-1", page({"count": count}))
    definition = fastgen.dried(fastgen.compile_text(on(web, "shop.route.new-order")))
    body = {"sku": {"id": "SKU-1"}}
    found = await flows.ended(definition, fastgen.request(body, {}, {}, {}, json.dumps(body)))
    assert found.output == {"status": 201, "headers": {}, "body": {"ordered": True}}
    assert [step for step, _ in steps(found)] == ways
    shown = {"event": "sku_reorder", "params": {"sku": "SKU-1"}, "emitted": False}
    assert found.data["action"].get("reorder", shown) == shown
    assert found.data["action"]["low"] == {"result": count == 49}
    assert found.records[0].input["url"].endswith("/SKU-1")


async def test_the_reorder_workflow(flows: Flows, web: LocalServer) -> None:
    web.on("/orders", page({"id": 7}, 201))
    found = await flows.ended(on(web, "shop.workflow.reorder"), {"sku": "SKU-1"})
    assert found.data["action"]["call-supplier"]["status"] == 201
    assert (web.received[0].method, web.received[0].json()) == ("POST", {"sku": "SKU-1"})
    assert found.output is None


async def test_a_request_with_everything(flows: Flows, web: LocalServer) -> None:
    web.on("/a/7", page({"ok": True}, 404))
    config = {
        "method": "PUT",
        "url": web.url("/a/{{$path.id}}"),
        "headers": {"X-Number": "{{$body.n}}", "X-None": "{{$body.no}}", "X-Plain": 5, "X-Host": "{{$header.X-Host}}"},
        "query": {"q": "{{$query.Q}}", "gone": "{{$query.no}}"},
        "body": {"all": "{{$body}}", "text": "n={{$body.n}}", "raw": "{{$bodyRaw}}"},
    }
    back = action("return", {"status": "{{$action['call-it'].status}}", "body": "{{$action.call-it.body}}"}, "R")
    given = {
        "body": {"n": 5},
        "query": {"Q": "x", "q": "y"},
        "path": {"id": "7"},
        "headers": {"x-host": "h"},
        "raw": "r",
    }
    reply = await flows.reply(action("httpRequest", config, "Call it"), back, **given)
    assert reply == {"status": 404, "headers": {}, "body": {"ok": True}}
    sent = web.received[0]
    assert (sent.method, sent.json()) == ("PUT", {"all": {"n": 5}, "text": "n=5", "raw": "r"})
    assert [sent.headers.get(f"x-{name}") for name in ("number", "none", "plain", "host")] == ["5", "", "5", "h"]


async def test_a_request_without_a_body_sends_none(flows: Flows, web: LocalServer) -> None:
    web.on("/a", page({}))
    await flows.outputs(action("httpRequest", {"method": "POST", "url": web.url("/a")}))
    assert web.received[0].body == b""


async def test_a_request_that_nobody_answers_fails_the_run(flows: Flows) -> None:
    config = {"url": "http://127.0.0.1:1/", "retries": 0}
    found = await flows.ended(workflow(action("httpRequest", config), action("delay", {"seconds": 0})), {}, "failed")
    assert steps(found) == [("httprequest", "failure")]


async def test_without_return_and_after_it(flows: Flows) -> None:
    assert await flows.reply() == {"status": 200, "headers": {}, "body": {}}
    early = action(
        "if", {"any": [{"left": "{{$body.a}}", "operator": "exists"}]}, true=[action("return", {"status": 204})]
    )
    late = action("return", {"headers": {"X-A": "{{$query.n}}"}, "body": "late"}, "late")
    assert await flows.reply(early, late, body={"a": 1}) == {"status": 204, "headers": {}}
    assert await flows.reply(early, late, query={"n": 1}) == {"status": 200, "headers": {"X-A": "1"}, "body": "late"}


async def test_nested_branches_are_joined(flows: Flows) -> None:
    def branch(name: str, root: str, *true: Any, **more: Any) -> Any:
        return action(
            "if",
            {"all": [{"left": f"{{{{$param.{root}}}}}", "operator": "equals", "right": True}]},
            name,
            true=list(true),
            **more,
        )

    def put(name: str, value: Any) -> Any:
        return action("variable", {"name": "v", "value": value}, name)

    text = workflow(
        put("one", "{{$param.x}}"),
        branch("A", "a", branch("B", "b", put("two", 2)), false=[put("three", 3)]),
        put("last", "{{$var.v}}/{{$action.two}}"),
    )
    for given, last in (({"a": True, "b": True}, "2/2"), ({"a": True}, "x/"), ({}, "3/")):
        found = await flows.ended(text, {"x": "x", **given})
        assert found.data["var"]["v"] == last


async def test_a_loop_goes_through_its_items_in_order(flows: Flows) -> None:
    inner = [
        action("variable", {"name": "text", "value": "{{$var.text}}{{$var.it.n}}{{$action.all.index}}"}, "add"),
        action(
            "loop",
            {"items": "{{$var.it.inner}}"},
            "inner",
            actions=[
                action("variable", {"name": "text", "value": "{{$var.text}}-{{$action.inner.item}}"}, "deep"),
            ],
        ),
    ]
    text = workflow(
        action("variable", {"name": "text", "value": ""}, "start"),
        action("loop", {"items": "{{$param.items}}", "as": "it"}, "all", actions=inner),
        action("variable", {"name": "done", "value": "{{$var.text}}."}, "end"),
    )
    items = [{"n": "a", "inner": [1, 2]}, {"n": "b", "inner": []}, {"n": "c", "inner": [None, "x"]}]
    found = await flows.ended(text, {"items": items})
    assert found.data["var"]["done"] == "a0-1-2b1c2--x."
    assert found.data["action"]["all"] == {"index": 2, "item": items[2], "count": 3}
    assert (await flows.ended(text, {"items": []})).data["var"]["done"] == "."
    for wrong in ("abc", None, {"a": 1}):
        failed = await flows.ended(text, {"items": wrong}, "failed")
        assert "must be a list" in (failed.error or "")


async def test_a_long_loop_and_one_that_is_too_long(flows: Flows) -> None:
    body = [action("variable", {"name": "n", "value": "{{$var.it}}"}, "v")]
    text = workflow(action("loop", {"items": "{{$param}}", "as": "it"}, "L", actions=body))
    found = await flows.ended(text, list(range(400)))
    assert found.data["var"]["n"] == 399
    failed = await flows.ended(text, [0] * 10_001, "failed")
    assert "at most 10000" in (failed.error or "")


async def test_an_empty_loop_at_the_end_and_a_return_inside(flows: Flows) -> None:
    stop = action(
        "if",
        {"all": [{"left": "{{$action.l.item}}", "operator": "equals", "right": 2}]},
        "I",
        true=[
            action("return", {"body": "{{$action.l.index}}"}, "R"),
        ],
    )
    assert (await flows.reply(action("loop", {"items": "{{$body}}"}, "L", actions=[stop]), body=[1, 2, 3]))["body"] == 1
    assert (await flows.reply(action("loop", {"items": [1]}, "L", actions=[])))["body"] == {}


async def test_delays(flows: Flows) -> None:
    actions = [action("delay", {"seconds": "{{$param.s}}"}, "a"), action("delay", {"duration": "10 ms"}, "b")]
    found = await flows.ended(workflow(*actions), {"s": 0.01})
    assert steps(found) == [("a", "success"), ("b", "success")]
    assert found.records[1].input == {"seconds": 0.01}
    assert (await flows.ended(workflow(*actions), {"s": "soon"}, "failed")).records[-1].status == "failure"


async def test_custom_code(flows: Flows) -> None:
    code = "const n = fastgen('$var.n'); return { n: n + fastgen.param.m, missing: fastgen('action.later') };"
    found = await flows.outputs(
        action("variable", {"name": "n", "value": 2}, "n"),
        action("customCode", {"language": "node18", "code": code}, "Code"),
        action(
            "customCode",
            {"language": "javascript", "code": "export default async (fastgen) => fastgen('action.code').n"},
            "More",
        ),
        action("variable", {"value": 1}, "later"),
        param={"m": 40},
    )
    assert (found["code"], found["more"]) == ({"n": 42, "missing": None}, 42)


async def test_queries(flows: Flows) -> None:
    query = "SELECT sku, count FROM stock WHERE sku = {{$param.sku}} OR count > :most"
    config = {"connection": "shop", "query": query, "params": {"most": "{{$param.most}}"}}
    actions = [
        action("databaseQuery", config, "Stock"),
        action("variable", {"value": "{{$action.stock.rows[0].count}}"}, "v"),
    ]
    found = await flows.outputs(*actions, param={"sku": "SKU-1", "most": 1_000})
    assert (found["stock"], found["v"]) == ({"rows": [{"sku": "SKU-1", "count": 49}], "rowCount": 1}, 49)
    for hostile in ("' OR '1'='1", "x' UNION SELECT sku, 1 FROM stock --", "{{$param.most}}", ":most"):
        found = await flows.outputs(*actions, param={"sku": hostile, "most": 1_000})
        assert found["stock"] == {"rows": [], "rowCount": 0}


async def test_names_in_every_form(flows: Flows) -> None:
    found = await flows.outputs(
        action("variable", {"value": {"a": [1]}}, "Send Email"),
        action("variable", {"value": ["{{$action['send-email'].a[0]}}", "{{ $action.send-email.a }}"]}, "x"),
        action("variable", {"value": "{{$var['send-email']['a'][0]}}{{$param.no}}"}, "y"),
    )
    assert (found["x"], found["y"]) == ([1, [1]], "1")


def test_a_request_is_held_against_its_route() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    definition = fastgen.compile_text(route(bodyValidation=schema))
    fastgen.check_input(definition, True, fastgen.request({"n": 1}, {}, {}, {}, ""))
    for value, path in ((None, "$"), ([], "$"), (fastgen.request({"n": "x"}, {}, {}, {}, ""), "$.body.n")):
        with pytest.raises(InputInvalid) as caught:
            fastgen.check_input(definition, value is not None, value)
        assert caught.value.path == path


async def test_the_count_of_a_delivery(flows: Flows, web: LocalServer) -> None:
    definition = fastgen.dried(fastgen.compile_text(on(web, "shop.workflow.count-stock")))
    found = await flows.ended(definition, {"skus": ["SKU-1", "SKU-2", "NEW"]})
    shown = {"event": "stock_short", "params": {"skus": ["SKU-1", "NEW"]}, "emitted": False}
    assert found.data["action"]["tell"] == shown
    enough = await flows.ended(definition, {"skus": ["SKU-2"]})
    assert "tell" not in enough.data["action"]
