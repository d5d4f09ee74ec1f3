"""Workflows and routes: drafts, deployed versions, the switch, deletion; what is refused; whose a project is."""

from __future__ import annotations

import pytest

from tests.conformance.fastgen.conftest import READER
from tests.conformance.fastgen.samples import returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, refused
from tests.running import eventually

SEEN = variable("Seen", "{{$param}}")
BODY: Json = {"description": "Reorder", "event": "sku_reorder", "active": True, "actions": [SEEN]}


async def routes(vendor: Vendor) -> list[Json]:
    rows: list[Json] = (await vendor.ok("GET", "/routes"))["routes"]
    return rows


async def started(vendor: Vendor, event: str = "sku_reorder") -> int:
    return len((await vendor.publish(event, {}))["started"])


async def test_saving_changes_nothing_that_runs_and_a_deploy_is_live_at_once(vendor: Vendor) -> None:
    saved = await vendor.ok("PUT", "/workflows/Reorder", BODY, 201)
    assert saved == {
        "name": "Reorder",
        "project": vendor.project,
        "active": True,
        "version": 1,
        "deployedVersion": None,
    }
    assert await started(vendor) == 0
    assert (await vendor.deploy("workflows", "Reorder"))["deployedVersion"] == 1
    [first] = (await vendor.publish("sku_reorder", {"n": 1}))["started"]
    saved = await vendor.ok("PUT", "/workflows/Reorder", BODY | {"actions": [variable("Seen", "new")]})
    assert (saved["version"], saved["deployedVersion"]) == (2, 1)
    [second] = (await vendor.publish("sku_reorder", {"n": 2}))["started"]
    await vendor.deploy("workflows", "Reorder")
    [third] = (await vendor.publish("sku_reorder", {"n": 3}))["started"]
    seen = [action(await vendor.ended(run), "Seen")["output"] for run in (first, second, third)]
    assert seen == [{"n": 1}, {"n": 2}, "new"]


async def test_the_same_document_again_is_the_same_version(vendor: Vendor) -> None:
    await vendor.ok("PUT", "/workflows/Reorder", BODY, 201)
    read = await vendor.ok("GET", "/workflows/Reorder")
    assert read["actions"] == [SEEN] and read["description"] == "Reorder" and read["createdAt"] <= read["updatedAt"]
    # What was read may be sent back.
    assert (await vendor.ok("PUT", "/workflows/Reorder", read))["version"] == 1
    assert (await vendor.ok("PUT", "/workflows/Reorder", read | {"description": "Other"}))["version"] == 2


async def test_the_version_that_is_deployed_can_be_read_and_gone_back_to(vendor: Vendor) -> None:
    await vendor.workflow("Reorder", "old")
    await vendor.workflow("Reorder", "new")
    assert [await started(vendor, "old"), await started(vendor, "new")] == [0, 1]
    back = await vendor.deploy("workflows", "Reorder", version=1)
    assert (back["version"], back["deployedVersion"]) == (2, 1)
    assert [await started(vendor, "old"), await started(vendor, "new")] == [1, 0]
    assert (await vendor.ok("GET", "/workflows/Reorder", params={"deployed": "true"}))["event"] == "old"
    assert (await vendor.ok("GET", "/workflows/Reorder"))["event"] == "new"
    refused(await vendor.send("POST", "/workflows/Reorder/deploy", {"version": 9}), 404)
    refused(await vendor.send("POST", "/workflows/Reorder/deploy", {"version": 0}), 422)


async def test_the_document_says_whether_it_is_active_at_first_and_when_it_says_something_new(vendor: Vendor) -> None:
    off, on = BODY | {"active": False}, BODY
    assert (await vendor.ok("PUT", "/workflows/W", off, 201))["active"] is False
    assert (await vendor.deploy("workflows", "W"))["active"] is False
    assert await started(vendor) == 0
    await vendor.switch("workflows", "W", True)
    assert await started(vendor) == 1
    # It says what it said before: the switch stays.
    assert (await vendor.ok("PUT", "/workflows/W", off | {"description": "x"}))["active"] is True
    assert (await vendor.deploy("workflows", "W"))["active"] is True
    # It says something new: that counts, once it is deployed.
    await vendor.switch("workflows", "W", False)
    assert (await vendor.ok("PUT", "/workflows/W", on))["active"] is False
    assert await started(vendor) == 0
    assert (await vendor.deploy("workflows", "W"))["active"] is True
    assert await started(vendor) == 1
    await vendor.ok("PUT", "/workflows/W", off)
    assert await started(vendor) == 1
    assert (await vendor.deploy("workflows", "W"))["active"] is False
    assert await started(vendor) == 0


