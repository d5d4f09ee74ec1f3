"""Actions in routes: the page's example over a database, custom code, loops and delays."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from tests.conformance.fastgen.conftest import SECRET_KEY, keyed
from tests.conformance.fastgen.samples import asks, creates, decides, delays, reorder_actions, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused, vendor_of
from tests.conformance.stack import adapter
from tests.worker.activities.local_server import LocalServer, page

UPDATE = "UPDATE stock SET count = count - 1 WHERE sku = {{$body.sku.id}}"
SELECT = "SELECT count FROM stock WHERE sku = {{$body.sku.id}}"


def queries(name: str, query: str) -> Json:
    return {"name": name, "type": "databaseQuery", "config": {"connection": "stock", "query": query}}


def code(name: str, text: str) -> Json:
    return {"name": name, "type": "customCode", "config": {"language": "javascript", "code": text}}


@pytest_asyncio.fixture(loop_scope="session")
async def shop(temporal_client: Client, tmp_path: Path) -> AsyncIterator[Vendor]:
    """An adapter and a worker that know the database of the shop."""
    file = tmp_path / "stock.db"
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER)")
        connection.execute("INSERT INTO stock VALUES ('SKU-1', 51)")
    connection.close()
    async with (
        adapter(temporal_client, settings=keyed()) as stack,
        stack.worker(secret_keys=(SECRET_KEY,), db_name=(("STOCK", ((), f"sqlite:///{file}")),)),
        vendor_of(stack.address, "fg_392", f"shop-{tmp_path.name}") as vendor,
    ):
        yield vendor


async def test_the_pages_example_over_a_database(shop: Vendor, site: LocalServer) -> None:
    """Of 51, the first order leaves 50, which is no less than 50; the second leaves 49."""
    site.on("/invoices", page({"invoice": 7}))
    site.on("/supplier", page({"ordered": True}))
    low = {"all": [{"left": "{{$action.supply.rows[0].count}}", "operator": "less", "right": 50}]}
    await shop.workflow("Supply reorder", "sku_reorder", *reorder_actions(site.url("")))
    await shop.route(
        "New order",
        "POST",
        "/orders",
        asks("Create invoice", site.url("/invoices"), "POST", body={"sku": "{{$body.sku.id}}"}),
        queries("Update stock", UPDATE),
        queries("Supply", SELECT),
        decides("Low", low, [creates("sku_reorder", {"sku": "{{$body.sku.id}}"}, "Reorder")], []),
        returns({"left": "{{$action.supply.rows[0].count}}"}, 201),
    )
    for left in (50, 49):
        answer = await shop.call("POST", "/orders", {"sku": {"id": "SKU-1"}})
        assert (answer.status_code, answer.json()) == (201, {"left": left})
    [run] = await shop.runs_of("Supply reorder", 1)
    assert (await shop.run(run["id"]))["params"] == {"sku": "SKU-1"}
    assert [one.json() for one in site.received if one.path == "/supplier"] == [{"sku": "SKU-1"}]
    # What is asked is bound, never a part of the statement.
    answer = await shop.call("POST", "/orders", {"sku": {"id": "x' OR '1'='1"}})
    assert answer.json() == {"left": None}
    assert (await shop.call("POST", "/orders", {"sku": {"id": "SKU-1"}})).json() == {"left": 48}


async def test_custom_code_sees_the_data_and_gives_a_value(vendor: Vendor) -> None:
    text = 'const { lines } = fastgen("$body");\nreturn { total: lines.reduce((a, b) => a + b, 0), by: typeof fetch };'
    await vendor.route("R", "POST", "/total", code("Sum", text), returns("{{$action.sum}}"))
    assert (await vendor.call("POST", "/total", {"lines": [1, 2, 3.5]})).json() == {"total": 6.5, "by": "function"}
    await vendor.route("S", "GET", "/throws", code("Throws", 'throw new Error("no stock")'), returns(1))
    answer = await vendor.call("GET", "/throws")
    assert "no stock" not in refused(answer, 500)["message"]
    run = await vendor.run(answer.headers["x-run-id"])
    assert "no stock" in action(run, "Throws")["error"]


async def test_code_that_cannot_be_run_is_refused_when_it_is_saved(vendor: Vendor) -> None:
    body = {"event": "e", "actions": [variable("A", 1), code("Bad", "return (")]}
    [error] = refused(await vendor.send("PUT", "/workflows/W", body), 422)["errors"]
    assert (error["code"], error["path"]) == ("code-invalid", "$.actions[1].config.code")
    refused(await vendor.send("GET", "/workflows/W"), 404)


async def test_loops_and_delays(vendor: Vendor, site: LocalServer) -> None:
    site.on("/line", page({}))
    each = {
        "name": "Each",
        "type": "loop",
        "config": {"items": "{{$body.lines}}", "as": "line"},
        "actions": [asks("Line", site.url("/line"), "POST", body={"line": "{{$var.line}}"})],
    }
    await vendor.route("R", "POST", "/lines", each, delays(0.3), returns({"count": "{{$action.each.count}}"}))
    began = time.monotonic()
    assert (await vendor.call("POST", "/lines", {"lines": ["a", "b"]})).json() == {"count": 2}
    assert time.monotonic() - began >= 0.3
    assert [one.json() for one in site.received] == [{"line": "a"}, {"line": "b"}]
    refused(await vendor.call("POST", "/lines", {"lines": 5}), 500, "route-failed")
