"""J3, J5 and J6, and the callers of J1, J2 and J4: what the resumed step sees, and how each caller is answered."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any

import httpx
import pytest
import requests

from adapter.resume import GONE
from tests.conformance.jsworkflows.vendor import BROWSER, Json, Vendor, code, named, step, steps

CODE = """export class Workflow {
  async start(data, headers, api) {
    const { resumeUrl } = await api.waitForEvent({
      action: 'onApproved', payload: { orderId: data.id }, redirect_url: data.redirect });
    return { resumeUrl };
  }
  async onApproved(data, headers, api) {
    console.log(JSON.stringify(data));
    if (data.event && data.event.fail) throw new Error('no such order: ' + data.orderId);
  }
}"""
STEPS = steps(
    "as-data",
    start=[
        {
            "waitForEvent": {
                "action": "onApproved",
                "payload": {"orderId": "${data.id}"},
                "redirect_url": "${data.redirect}",
            },
            "as": "link",
        },
        {"return": {"resumeUrl": "${link.resumeUrl}"}},
    ],
    onApproved=[{"log": "${data}"}],
)
BOTH = pytest.mark.parametrize("workflow", [code("as-code", CODE), STEPS], ids=["code", "steps"])
NOTE = {"approvedBy": "jane@example.com", "note": "Looks good"}


async def waiting(vendor: Vendor, workflow: Json | None = None, redirect: str | None = None) -> tuple[str, str]:
    """A run that waits: its id, and the URL that resumes it."""
    made = await vendor.live(workflow or code("as-code", CODE))
    answer = await vendor.trigger(made, {"id": "1001", "redirect": redirect})
    assert answer.status_code == 200, answer.text
    run_id = answer.headers["x-run-id"]
    await vendor.waits(run_id)
    return run_id, str(answer.json()["resumeUrl"])


async def seen(vendor: Vendor, run_id: str) -> Any:
    """What the resumed step had as `data`, once the run has completed."""
    run = await vendor.ended(run_id)
    assert named(run) == ["start", "onApproved"]
    [line] = step(run, "onApproved")["logs"]
    return json.loads(line)


@BOTH
@pytest.mark.parametrize(
    "query, event",
    [
        pytest.param("", None, id="J3"),
        pytest.param("?approved=true&reviewer=alice", {"approved": "true", "reviewer": "alice"}, id="J2"),
        pytest.param("?approve=false", {"approve": "false"}, id="J4"),
        pytest.param("?n=1&n=2", {"n": "2"}, id="the last one counts"),
    ],
)
async def test_a_get_brings_its_query(vendor: Vendor, workflow: Json, query: str, event: Any) -> None:
    run_id, url = await waiting(vendor, workflow)
    answer = await vendor.http.get(url + query)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": event}


@BOTH
async def test_j1_a_post_brings_its_body(vendor: Vendor, workflow: Json) -> None:
    run_id, url = await waiting(vendor, workflow)
    assert (await vendor.http.post(url, json=NOTE)).json() == {"ok": True}
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": NOTE}


async def test_j1_by_curl_as_the_page_has_it(vendor: Vendor) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    for kind in (["-H", "Content-Type: application/json"], []):
        run_id, url = await waiting(vendor, code("as-code", CODE) | {"name": f"curl-{len(kind)}"})
        command = [curl, "-sS", "-X", "POST", url, *kind, "-d", json.dumps(NOTE)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        assert json.loads(output) == {"ok": True}
        assert await seen(vendor, run_id) == {"orderId": "1001", "event": NOTE}


async def test_j1_by_requests(vendor: Vendor) -> None:
    run_id, url = await waiting(vendor)
    answer = await asyncio.to_thread(requests.post, url, json=NOTE, timeout=30)
    assert answer.json() == {"ok": True}
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": NOTE}


async def test_a_step_that_throws_is_told_to_who_waits_for_it(vendor: Vendor) -> None:
    run_id, url = await waiting(vendor)
    answer = await vendor.http.post(url, json={"fail": True})
    assert (answer.status_code, answer.json()["ok"]) == (500, False)
    assert "no such order: 1001" in answer.json()["error"]
    await vendor.ended(run_id, "failed")
    assert (await vendor.http.post(url, json={})).status_code == 404


@BOTH
async def test_j5_a_person_is_sent_on_and_a_program_is_not(vendor: Vendor, workflow: Json) -> None:
    place = "https://mystore.com/approved"
    run_id, url = await waiting(vendor, workflow, place)
    person = await vendor.http.get(f"{url}?approve=true", headers=BROWSER)
    assert (person.status_code, person.headers["location"]) == (302, place)
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": {"approve": "true"}}
    run_id, url = await waiting(vendor, workflow | {"name": "for-programs"}, place)
    assert (await vendor.http.post(url, json=NOTE)).json() == {"ok": True}
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": NOTE}


@BOTH
async def test_a_person_without_a_redirect_gets_a_page(vendor: Vendor, workflow: Json) -> None:
    run_id, url = await waiting(vendor, workflow)
    person = await vendor.http.get(url, headers=BROWSER)
    assert (person.status_code, person.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Thank you" in person.text
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": None}


@pytest.mark.parametrize("first", [BROWSER, {}], ids=["a person first", "a program first"])
async def test_j6_a_second_call_is_404_in_the_callers_form(vendor: Vendor, first: dict[str, str]) -> None:
    run_id, url = await waiting(vendor)
    assert (await vendor.http.get(url, headers=first)).status_code == 200
    program = await vendor.http.post(url, json=NOTE)
    assert (program.status_code, program.json()) == (404, {"ok": False, "error": GONE})
    person = await vendor.http.get(url, headers=BROWSER)
    assert person.status_code == 404 and "This link cannot be used" in person.text
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": None}


async def test_of_many_at_once_one_resumes(vendor: Vendor) -> None:
    run_id, url = await waiting(vendor)
    answers = await asyncio.gather(*(_posted(vendor.http, url, number) for number in range(30)))
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(404) == 29
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": {"number": winner}}


async def _posted(http: httpx.AsyncClient, url: str, number: int) -> httpx.Response:
    return await http.post(url, json={"number": number})


async def test_looking_at_a_link_leaves_it_usable(vendor: Vendor) -> None:
    run_id, url = await waiting(vendor)
    assert (await vendor.http.head(url)).status_code == 200
    assert (await vendor.http.options(url)).status_code == 204
    assert (await vendor.http.put(url, json=NOTE)).status_code == 405
    assert (await vendor.run(run_id))["status"] == "waiting"
    assert (await vendor.http.get(url)).json() == {"ok": True}
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": None}


@pytest.mark.parametrize("form", ["code", "steps"])
async def test_a_link_that_asks_first(vendor: Vendor, form: str) -> None:
    """A mail scanner that follows every link, as a program or as a browser, decides nothing."""
    asks = "redirect_url: data.redirect, get: 'confirm'"
    workflow = code("as-code", CODE.replace("redirect_url: data.redirect", asks))
    if form == "steps":
        workflow = json.loads(json.dumps(STEPS))
        workflow["steps"]["start"][0]["waitForEvent"]["get"] = "confirm"
    run_id, url = await waiting(vendor, workflow)
    for headers in (BROWSER, {}):
        scanned = await vendor.http.get(f"{url}?approve=false", headers=headers)
        assert scanned.status_code == (200 if headers else 405)
    assert (await vendor.run(run_id))["status"] == "waiting"
    pressed = await vendor.http.post(f"{url}?approve=true", headers={**BROWSER, "origin": "null"})
    assert "Thank you" in pressed.text
    assert await seen(vendor, run_id) == {"orderId": "1001", "event": {"approve": "true"}}