async def test_what_was_switched_before_its_first_deploy_stays_so(vendor: Vendor) -> None:
    await vendor.ok("PUT", "/workflows/W", BODY, 201)
    assert (await vendor.switch("workflows", "W", False))["active"] is False
    assert (await vendor.deploy("workflows", "W"))["active"] is False
    assert await started(vendor) == 0


async def test_what_is_deleted_is_gone_and_its_name_is_free(vendor: Vendor) -> None:
    await vendor.workflow("W", "sku_reorder", SEEN)
    await vendor.switch("workflows", "W", False)
    assert await vendor.ok("DELETE", "/workflows/W") == {"name": "W", "deleted": True}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/deploy"), ("POST", "/debug"), ("PUT", "/active")):
        refused(await vendor.send(method, f"/workflows/W{path}", {"active": True} if path == "/active" else None), 404)
    assert await started(vendor) == 0
    again = await vendor.ok("PUT", "/workflows/W", BODY, 201)
    assert (again["active"], again["deployedVersion"], again["version"]) == (True, None, 2)
    assert await started(vendor) == 0
    await vendor.deploy("workflows", "W")
    assert await started(vendor) == 1


async def test_lists_are_of_one_kind_and_one_project(vendor: Vendor) -> None:
    await vendor.workflow("B", "b")
    await vendor.workflow("A", "a", description="First", deploy=False)
    await vendor.route("A", "GET", "/a", returns(1))

    async def rows() -> list[Json]:  # as visibility has them: a moment late
        found: list[Json] = (await vendor.ok("GET", "/workflows"))["workflows"]
        return found

    wanted = [("A", "a", None), ("B", "b", 1)]
    found = await eventually(
        rows, lambda rows: [(row["name"], row["event"], row["deployedVersion"]) for row in rows] == wanted
    )
    assert found[0]["description"] == "First" and "actions" not in found[0]
    [row] = await eventually(lambda: routes(vendor), lambda rows: len(rows) == 1)
    assert (row["name"], row["method"], row["path"]) == ("A", "GET", "/a")
    assert row["url"].endswith(f"/fastgen/{vendor.project}/api/a")
    beside = Vendor(vendor.http, vendor.token, f"{vendor.project}-2")
    assert await beside.ok("GET", "/workflows") == {"workflows": []}
    refused(await beside.send("GET", "/workflows/A"), 404)


@pytest.mark.parametrize(
    "change, code, path",
    [
        ({"actions": [{"name": "A", "type": "nothing"}]}, "action-type-unknown", "$.actions[0].type"),
        ({"event": None}, "event-name-invalid", "$.event"),
        ({"active": "yes"}, "boolean-expected", "$.active"),
        ({"evnet": "x"}, "key-unknown", "$.evnet"),
        ({"actions": [variable("A", "{{$body.x}}")]}, "reference-unknown", "$.actions[0].config.value"),
        ({"actions": [SEEN, SEEN]}, "action-key-repeated", "$.actions[1].name"),
    ],
)
async def test_what_is_wrong_is_told_with_code_and_path_and_kept_by_nobody(
    vendor: Vendor, change: Json, code: str, path: str
) -> None:
    for query in ({}, {"dryRun": "true"}):
        response = await vendor.send("PUT", "/workflows/W", BODY | change, params=query)
        [error] = refused(response, 422, "definition-invalid")["errors"]
        assert (error["code"], error["path"]) == (code, path)
    refused(await vendor.send("GET", "/workflows/W"), 404)


@pytest.mark.parametrize(
    "kind, body",
    [
        ("workflows", BODY | {"actions": [{"name": "Mail", "type": "sendEmail", "config": {}}]}),
        (
            "workflows",
            BODY | {"actions": [{"name": "P", "type": "customCode", "config": {"language": "python", "code": "x"}}]},
        ),
        ("workflows", BODY | {"actions": [variable("A", "{{$user.roles}}")]}),
        ("routes", {"method": "GET", "path": "/", "authentication": "user", "actions": []}),
    ],
)
async def test_what_the_vendor_has_and_we_have_not_is_refused_as_unsupported(
    vendor: Vendor, kind: str, body: Json
) -> None:
    body = refused(await vendor.send("PUT", f"/{kind}/X", body), 422, "definition-invalid")
    assert [error.get("unsupported") for error in body["errors"]] == [True]


