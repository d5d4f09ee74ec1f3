"""The page's example, from the route to the reorder workflow, and who hears its event: F1 to F4, F11."""

from __future__ import annotations

import pytest

from tests.conformance.fastgen.samples import creates, order_route, reorder_actions, returns, variable
from tests.conformance.fastgen.vendor import Vendor, action, statuses
from tests.worker.activities.local_server import LocalServer, page

ORDER = {"sku": {"id": "SKU-1"}}


def stocked(site: LocalServer, count: int) -> None:
    site.on("/invoices", page({"invoice": 7}))
    site.on("/stock/SKU-1", page({"count": count}))
    site.on("/supplier", page({"ordered": "SKU-1"}))


async def test_an_order_of_what_runs_low_is_ordered_anew(vendor: Vendor, site: LocalServer) -> None:
    stocked(site, 49)
    await vendor.workflow("Reorder", "sku_reorder", *reorder_actions(site.url("")))
    await vendor.route("New order", "POST", "/orders", *order_route(site.url("")))
    answer = await vendor.call("POST", "/orders", ORDER)
    assert (answer.status_code, answer.json()) == (201, {"ordered": True})
    run = await vendor.run(answer.headers["x-run-id"])
    assert set(statuses(run).values()) == {"executed"}
    assert action(run, "Low")["output"]["result"] is True
    assert [one.json() for one in site.received if one.path == "/invoices"] == [{"order": ORDER}]
    [event] = run["events"]
    assert (event["event"], event["params"], event["emitted"]) == ("sku_reorder", {"sku": "SKU-1"}, True)
    [reordered] = await vendor.runs_of("Reorder", 1)
    assert event["started"] == [reordered["id"]]
    whole = await vendor.run(reordered["id"])
    assert (whole["workflow"], whole["params"]) == ("Reorder", {"sku": "SKU-1"})
    assert action(whole, "Call supplier")["output"]["body"] == {"ordered": "SKU-1"}
    assert [one.json() for one in site.received if one.path == "/supplier"] == [{"sku": "SKU-1"}]


@pytest.mark.parametrize("count", [50, 51])
async def test_an_order_of_what_there_is_enough_of_starts_nothing(
    vendor: Vendor, site: LocalServer, count: int
) -> None:
    stocked(site, count)
    await vendor.workflow("Reorder", "sku_reorder", *reorder_actions(site.url("")))
    await vendor.route("New order", "POST", "/orders", *order_route(site.url("")))
    answer = await vendor.call("POST", "/orders", ORDER)
    assert answer.status_code == 201
    run = await vendor.run(answer.headers["x-run-id"])
    assert statuses(run) == {
        "Invoice": "executed",
        "Stock": "executed",
        "Low": "executed",
        "Reorder": "skipped",
        "Reply": "executed",
    }
    assert action(run, "Low")["output"]["result"] is False
    assert run["events"] == [] and await vendor.runs(workflow="Reorder") == []


async def test_every_workflow_of_an_event_runs_by_itself(vendor: Vendor) -> None:
    await vendor.workflow("A", "sku_reorder", variable("Seen", "a {{$param.sku}}"))
    await vendor.workflow("B", "sku_reorder", variable("Seen", "b {{$param.sku}}"))
    await vendor.workflow("C", "other", variable("Seen", "c"))
    published = await vendor.publish("sku_reorder", {"sku": "X"})
    assert len(set(published["started"])) == 2
    seen = {action(await vendor.ended(run), "Seen")["output"] for run in published["started"]}
    assert seen == {"a X", "b X"}
    assert await vendor.runs(workflow="C") == []


async def test_a_workflow_that_is_not_active_does_not_run_and_the_emitter_succeeds(vendor: Vendor) -> None:
    await vendor.workflow("Reorder", "sku_reorder", variable("Seen", 1), active=False)
    await vendor.route("emit", "POST", "/emit", creates("sku_reorder", {"sku": "X"}), returns("sent"))
    answer = await vendor.call("POST", "/emit")
    assert (answer.status_code, answer.json()) == (200, "sent")
    run = await vendor.run(answer.headers["x-run-id"])
    assert action(run, "Emit")["output"]["started"] == []
    assert (await vendor.switch("workflows", "Reorder", True))["active"] is True
    assert len((await vendor.publish("sku_reorder", {"sku": "X"}))["started"]) == 1
    assert (await vendor.switch("workflows", "Reorder", False))["active"] is False
    assert (await vendor.publish("sku_reorder", {"sku": "X"}))["started"] == []


@pytest.mark.parametrize(
    "event, params",
    [
        ("auth.user_signedUp", {"userId": "u1", "email": "a@example.com", "emailVerified": False, "roles": ["admin"]}),
        ("api.dataTable_created", {"ID": "t1", "Name": "Orders", "Description": ""}),
        ("auth.email_verificationRequested", {"token": "t", "link": "https://example.com/verify?token=t"}),
    ],
)
async def test_system_events_are_published_as_any_other(vendor: Vendor, event: str, params: dict[str, object]) -> None:
    shown = {key: f"{{{{$param.{key}}}}}" for key in params}
    await vendor.workflow("Listener", event, variable("Seen", shown))
    [run] = (await vendor.publish(event, params))["started"]
    assert action(await vendor.ended(run), "Seen")["output"] == params
