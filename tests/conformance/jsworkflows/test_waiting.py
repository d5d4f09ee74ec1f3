"""J1, J2, J4, J7, J8 and J9: the page's examples as written, over HTTP, and what becomes of their links."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.jsworkflows.vendor import BROWSER, Json, Vendor, code, details, named, step, steps
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page

LIBRARY = Path(__file__).parents[3] / "definitions" / "library" / "jsworkflows"


def example(name: str) -> Json:
    found: Json = json.loads((LIBRARY / f"{name}.json").read_text(encoding="utf-8"))
    return found


def sent(site: LocalServer, path: str) -> list[Any]:
    return [one.json() for one in site.received if one.path == path]


def open_site(site: LocalServer) -> None:
    site.on("/api/chat.postMessage", page({"ok": True}))
    site.on("/v3/mail/send", page({}, 202))


async def test_j1_the_approval_as_written(vendor: Vendor, site: LocalServer) -> None:
    open_site(site)
    workflow = await vendor.live(example("wait-for-approval"))
    answer = await vendor.trigger(workflow, {"id": "1001"})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (message,) = sent(site, "/api/chat.postMessage")
    assert site.received[0].headers["authorization"] == "Bearer xoxb-of-a-test"
    assert message["text"].startswith("Order 1001 needs approval. <http")
    url = message["text"].split("<")[1].split("|")[0]
    run = await vendor.waits(answer.headers["x-run-id"])
    assert (run["status"], run["waiting"][0]["action"]) == ("waiting", "onApproved")
    resumed = await vendor.http.post(url, json={"approvedBy": "jane@example.com", "note": "Looks good"})
    assert (resumed.status_code, resumed.json()) == (200, {"ok": True})
    run = await vendor.ended(answer.headers["x-run-id"])
    assert named(run) == ["start", "onApproved"]
    assert step(run, "onApproved")["logs"] == ["Order approved: 1001"]
    assert run["waiting"] == []


SEES = """export class Workflow {
  async start(data, headers, api) {
    const { token, resumeUrl } = await api.waitForEvent({
      action: 'onApproved', payload: { orderId: data.id, event: 'mine' }, timeout: data.timeout });
    return { token, resumeUrl };
  }
  async onApproved(data) { return { data }; }
}"""


async def _resumed(vendor: Vendor, query: str) -> Json:
    workflow = await vendor.live(code("sees", SEES))
    answer = await vendor.trigger(workflow, {"id": 7})
    url = answer.json()["resumeUrl"]
    assert url.endswith("/resume/" + answer.json()["token"])
    assert (await vendor.http.get(url + query)).json() == {"ok": True}
    run = await vendor.ended(answer.headers["x-run-id"])
    return dict(run["steps"][1])


async def test_j2_a_get_brings_texts(vendor: Vendor) -> None:
    seen = await _resumed(vendor, "?approved=true&reviewer=alice")
    event = {"approved": "true", "reviewer": "alice"}
    assert seen["name"] == "onApproved"
    # What the caller sends stands in place of the payload's own `event`.
    assert seen["data"] == {"data": {"orderId": 7, "event": event}}


@pytest.mark.parametrize(("answer", "words"), [("true", "approved"), ("false", "rejected")])
async def test_j4_one_link_in_two_buttons(vendor: Vendor, site: LocalServer, answer: str, words: str) -> None:
    open_site(site)
    workflow = await vendor.live(example("approve-by-email"))
    await vendor.ok("PUT", f"/workflows/{workflow['id']}/secrets/SENDGRID_API_KEY", {"value": "SG.of-a-test"})
    run_id = await vendor.started(workflow, {"id": "1001", "totalPrice": "30.00"})
    (mail,) = sent(site, "/v3/mail/send")
    assert site.received[0].headers["authorization"] == "Bearer SG.of-a-test"
    lines = mail["content"][0]["value"].splitlines()
    urls = {line.split(": ")[0]: line.split(": ")[1] for line in lines if line.startswith(("Approve", "Reject"))}
    chosen, left = (urls["Approve"], urls["Reject"]) if answer == "true" else (urls["Reject"], urls["Approve"])
    assert (await vendor.http.get(chosen)).json() == {"ok": True}
    run = await vendor.ended(run_id)
    assert step(run, "onReviewed")["logs"] == [f"Refund {words} for order 1001"]
    assert (await vendor.http.get(left)).status_code == 404
    assert named(await vendor.run(run_id)) == ["start", "onReviewed"]


async def test_j5_the_redirect_as_written(vendor: Vendor) -> None:
    workflow = await vendor.live(example("browser-redirect"))
    for number, headers in ((1, BROWSER), (2, {})):
        answer = await vendor.trigger(workflow, {"id": f"100{number}"})
        resumed = await vendor.http.get(answer.json()["resumeUrl"], headers=headers)
        if headers:
            assert (resumed.status_code, resumed.headers["location"]) == (302, "https://mystore.com/approved")
        else:
            assert (resumed.status_code, resumed.json()) == (200, {"ok": True})
        run = await vendor.ended(answer.headers["x-run-id"])
        assert (named(run), step(run, "onApproved")["logs"]) == (
            ["start", "onApproved"],
            [f"Order approved: 100{number}"],
        )


async def test_j7_nobody_calls(vendor: Vendor) -> None:
    workflow = await vendor.live(code("sees", SEES))
    answer = await vendor.trigger(workflow, {"timeout": 1})
    run = await vendor.ended(answer.headers["x-run-id"], "failed")
    assert "onApproved" in run["error"]
    assert (await vendor.http.post(answer.json()["resumeUrl"], json={})).status_code == 404
    assert named(await vendor.run(run["id"])) == ["start"]


async def test_j8_a_test_run_does_not_pause(vendor: Vendor) -> None:
    source = """export class Workflow {
  async start(data, headers, api) {
    console.log('before', { id: data.id });
    const given = await api.waitForEvent({ action: 'next', payload: {} });
    console.warn('after', given.token);
    return given;
  }
  async next() { console.log('never'); }
}"""
    shown = await vendor.test(code("tried", source), {"id": 5})
    assert shown["status"] == "completed"
    assert shown["result"] == {"token": "test-mode", "resumeUrl": ""}
    assert shown["debug"] == ['before {"id":5}', "⚠️ after test-mode"]
    assert (named(shown), shown["waiting"], shown["test"]) == (["start"], [], True)


async def test_j8_a_test_run_of_operations(vendor: Vendor) -> None:
    wait = {"waitForEvent": {"action": "next", "payload": {}}, "as": "link"}
    shown = await vendor.test(steps("tried", start=[wait, {"info": "${data.a}"}, {"return": "${link}"}], next=[]))
    assert shown["status"] == "failed" and "data.a" in shown["error"]
    made = await vendor.ok("GET", "/workflows")
    tried = f"/workflows/{made['workflows'][0]['id']}/test"
    shown = await vendor.ok("POST", tried, {"data": {"a": 1}, "headers": {"X-A": "b"}})
    assert shown["result"] == {"token": "test-mode", "resumeUrl": ""}
    assert [line[-1] for line in shown["debug"]] == ["1"]
    assert [run["test"] for run in await eventually(vendor.runs, lambda rows: len(rows) == 2)] == [True, True]


TABLE = {"30 sec": 30, "30 seconds": 30, "5 min": 300, "5 minutes": 300, "2 hr": 7200, "2 hours": 7200,
         "1 day": 86400, "7 days": 604800, "1 week": 604800, "2 weeks": 1209600, "1 hour": 3600, 90: 90,
         "24 HOURS": 86400}  # fmt: skip


async def test_j9_durations(vendor: Vendor) -> None:
    waits = [{"waitForEvent": {"action": "next", "payload": {}, "timeout": text}} for text in TABLE]
    source = """export class Workflow {
  async start(data, headers, api) {
    for (const timeout of data.table) await api.waitForEvent({ action: 'next', payload: {}, timeout });
  }
  async next() {}
}"""
    for workflow in (steps("table", start=waits, next=[]), code("coded", source)):
        run_id = await vendor.started(await vendor.live(workflow), {"table": list(TABLE)})
        run = await vendor.waits(run_id, len(TABLE))
        found = [_seconds(wait["since"], wait["expiresAt"]) for wait in run["waiting"]]
        assert sorted(found) == pytest.approx(sorted(TABLE.values()), abs=3)


def _seconds(since: str, until: str) -> float:
    read = datetime.fromisoformat
    return (read(until.replace("Z", "+00:00")) - read(since.replace("Z", "+00:00"))).total_seconds()


@pytest.mark.parametrize(
    "text", ["1 month", "1 year", "1.5 hours", "24hours", "24", "", "31 days", "-1 days", "1  day"]
)
async def test_j9_everything_else_throws(vendor: Vendor, text: str) -> None:
    source = SEES.replace("data.timeout", json.dumps(text))
    answer = await vendor.trigger(await vendor.live(code("throws", source)), {"id": 1})
    assert (answer.status_code, answer.json()["ok"]) == (500, False)
    assert answer.json()["error"]
    await vendor.ended(answer.headers["x-run-id"], "failed")
    wait = {"waitForEvent": {"action": "next", "payload": {}, "timeout": text}}
    refused = await vendor.send("POST", "/workflows", steps("refused", start=[wait], next=[]))
    (found,) = details(refused)
    assert found[1] == "$.steps.start[0].waitForEvent.timeout"
    assert found[0] in ("duration-invalid", "duration-out-of-range")
