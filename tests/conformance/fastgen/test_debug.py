"""Debugging a draft (F8): stored with the record of each action; nothing live is touched, events are shown."""

from __future__ import annotations

from tests.conformance.fastgen.samples import asks, creates, decides, order_route, returns, variable
from tests.conformance.fastgen.vendor import Vendor, action, refused, statuses
from tests.worker.activities.local_server import LocalServer, page

LOW = {"all": [{"left": "{{$param.count}}", "operator": "less", "right": 50}]}


async def test_a_draft_is_debugged_with_edited_parameters(vendor: Vendor, site: LocalServer) -> None:
    site.on("/supplier", page({"ok": 1}))
    await vendor.workflow("Reorder", "sku_reorder", variable("Seen", "live"))
    call = asks("Call supplier", site.url("/supplier"), "POST", body={"sku": "{{$param.sku}}"})
    more = decides("Low", LOW, [creates("low", {"sku": "{{$param.sku}}"})], [variable("Enough", 1)])
    await vendor.workflow("Reorder", "sku_reorder", call, more, deploy=False)
    await vendor.workflow("Hears", "low", variable("Seen", "{{$param.sku}}"))
    run = await vendor.ok("POST", "/workflows/Reorder/debug", {"params": {"sku": "X", "count": 3}})
    assert (run["status"], run["debug"], run["dryRun"], run["version"]) == ("succeeded", True, True, 2)
    assert run["params"] == {"sku": "X", "count": 3}
    assert statuses(run) == {
        "Call supplier": "executed",
        "Low": "executed",
        "Emit": "executed",
        "Enough": "skipped",
    }
    called = action(run, "Call supplier")
    assert called["input"]["body"] == {"sku": "X"} and called["output"]["status"] == 200
    assert called["startedAt"] <= called["endedAt"] and called["durationMs"] >= 0
    assert run["events"] == [{"event": "low", "params": {"sku": "X"}, "emitted": False}]
    assert [one.json() for one in site.received] == [{"sku": "X"}]
    stored = await vendor.run(run["id"])
    assert stored["actions"] == run["actions"] and stored["debug"] is True
    # Nothing live has changed, and nobody has heard of the event.
    assert await vendor.runs(workflow="Hears") == []
    assert (await vendor.ok("GET", "/events/unheard"))["events"] == []
    [live] = (await vendor.publish("sku_reorder", {}))["started"]
    assert action(await vendor.ended(live), "Seen")["output"] == "live"


async def test_events_are_sent_if_asked_for(vendor: Vendor) -> None:
    await vendor.workflow("W", "e", creates("low", {"n": 1}), deploy=False)
    await vendor.workflow("Hears", "low", variable("Seen", "{{$param.n}}"))
    run = await vendor.ok("POST", "/workflows/W/debug", {"dryRun": False})
    [event] = run["events"]
    assert (event["event"], event["params"], event["emitted"], len(event["started"])) == ("low", {"n": 1}, True, 1)
    assert action(await vendor.ended(event["started"][0]), "Seen")["output"] == 1


async def test_a_route_is_debugged_with_a_request_of_ones_own(vendor: Vendor, site: LocalServer) -> None:
    site.on("/invoices", page({}))
    site.on("/stock/SKU-9", page({"count": 1}))
    await vendor.route("New order", "POST", "/orders/{id}", *order_route(site.url("")), deploy=False)
    body = {"body": {"sku": {"id": "SKU-9"}}, "headers": {"X-A": "1"}, "query": {"q": "z"}, "path": {"id": "7"}}
    run = await vendor.ok("POST", "/routes/New%20order/debug", body)
    assert (run["status"], run["route"], run["response"]["status"]) == ("succeeded", "New order", 201)
    assert run["events"] == [{"event": "sku_reorder", "params": {"sku": "SKU-9"}, "emitted": False}]
    request = run["request"]
    assert (request["header"], request["query"], request["path"]) == ({"x-a": "1"}, {"q": "z"}, {"id": "7"})
    assert request["bodyRaw"] == '{"sku": {"id": "SKU-9"}}'
    refused(await vendor.call("POST", "/orders/7", body["body"]), 404)


async def test_a_failure_is_in_the_record(vendor: Vendor) -> None:
    failing = asks("Call", "http://nowhere.invalid/", retries=0)
    await vendor.workflow("W", "e", variable("A", 1), failing, variable("B", 2), deploy=False)
    run = await vendor.ok("POST", "/workflows/W/debug")
    assert (run["status"], statuses(run)) == ("failed", {"A": "executed", "Call": "failed", "B": "skipped"})
    assert action(run, "Call")["error"] and run["error"]


async def test_every_turn_of_a_loop_is_in_the_record(vendor: Vendor) -> None:
    body = [variable("Double", "{{$action.each.item}}{{$action.each.item}}")]
    loop = {"name": "Each", "type": "loop", "config": {"items": "{{$param.list}}"}, "actions": body}
    await vendor.workflow("W", "e", loop, deploy=False)
    run = await vendor.ok("POST", "/workflows/W/debug", {"params": {"list": ["a", "b", "c"]}})
    turns = [one for one in run["actions"] if one["name"] == "Double"]
    assert [(one["output"], one["status"]) for one in turns] == [
        ("aa", "executed"),
        ("bb", "executed"),
        ("cc", "executed"),
    ]
    run = await vendor.ok("POST", "/workflows/W/debug", {"params": {"list": []}})
    assert statuses(run) == {"Each": "executed", "Double": "skipped"}


async def test_bad_requests_to_debug_are_refused(vendor: Vendor) -> None:
    await vendor.route("R", "POST", "/r", returns(1), bodyValidation={"type": "object"}, deploy=False)
    assert refused(await vendor.send("POST", "/routes/R/debug", {"body": []}), 422)["errors"][0]["path"] == "$.body"
    refused(await vendor.send("POST", "/routes/R/debug", {"boddy": {}}), 422)
    refused(await vendor.send("POST", "/workflows/R/debug", {}), 404)
    assert await vendor.runs() == []
