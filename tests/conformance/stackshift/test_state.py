"""The state that all runs of an organisation share (rows S11 and S12)."""

from __future__ import annotations

import asyncio

from tests.conformance.stackshift.samples import job
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor
from tests.running import eventually


def state(operation: str, key: str, name: str | None = None, **more: object) -> Json:
    return {"state": {operation: key, **more}, **({} if name is None else {"as": name})}


async def test_s11_a_counter_of_rows(vendor: Vendor, site: Site) -> None:
    await vendor.register(
        job(
            "processUpload",
            site.step("download-file", {"id": "${payload.fileId}"}, {"rows": 7}),
            site.step("parse-file"),
            state("increment", "rows:${payload.fileId}", "first", by=4),
            state("increment", "rows:${payload.fileId}", "count", by=3),
            site.step("mark-complete", {"rows": "${count}"}),
            returns={"rows": "${count}", "first": "${first}", "all": "${download-file.body.rows}"},
        )
    )
    run = await vendor.ended(await vendor.start("processUpload", {"fileId": "f1"}))
    assert run["result"] == {"rows": 7, "first": 4, "all": 7}
    assert site.asked("mark-complete") == [{"rows": 7}]


async def test_s12_set_get_delete(vendor: Vendor) -> None:
    await vendor.register(
        job(
            "state",
            state("get", "plan:${payload.id}", "before"),
            state("set", "plan:${payload.id}", value={"plan": "${payload.plan}", "seats": [1, None]}),
            state("get", "plan:${payload.id}", "during"),
            state("delete", "plan:${payload.id}"),
            state("get", "plan:${payload.id}", "after"),
            state("delete", "plan:${payload.id}"),
            returns=["${before}", "${during}", "${after}"],
        )
    )
    run = await vendor.ended(await vendor.start("state", {"id": "1", "plan": "pro"}))
    assert run["result"] == [None, {"plan": "pro", "seats": [1, None]}, None]


async def test_s12_runs_share_it_and_organisations_do_not(vendor: Vendor, other: Vendor) -> None:
    for client in (vendor, other):
        await client.register(job("count", state("increment", "n", "n"), returns="${n}"))
    runs = await asyncio.gather(*(vendor.start("count") for _ in range(10)))
    results = [(await vendor.ended(run_id))["result"] for run_id in runs]
    assert sorted(results) == list(range(1, 11)), "each increment is atomic"
    assert (await other.ended(await other.start("count")))["result"] == 1


async def test_s12_what_has_expired_is_absent(vendor: Vendor) -> None:
    await vendor.register(job("keep", state("set", "token", value="t", expiresIn="2s")))
    await vendor.register(job("read", state("get", "token", "token"), returns="${token}"))

    async def read() -> object:
        return (await vendor.ended(await vendor.start("read")))["result"]

    await vendor.ended(await vendor.start("keep"))
    assert await read() == "t"
    assert await eventually(read, lambda value: value is None) is None
