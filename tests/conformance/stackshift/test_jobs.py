"""Jobs: register, replace, check only, read, list; and what of them is refused."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.conformance.stackshift.samples import job, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor, data_of, refused


async def test_a_job_is_registered_once_per_text(vendor: Vendor, site: Site) -> None:
    first = job("email", site.step("send"))
    assert await vendor.register(first) == {"name": "email", "version": 1}
    assert await vendor.register(first, 200) == {"name": "email", "version": 1}
    second = job("email", site.step("send"), site.step("log"))
    assert await vendor.register(second) == {"name": "email", "version": 2}
    assert await vendor.register(first) == {"name": "email", "version": 3}
    shown = await vendor.ok("GET", "/jobs/email")
    assert (shown["version"], shown["definition"]) == (3, first)
    assert [(one["name"], one["version"]) for one in (await vendor.ok("GET", "/jobs"))["jobs"]] == [("email", 3)]


async def test_many_at_once_register_one_version(vendor: Vendor, site: Site) -> None:
    body = {"definition": job("email", site.step("send"))}
    answers = await asyncio.gather(*(vendor.send("POST", "/jobs", body) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert {answer.json()["data"]["version"] for answer in answers} == {1}


async def test_a_run_keeps_its_version(vendor: Vendor) -> None:
    await vendor.register(job("gate", wait("go", "k"), returns="first"))
    run_id = await vendor.start("gate")
    await vendor.waits(run_id)
    await vendor.register(job("gate", wait("go", "k"), returns="second"))
    await vendor.event("go", 1, "k")
    assert (await vendor.ended(run_id))["result"] == "first"
    await vendor.event("go", 1, "k")
    assert (await vendor.ended(await vendor.start("gate")))["result"] == "second"


async def test_a_dry_run_registers_nothing(vendor: Vendor, site: Site) -> None:
    body = {"definition": job("email", site.step("send"))}
    assert await vendor.ok("POST", "/jobs?dryRun=true", body) == {"name": "email", "valid": True}
    refused(await vendor.send("GET", "/jobs/email"), 404, "not-found")
    refused(await vendor.send("POST", "/jobs/email/runs", {}), 404, "not-found")
    bad = {"definition": job("email", wait(timeout="soon"))}
    for path in ("/jobs?dryRun=true", "/jobs"):
        details = refused(await vendor.send("POST", path, bad), 422, "definition-invalid")["error"]["details"]
        found = [(one["code"], one["path"]) for one in details]
        assert found == [("duration-invalid", "$.definition.steps[0].timeout")]
    assert (await vendor.ok("GET", "/jobs"))["jobs"] == []
    refused(await vendor.send("POST", "/jobs?dryRun=maybe", body), 422, "request-invalid")


@pytest.mark.parametrize(
    ("step", "code", "path"),
    [
        (wait(timeout="24h", onTimeout="explode"), "on-timeout-unknown", "onTimeout"),
        (wait(timeout="24 hours"), "duration-invalid", "timeout"),
        (wait(key="user:${user.id}"), "reference-unknown", "correlationKey"),
        (wait(key="user:${payload.id"), "expression-invalid", "correlationKey"),
        ({**wait(), "correlationKey": 123}, "correlation-key-invalid", "correlationKey"),
    ],
)
async def test_a_bad_wait_is_refused(vendor: Vendor, step: Json, code: str, path: str) -> None:
    body = {"definition": job("bad", step)}
    details = refused(await vendor.send("POST", "/jobs", body), 422, "definition-invalid")["error"]["details"]
    assert [(one["code"], one["path"]) for one in details] == [(code, f"$.definition.steps[0].{path}")]
    assert set(details[0]) == {"code", "path", "message"}


async def test_a_key_given_twice_is_refused(vendor: Vendor) -> None:
    text = '{"definition": {"name": "a", "name": "b", "steps": []}}'
    details = refused(await vendor.send("POST", "/jobs", content=text), 422, "definition-invalid")["error"]["details"]
    assert [one["code"] for one in details] == ["json-key-repeated"]


async def test_the_content_type_does_not_matter(vendor: Vendor, site: Site) -> None:
    text = json.dumps({"definition": job("email", site.step("send"))})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    data_of(await vendor.send("POST", "/jobs", content=text, headers=headers), 201)


async def test_a_name_that_needs_encoding(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("ein Job ✓ 100%", site.step("send")))
    run_id = await vendor.start("ein%20Job%20%E2%9C%93%20100%25")
    assert (await vendor.ended(run_id))["job"] == "ein Job ✓ 100%"
