"""What is told of a run whose records are more than it keeps, and of credentials in a debugged request."""

from __future__ import annotations

from typing import Any

from tests.conformance.fastgen.samples import delays, returns, variable
from tests.conformance.fastgen.vendor import Vendor, action, statuses

Json = dict[str, Any]


def goes_through(count: int) -> Json:
    config = {"items": list(range(count))}
    return {"name": "Loop", "type": "loop", "config": config, "actions": [variable("Turn", 1)]}


async def test_an_action_whose_record_is_gone_is_not_called_skipped(vendor: Vendor) -> None:
    """A turn of a loop makes three records, and a run keeps a thousand."""
    lists = [variable("First", 1), delays(0), goes_through(400), variable("Last", 2)]
    never = {"name": "Never", "type": "if", "config": {"any": []}, "true": [variable("No", 1), delays(0, "No pause")]}
    await vendor.workflow("W", "e", *lists, never, deploy=False)
    run = await vendor.ok("POST", "/workflows/W/debug", {})
    assert run["status"] == "succeeded"
    assert statuses(run) == {
        "First": "executed",
        "Pause": "unknown",
        "Loop": "executed",
        "Turn": "executed",
        "Last": "executed",
        "Never": "executed",
        "No": "skipped",
        "No pause": "unknown",
    }
    gone = action(run, "First")
    assert (gone["visit"], gone["input"], gone["output"], gone["startedAt"]) == (None, None, None, None)
    assert action(run, "Turn")["visit"] == 400


async def test_a_debugged_route_sees_credentials_only_if_it_names_them(vendor: Vendor) -> None:
    given = {"headers": {"Authorization": "Bearer x", "Cookie": "s=1", "X-A": "1"}}
    await vendor.route("R", "GET", "/r", returns({"all": "{{$header}}"}), deploy=False)
    run = await vendor.ok("POST", "/routes/R/debug", given)
    assert run["request"]["header"] == {"x-a": "1"} == run["response"]["body"]["all"]
    await vendor.route("R", "GET", "/r", returns({"one": "{{$header.Authorization}}"}), deploy=False)
    run = await vendor.ok("POST", "/routes/R/debug", given)
    assert run["request"]["header"] == {"authorization": "Bearer x", "x-a": "1"}


async def test_a_content_type_that_cannot_be_sent_is_none(vendor: Vendor) -> None:
    """Then a text is JSON, as without one."""
    await vendor.route("R", "POST", "/r", returns("text", headers={"Content-Type": "{{$body.kind}}"}))
    for kind in ("text/html\r\nX-Evil: 1", "text/\u65e5", None):
        answer = await vendor.call("POST", "/r", {"kind": kind})
        assert (answer.headers["content-type"], answer.text) == ("application/json", '"text"')
    answer = await vendor.call("POST", "/r", {"kind": "text/plain"})
    assert (answer.headers["content-type"], answer.text) == ("text/plain", "text")