async def test_a_dry_run_keeps_nothing(vendor: Vendor, other: Vendor) -> None:
    checked = await vendor.ok("PUT", "/workflows/W", BODY, params={"dryRun": "true"})
    assert checked == {"valid": True, "name": "W", "project": vendor.project}
    refused(await vendor.send("GET", "/workflows/W"), 404)
    # Not even the project.
    taker = Vendor(other.http, other.token, vendor.project)
    await taker.ok("PUT", "/workflows/W", BODY, 201)


@pytest.mark.parametrize(
    "content, code",
    [
        (b"", "json-invalid"),
        (b"{", "json-invalid"),
        (b"[]", "request-invalid"),
        (b'{"a":1,"a":2}', "json-key-repeated"),
    ],
)
async def test_a_body_that_is_no_document_is_refused(vendor: Vendor, content: bytes, code: str) -> None:
    headers = {"authorization": f"Bearer {vendor.token}"}
    url = f"/fastgen/{vendor.project}/workflows/W"
    response = await vendor.http.put(url, content=content, headers=headers)
    body = refused(response, 422)
    assert code in {body["code"], *(error["code"] for error in body.get("errors", []))}


async def test_names_of_path_and_body_agree(vendor: Vendor) -> None:
    assert refused(await vendor.send("PUT", "/workflows/W", BODY | {"name": "V"}), 422)["errors"][0]["path"] == "$.name"
    await vendor.ok("PUT", "/workflows/W", BODY | {"name": "W"}, 201)
    await vendor.ok("PUT", "/workflows/Grün%20%231", BODY, 201)
    assert (await vendor.ok("GET", "/workflows/Grün%20%231"))["name"] == "Grün #1"
    refused(await vendor.send("PUT", "/workflows/a%2Fb", BODY | {"actions": 5}), 422)
    await_bad = Vendor(vendor.http, vendor.token, "no%20project")
    refused(await await_bad.send("PUT", "/workflows/W", BODY), 422)
    refused(await await_bad.send("POST", "/events", {"event": "x"}), 422)


async def test_a_project_is_its_first_organisations(vendor: Vendor, other: Vendor) -> None:
    await vendor.workflow("W", "sku_reorder", SEEN)
    run = (await vendor.publish("sku_reorder", {"sku": "secret"}))["started"][0]
    foreign = Vendor(other.http, other.token, vendor.project)
    for method, path, body in (
        ("PUT", "/workflows/W", BODY),
        ("PUT", "/routes/R", {"method": "GET", "path": "/", "actions": []}),
        ("POST", "/events", {"event": "sku_reorder"}),
        ("POST", "/tokens", {}),
    ):
        refused(await foreign.send(method, path, body), 409, "conflict")
    for method, path in (
        ("GET", "/workflows/W"),
        ("DELETE", "/workflows/W"),
        ("POST", "/workflows/W/deploy"),
        ("POST", "/workflows/W/debug"),
        ("GET", f"/runs/{run}"),
        ("POST", f"/runs/{run}/cancel"),
    ):
        refused(await foreign.send(method, path), 404)
    assert (await foreign.ok("GET", "/workflows"))["workflows"] == []
    assert (await foreign.ok("GET", "/runs"))["runs"] == []
    assert (await foreign.ok("GET", "/tokens"))["tokens"] == []
    assert len(await vendor.runs()) == 1


async def test_callers_need_a_key_with_the_permission(vendor: Vendor) -> None:
    for token, status in (("wrong", 401), ("tg1.wrong", 401), (READER, 403)):
        reader = Vendor(vendor.http, token, vendor.project)
        for method, path in (("PUT", "/workflows/W"), ("POST", "/events"), ("POST", "/tokens"), ("GET", "/routes")):
            refused(await reader.send(method, path, BODY), status)
    assert (await Vendor(vendor.http, READER, vendor.project).ok("GET", "/runs"))["runs"] == []


async def test_unknown_paths_methods_and_keys_are_told_in_the_same_shape(vendor: Vendor) -> None:
    refused(await vendor.send("GET", "/nothing"), 404, "unknown-route")
    response = await vendor.send("PATCH", "/workflows/W", {})
    refused(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "DELETE, GET, PUT"
    await vendor.ok("PUT", "/workflows/W", BODY, 201)
    assert refused(await vendor.send("PUT", "/workflows/W/active", {"actve": 1}), 422)["errors"]
    refused(await vendor.send("PUT", "/workflows/W", BODY, params={"dryrun": "true"}), 422)
