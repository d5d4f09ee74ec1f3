"""Events: of one project only, each id once, counted when nobody listens; loops of them, F5 to F7."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.fastgen.samples import creates, decides, returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused
from tests.running import eventually

#: What TIDEGATE_EVENT_LOOP_LIMIT is unless it is set.
LIMIT = 10


async def test_an_event_is_of_its_project_only(vendor: Vendor, other: Vendor) -> None:
    beside = Vendor(vendor.http, vendor.token, f"{vendor.project}-2")
    for one in (vendor, beside, other):
        await one.workflow("W", "same", variable("Seen", one.project))
    [run] = (await vendor.publish("same"))["started"]
    assert action(await vendor.ended(run), "Seen")["output"] == vendor.project
    assert [await one.runs() for one in (beside, other)] == [[], []]
    refused(await beside.send("GET", f"/runs/{run}"), 404)


async def test_the_same_event_id_starts_nothing_again(vendor: Vendor) -> None:
    await vendor.workflow("W", "e", variable("Seen", "{{$param.n}}"))
    first = await vendor.publish("e", {"n": 1}, event_id="order-1")
    assert first["event_id"] == "order-1" and "duplicate" not in first
    await vendor.workflow("V", "e", variable("Seen", 1))
    again = await vendor.publish("e", {"n": 1}, event_id="order-1")
    assert (again["started"], again["duplicate"]) == (first["started"], True)
    refused(await vendor.send("POST", "/events", {"event": "e", "params": {"n": 2}, "event_id": "order-1"}), 409)
    assert len((await vendor.publish("e", {"n": 1}, event_id="order-2"))["started"]) == 2


@pytest.mark.parametrize(
    "body",
    [{}, {"event": ""}, {"event": 5}, {"event": "e", "params": [1]}, {"event": "e", "parms": {}}, {"event": "x" * 121}],
)
async def test_a_bad_event_is_refused_and_starts_nothing(vendor: Vendor, body: Json) -> None:
    await vendor.workflow("W", "e", variable("Seen", 1))
    assert refused(await vendor.send("POST", "/events", body), 422)["errors"]
    assert await vendor.runs() == []


async def test_an_event_that_nobody_heard_is_counted_by_its_name(vendor: Vendor) -> None:
    await vendor.workflow("W", "sku_reorder", variable("Seen", 1))
    beside = Vendor(vendor.http, vendor.token, f"{vendor.project}-2")
    for name in ("sku_reoder", "sku_reoder", "sku_reorder", "nobody"):
        await vendor.publish(name)
    await beside.publish("elsewhere")

    async def unheard() -> list[Json]:
        rows: list[Json] = (await vendor.ok("GET", "/events/unheard"))["events"]
        return rows

    rows = await eventually(unheard, lambda rows: [row["count"] for row in rows] == [1, 2])
    assert [row["event"] for row in rows] == ["nobody", "sku_reoder"]
    assert all(row["first"] <= row["last"] for row in rows)
    page = await vendor.ok("GET", "/events/unheard", params={"limit": 1})
    assert [row["event"] for row in page["events"]] == ["nobody"]
    page = await vendor.ok("GET", "/events/unheard", params={"limit": 5, "cursor": page["nextCursor"]})
    assert ([row["event"] for row in page["events"]], page["nextCursor"]) == (["sku_reoder"], None)
    refused(await vendor.send("GET", "/events/unheard", params={"cursor": "x"}), 422)


async def test_a_workflow_that_emits_its_own_event_is_stopped_with_a_reason(vendor: Vendor) -> None:
    await vendor.workflow("W", "e", creates("e", {}))
    await vendor.publish("e")
    rows = await vendor.runs_of("W", LIMIT + 1, status=None)
    assert sorted(row["status"] for row in rows) == ["failed"] + ["succeeded"] * LIMIT
    [last] = [await vendor.run(row["id"]) for row in rows if row["status"] == "failed"]
    assert "endless loop" in last["error"]
    assert (action(last, "Emit")["status"], action(last, "Emit")["code"]) == ("failed", "event-loop")


async def test_a_loop_that_may_be_one_is_not_stopped(vendor: Vendor) -> None:
    steps = 25
    group = {"all": [{"left": "{{$param.rest}}", "operator": "exists"}]}
    again = creates("e", "{{$param.rest}}", allowTriggeringItself=True)
    await vendor.workflow("W", "e", decides("More", group, [again], []))
    params: Json = {}
    for _ in range(steps):
        params = {"rest": params}
    await vendor.publish("e", params)
    await vendor.runs_of("W", steps + 1)


async def test_a_loop_through_others_is_stopped(vendor: Vendor) -> None:
    await vendor.workflow("A", "a", creates("b", {}))
    await vendor.workflow("B", "b", creates("a", {}))
    await vendor.publish("a")
    a, b = await asyncio.gather(vendor.runs_of("A", LIMIT + 1, status=None), vendor.runs_of("B", LIMIT, status=None))
    assert sorted(row["status"] for row in [*a, *b]) == ["failed"] + ["succeeded"] * (2 * LIMIT)


async def test_one_trigger_of_itself_through_a_route_is_allowed(vendor: Vendor) -> None:
    group = {"all": [{"left": "{{$param.n}}", "operator": "equals", "right": 1}]}
    await vendor.workflow("W", "e", decides("First", group, [creates("e", {"n": 2})], []))
    await vendor.route("R", "POST", "/go", creates("e", {"n": 1}), returns("sent"))
    assert (await vendor.call("POST", "/go")).status_code == 200
    await vendor.runs_of("W", 2)
