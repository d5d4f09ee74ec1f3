"""Runs that wait for events: before, after, one among many, timeouts (rows S1 to S4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.conformance.stack import Stack
from tests.conformance.stackshift.samples import ann, job, onboarding, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Vendor, steps, vendor_of


async def test_s1_the_event_resumes_the_run(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    run_id = await vendor.start("userOnboarding", ann())
    waiting = await vendor.waits(run_id, "email.verified")
    assert waiting["waiting_for"][0]["on_timeout"] == "fail"
    assert waiting["waiting_for"][0]["until"] > waiting["waiting_for"][0]["since"]
    assert "unlock-account" not in site.calls()
    await vendor.event("email.verified", {"userId": "123"}, "user:123")
    run = await vendor.ended(run_id)
    assert run["result"] == {"onboarded": True}
    assert (run["payload"], run["error"], run["attempts"]) == (ann(), None, 1)
    assert steps(run) == ["create-user", "send-verification-email", "event", "unlock-account"]
    assert site.calls() == {"create-user": 1, "send-verification-email": 1, "unlock-account": 1}
    event = {"event": "email.verified", "correlationKey": "user:123", "payload": {"userId": "123"}, "timedOut": False}
    assert site.asked("unlock-account") == [{"event": event}]
    assert site.asked("create-user") == [{"id": "123", "email": "123@example.com"}]


async def test_s2_an_event_before_the_run_is_used(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    sent = await vendor.event("email.verified", {"userId": "123"}, "user:123", wait=True)
    assert (sent["outcome"], sent["runs"], sent["duplicate"]) == ("buffered", [], False)
    run = await vendor.ended(await vendor.start("userOnboarding", ann()))
    assert run["result"] == {"onboarded": True}
    # It is used up: the next run of the same key waits.
    await vendor.waits(await vendor.start("userOnboarding", ann()))


async def test_s3_only_the_run_of_the_key_resumes(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    runs = {user: await vendor.start("userOnboarding", ann(user)) for user in ("1", "2", "3")}
    for run_id in runs.values():
        await vendor.waits(run_id)
    sent = await vendor.event("email.verified", {"userId": "2"}, "user:2", wait=True)
    assert (sent["outcome"], sent["runs"]) == ("matched", [runs["2"]])
    await vendor.ended(runs["2"])
    assert [(await vendor.run(runs[user]))["status"] for user in ("1", "3")] == ["waiting", "waiting"]
    assert site.calls()["unlock-account"] == 1


@pytest.mark.parametrize(
    ("name", "key"), [("email.verified", "user:1234"), ("email.Verified", "user:123"), ("email.verified", None)]
)
async def test_another_name_or_key_resumes_nothing(vendor: Vendor, site: Site, name: str, key: str | None) -> None:
    await vendor.register(onboarding(site))
    run_id = await vendor.start("userOnboarding", ann())
    await vendor.waits(run_id)
    assert (await vendor.event(name, {}, key, wait=True))["outcome"] == "buffered"
    assert (await vendor.run(run_id))["status"] == "waiting"
    await vendor.event("email.verified", {}, "user:123")
    await vendor.ended(run_id)


async def test_a_wait_without_key_takes_events_without_key(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("anyone", {"waitForEvent": "opened", "as": "event"}, returns="${event.payload}"))
    run_id = await vendor.start("anyone")
    await vendor.waits(run_id)
    assert (await vendor.event("opened", 1, "key", wait=True))["outcome"] == "buffered"
    assert (await vendor.event("opened", 2, wait=True))["runs"] == [run_id]
    assert (await vendor.ended(run_id))["result"] == 2


async def test_of_two_runs_of_one_key_the_older_gets_the_event(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    first = await vendor.start("userOnboarding", ann())
    await vendor.waits(first)
    second = await vendor.start("userOnboarding", ann())
    await vendor.waits(second)
    assert (await vendor.event("email.verified", {}, "user:123", wait=True))["runs"] == [first]
    await vendor.ended(first)
    assert (await vendor.run(second))["status"] == "waiting"
    assert (await vendor.event("email.verified", {}, "user:123", wait=True))["runs"] == [second]
    await vendor.ended(second)


async def test_an_event_for_all_resumes_all(vendor: Vendor, site: Site) -> None:
    await vendor.register(onboarding(site))
    runs = [await vendor.start("userOnboarding", ann()) for _ in range(3)]
    await asyncio.gather(*(vendor.waits(run_id) for run_id in runs))
    sent = await vendor.event("email.verified", {}, "user:123", deliver="all", wait=True)
    assert sorted(sent["runs"]) == sorted(runs)
    await asyncio.gather(*(vendor.ended(run_id) for run_id in runs))


async def test_several_early_events_are_used_oldest_first(vendor: Vendor, site: Site) -> None:
    collecting = [{**wait("item", "cart:1"), "as": f"e{number}"} for number in range(3)]
    await vendor.register(job("collect", *collecting, returns=[f"${{e{number}.payload}}" for number in range(3)]))
    for number in range(3):
        await vendor.event("item", number, "cart:1")
    assert (await vendor.ended(await vendor.start("collect")))["result"] == [0, 1, 2]


async def test_an_event_reaches_no_other_organisation(vendor: Vendor, other: Vendor, site: Site) -> None:
    for client in (vendor, other):
        await client.register(onboarding(site))
    mine, theirs = await vendor.start("userOnboarding", ann()), await other.start("userOnboarding", ann())
    await vendor.waits(mine)
    await other.waits(theirs)
    assert (await vendor.event("email.verified", {}, "user:123", wait=True))["runs"] == [mine]
    await vendor.ended(mine)
    assert (await other.run(theirs))["status"] == "waiting"


async def test_a_key_that_is_no_string_fails_the_step(vendor: Vendor, site: Site) -> None:
    await vendor.register(job("numbers", wait("paid", "${payload.id}"), returns=1))
    run = await vendor.ended(await vendor.start("numbers", {"id": 7}), "failed")
    assert "string" in run["error"] or "text" in run["error"]
    assert run["attempts"] == 1
    run = await vendor.ended(await vendor.start("numbers", {}), "failed")
    assert "payload.id" in run["error"]


# --- S4: nobody sends the event; time is skipped ---


@pytest.mark.parametrize(("timeout", "hours"), [("24h", 24), ("30d", 720)])
@pytest.mark.parametrize(("word", "status"), [("fail", "failed"), ("continue", "completed"), ("cancel", "cancelled")])
async def test_s4_nobody_sends_the_event(
    skipping: tuple[WorkflowEnvironment, Stack], site: Site, timeout: str, hours: int, word: str, status: str
) -> None:
    environment, stack = skipping
    async with vendor_of(stack, "key-0", "org-0") as vendor:
        await vendor.ok("POST", "/jobs?dryRun=true", {"definition": onboarding(site, word, timeout)})
        definition = onboarding(site, word, timeout) | {"name": f"onboarding-{word}-{timeout}"}
        await vendor.register(definition)
        user = f"{word}-{timeout}"
        run_id = await vendor.start(definition["name"], ann(user))
        await vendor.waits(run_id)
        handle = environment.client.get_workflow_handle(vendor.workflow_id(run_id))
        await environment.fast_forward(handle, timedelta(hours=hours, minutes=-1))
        assert (await vendor.run(run_id))["status"] == "waiting"
        await environment.fast_forward(handle, timedelta(minutes=2))
        run = await vendor.ended(run_id, status)
        assert run["attempts"] == 1
        assert run["dead_lettered"] is (word == "fail")
        late = {"event": "email.verified", "correlationKey": f"user:{user}", "payload": None, "timedOut": True}
        assert site.asked("unlock-account") == ([{"event": late}] if word == "continue" else [])
        assert ("email.verified" in (run["error"] or "")) is (word != "continue")
        # What comes too late is kept, for a run to come.
        assert (await vendor.event("email.verified", {}, f"user:{user}", wait=True))["outcome"] == "buffered"
