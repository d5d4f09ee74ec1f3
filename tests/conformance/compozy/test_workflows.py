"""Workflows: save, read, list by pages, delete."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import pytest

from tests.conformance.compozy.samples import gate, gives, quick, workflow
from tests.conformance.compozy.vendor import Json, Vendor, data_of, first_shape, problem

PAGE = """
# Workflow that processes external approvals
workflows:
  - id: other
    tasks:
      - id: only
        type: aggregate
  - id: approval-processor
    triggers:
      - type: signal
        name: approval-request
    tasks:
      - id: wait-for-decision
        type: wait
        wait_for: approval-decision
"""


async def test_save_read_and_save_again(vendor: Vendor) -> None:
    created = await vendor.put(quick(description="says hello"))
    assert created.headers["location"] == "/api/v0/workflows/quick"
    etag = created.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]+"', etag)
    read = await vendor.send("GET", "/workflows/quick")
    assert (data_of(read, 200), read.headers["etag"]) == (quick(description="says hello"), etag)
    same = await vendor.put(quick(description="says hello"), 200)
    assert (same.headers["etag"], "location" in same.headers) == (etag, False)
    changed = await vendor.put(quick(description="says more"), 200)
    assert changed.headers["etag"] != etag
    assert data_of(await vendor.send("GET", "/workflows/quick"), 200)["description"] == "says more"


async def test_a_change_is_made_to_what_its_maker_has_seen_only(vendor: Vendor) -> None:
    etag = (await vendor.put(quick())).headers["etag"]
    newer = (await vendor.put(quick(version="2"), 200, headers={"If-Match": etag})).headers["etag"]
    for method in ("PUT", "DELETE"):
        body = quick(version="3") if method == "PUT" else None
        response = await vendor.send(method, "/workflows/quick", body, headers={"If-Match": etag})
        problem(response, 412, "PRECONDITION_FAILED")
    assert (await vendor.send("GET", "/workflows/quick")).headers["etag"] == newer
    await vendor.put(quick(version="3"), 200, headers={"If-Match": f'"other", {newer}'})
    await vendor.put(quick(version="4"), 200, headers={"If-Match": "*"})
    for name, header in (("quick", "If-None-Match"), ("new", "If-Match")):
        response = await vendor.send("PUT", f"/workflows/{name}", quick(name), headers={header: "*"})
        problem(response, 412, "PRECONDITION_FAILED")


async def test_of_many_changes_to_one_state_one_is_made(vendor: Vendor) -> None:
    etag = (await vendor.put(quick())).headers["etag"]
    sent = (vendor.send("PUT", "/workflows/quick", quick(version=str(n)), headers={"If-Match": etag}) for n in range(5))
    assert sorted(one.status_code for one in await asyncio.gather(*sent)) == [200, 412, 412, 412, 412]


async def test_many_changes_without_a_condition_are_all_made(vendor: Vendor) -> None:
    sent = (vendor.send("PUT", "/workflows/quick", quick(version=str(n))) for n in range(3))
    codes = [one.status_code for one in await asyncio.gather(*sent)]
    assert set(codes) <= {200, 201}
    assert 201 in codes


@pytest.mark.parametrize("content_type", ["application/yaml", "application/json", "application/x-www-form-urlencoded"])
async def test_a_workflow_of_a_document_in_yaml(vendor: Vendor, content_type: str) -> None:
    response = await vendor.send(
        "PUT", "/workflows/approval-processor", content=PAGE, headers={"content-type": content_type}
    )
    assert data_of(response, 201)["tasks"][0]["wait_for"] == "approval-decision"
    data_of(await vendor.send("GET", "/workflows/approval-processor"), 200)
    problem(await vendor.send("GET", "/workflows/other"), 404, "NOT_FOUND")
    missing = await vendor.send("PUT", "/workflows/nobody", content=PAGE)
    assert [one["path"] for one in problem(missing, 400, "REQUEST_INVALID")["errors"]] == ["$.id"]


async def test_the_id_may_stand_in_the_path_alone(vendor: Vendor) -> None:
    document = {"tasks": [gives("a", {})]}
    assert data_of(await vendor.send("PUT", "/workflows/unnamed", document), 201)["id"] == "unnamed"


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({"id": "w", "tasks": []}, "tasks-empty", "$.tasks"),
        ({"id": "w", "tasks": [{"id": "a", "type": "nothing"}]}, "task-type-unknown", "$.tasks[0].type"),
        ({"id": "w", "tasks": [{"id": "a", "type": "memory"}]}, "task-type-unsupported", "$.tasks[0].type"),
        ({"id": "w", "tasks": [gives("a", {})], "mcps": [{"id": "m"}]}, "feature-unsupported", "$.mcps"),
        ({"id": "w", "tasks": [gives("a", {}, "b")]}, "task-unknown", "$.tasks[0].on_success.next"),
    ],
)
async def test_a_bad_workflow_is_refused(vendor: Vendor, document: Json, code: str, path: str) -> None:
    body = problem(await vendor.send("PUT", "/workflows/w", document), 400, "DEFINITION_INVALID")
    assert (code, path) in [(one["code"], one["path"]) for one in body["errors"]]
    assert code in body["details"]
    problem(await vendor.send("GET", "/workflows/w"), 404, "NOT_FOUND")


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2", b"a: b: c", b"\xff\xfe", b"just text"])
async def test_a_body_that_is_no_workflow_is_refused(vendor: Vendor, content: bytes) -> None:
    response = await vendor.send("PUT", "/workflows/w", content=content)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"


async def test_an_execution_keeps_the_version_it_began_with(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    await vendor.put(workflow("gate-flow", gives("other", {"n": 2})), 200)
    await vendor.signalled(exec_id, "go", {"n": 1})
    assert (await vendor.ended(exec_id))["output"] == {"answer": {"n": 1}}
    assert (await vendor.ended(await vendor.start("gate-flow")))["tasks"].keys() == {"other"}


async def test_delete(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    response = await vendor.send("DELETE", "/workflows/gate-flow")
    assert (response.status_code, response.content) == (204, b"")
    for method in ("GET", "DELETE"):
        problem(await vendor.send(method, "/workflows/gate-flow"), 404, "NOT_FOUND")
    first_shape(await vendor.send("POST", "/workflows/gate-flow/executions"), 404, "NOT_FOUND", "workflow not found")
    assert (await vendor.ok("GET", "/workflows"))["workflows"] == []
    await vendor.signalled(exec_id, "go", {"still": "there"})
    await vendor.ended(exec_id)
    created = await vendor.put(gate(), 201)
    assert created.headers["location"] == "/api/v0/workflows/gate-flow"


# --- lists ---


async def listed(vendor: Vendor, **query: Any) -> Json:
    data: Json = await vendor.ok("GET", "/workflows", params=query)
    return data


def ids_of(data: Json) -> list[str]:
    return [one["id"] for one in data["workflows"]]


async def test_pages_forwards_and_backwards(vendor: Vendor) -> None:
    names = ["a-1", "a-2", "b-1", "b-2", "c-1"]
    for name in reversed(names):
        await vendor.put(quick(name))
    assert ids_of(await listed(vendor)) == names
    first = await listed(vendor, limit=2)
    assert first["page"] == {"limit": 2, "total": 5, "next_cursor": cursor("after", "a-2"), "prev_cursor": None}
    second = await listed(vendor, limit=2, cursor=first["page"]["next_cursor"])
    assert (ids_of(second), second["page"]["prev_cursor"]) == (["b-1", "b-2"], cursor("before", "b-1"))
    last = await listed(vendor, limit=2, cursor=second["page"]["next_cursor"])
    assert (ids_of(last), last["page"]["next_cursor"]) == (["c-1"], None)
    back = await listed(vendor, limit=2, cursor=last["page"]["prev_cursor"])
    assert ids_of(back) == ["b-1", "b-2"]
    assert ids_of(await listed(vendor, limit=2, cursor=cursor("before", "a-2"))) == ["a-1"]
    assert ids_of(await listed(vendor, limit=2, cursor=cursor("after", "b"))) == ["b-1", "b-2"]
    found = await listed(vendor, q="b-")
    assert (ids_of(found), found["page"]["total"]) == (["b-1", "b-2"], 2)


def cursor(direction: str, name: str) -> str:
    return base64.urlsafe_b64encode(f"v2:{direction}:{name}".encode()).decode().rstrip("=")


async def test_the_header_names_the_pages_around(vendor: Vendor) -> None:
    for name in ("a", "b", "c"):
        await vendor.put(quick(name))
    response = await vendor.send("GET", "/workflows", params={"limit": 1, "cursor": cursor("after", "a")})
    links = {rel: url for url, rel in (part.split("; ") for part in response.headers["link"].split(", "))}
    assert links.keys() == {'rel="next"', 'rel="prev"'}
    for rel, name in (("next", "c"), ("prev", "a")):
        followed = await vendor.send("GET", links[f'rel="{rel}"'].strip("<>").removeprefix("/api/v0"))
        assert ids_of(data_of(followed, 200)) == [name]


async def test_a_row_tells_little_unless_more_is_asked_for(vendor: Vendor) -> None:
    etag = (await vendor.put(quick(version="1", description="says hello"))).headers["etag"]
    (row,) = (await listed(vendor))["workflows"]
    assert row.pop("created_at")
    counts = {"task_count": 1, "agent_count": 0, "tool_count": 0}
    assert row == {"id": "quick", "version": "1", "description": "says hello", "etag": etag, **counts}
    (whole,) = (await listed(vendor, expand="tasks,tools"))["workflows"]
    assert whole["tasks"] == quick()["tasks"]
    assert whole["tools"] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [({"limit": "0"}, "limit"), ({"limit": "501"}, "limit"), ({"cursor": "x"}, "cursor"),
     ({"cursor": base64.urlsafe_b64encode(b"v1:after:a").decode()}, "cursor"), ({"expand": "all"}, "expand")],
)  # fmt: skip
async def test_a_bad_question_is_refused(vendor: Vendor, query: dict[str, str], path: str) -> None:
    response = await vendor.send("GET", "/workflows", params=query)
    assert [one["path"] for one in problem(response, 400, "REQUEST_INVALID")["errors"]] == [path]


async def test_an_organisation_sees_its_own_workflows_only(vendor: Vendor, other: Vendor) -> None:
    await vendor.put(quick())
    assert ids_of(await listed(other)) == []
    problem(await other.send("GET", "/workflows/quick"), 404, "NOT_FOUND")
    problem(await other.send("DELETE", "/workflows/quick"), 404, "NOT_FOUND")
    await other.put(quick(description="another"), 201)
    assert data_of(await vendor.send("GET", "/workflows/quick"), 200) == json.loads(json.dumps(quick()))
