"""Workflows, versions and tags."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from tests.conformance.justworkflowit.samples import DONE, GATE, workflow
from tests.conformance.justworkflowit.vendor import Vendor, invalid, refused


async def test_a_workflow_is_registered_read_and_listed(vendor: Vendor) -> None:
    ids = {name: await vendor.register(name) for name in ("zebra", "Äpfel", "approval")}
    one = await vendor.ok("GET", f"/workflows/{ids['approval']}")
    assert set(one) == {"workflowId", "name", "createdAt"}
    assert (one["workflowId"], one["name"]) == (ids["approval"], "approval")
    listed = (await vendor.ok("GET", "/workflows"))["workflows"]
    assert [item["name"] for item in listed] == sorted(ids)
    assert one in listed
    assert uuid.UUID(one["workflowId"])


async def test_a_name_is_taken_once(vendor: Vendor) -> None:
    await vendor.register("approval")
    body = invalid(await vendor.send("POST", "/workflows", {"name": "approval"}), "$.name")
    assert body["message"] == "A workflow already exists with this name."


async def test_of_two_registrations_at_once_one_wins(vendor: Vendor) -> None:
    answers = await asyncio.gather(*(vendor.send("POST", "/workflows", {"name": "approval"}) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_an_organisation_sees_its_own_workflows_only(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    other = Vendor(vendor.http, str(uuid.uuid4()))
    assert await other.ok("GET", "/workflows") == {"workflows": []}
    refused(await other.send("GET", f"/workflows/{workflow_id}"), 404, "NotFoundError")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": 7}, {"name": "x" * 201}, {"Name": "a"}])
async def test_a_bad_name_is_refused(vendor: Vendor, body: Any) -> None:
    invalid(await vendor.send("POST", "/workflows", body), "$.name")


async def test_versions_are_numbered_and_listed_newest_first(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    first = await vendor.add_version(workflow_id, GATE)
    second = await vendor.add_version(workflow_id, DONE)
    assert (first["versionNumber"], second["versionNumber"]) == (1, 2)
    assert set(first) == {"workflowId", "versionId", "versionNumber"}
    await vendor.tag(workflow_id, first["versionId"])
    await vendor.tag(workflow_id, first["versionId"], "$BETA")
    listed = (await vendor.ok("GET", f"/workflows/{workflow_id}/versions"))["versions"]
    assert [(item["versionNumber"], item["tags"]) for item in listed] == [(2, []), (1, ["$BETA", "$LIVE"])]
    assert all(set(item) == {"versionId", "versionNumber", "definition", "createdAt", "tags"} for item in listed)
    one = await vendor.ok("GET", f"/workflows/{workflow_id}/versions/{first['versionId']}")
    assert one == {"workflowId": workflow_id} | listed[1]
    assert json.loads(one["definition"]) == GATE


async def test_the_text_comes_back_as_it_was_sent(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    text = json.dumps(GATE, indent=3) + "\n"
    version = await vendor.add_version(workflow_id, text)
    one = await vendor.ok("GET", f"/workflows/{workflow_id}/versions/{version['versionId']}")
    assert one["definition"] == text


async def test_only_the_live_version_is_not_registered_again(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    first = await vendor.add_version(workflow_id, GATE)
    assert (await vendor.add_version(workflow_id, GATE))["versionNumber"] == 2
    await vendor.tag(workflow_id, first["versionId"])
    assert await vendor.add_version(workflow_id, json.dumps(GATE, indent=2)) == first
    assert (await vendor.add_version(workflow_id, DONE))["versionNumber"] == 3


async def test_an_invalid_definition_is_refused_with_where_and_why(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    broken = json.dumps(GATE | {"extra": 1})
    body = refused(
        await vendor.send("POST", f"/workflows/{workflow_id}/versions", {"definition": broken}), 400, "ValidationError"
    )
    assert any(path.startswith("$") for path in body["fields"])
    assert "extra" in json.dumps(body)
    assert (await vendor.ok("GET", f"/workflows/{workflow_id}/versions")) == {"versions": []}


@pytest.mark.parametrize("definition", [None, 1, {}, "", GATE])
async def test_a_definition_is_a_text(vendor: Vendor, definition: Any) -> None:
    workflow_id = await vendor.register()
    for path in ("versions", "versions/validate"):
        invalid(
            await vendor.send("POST", f"/workflows/{workflow_id}/{path}", {"definition": definition}), "$.definition"
        )


async def test_validation_says_what_is_wrong_without_an_error(vendor: Vendor) -> None:
    path = f"/workflows/{await vendor.register()}/versions/validate"
    text = json.dumps(GATE)
    assert await vendor.ok("POST", path, {"definition": text}) == {"valid": True, "errors": [], "definition": text}
    for wrong in ("{", "[]", json.dumps(workflow()), json.dumps(GATE | {"extra": 1})):
        answer = await vendor.ok("POST", path, {"definition": wrong})
        assert answer["valid"] is False
        assert answer["errors"]
        assert all(isinstance(error, str) for error in answer["errors"])


async def test_a_tag_moves(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    versions = [await vendor.add_version(workflow_id, text) for text in (GATE, DONE)]
    for version in (*versions, versions[0], versions[0]):
        await vendor.tag(workflow_id, version["versionId"])
        for written in ("%24LIVE", "$LIVE"):
            assert await vendor.ok("GET", f"/workflows/{workflow_id}/tags/{written}") == {
                "versionId": version["versionId"],
                "versionNumber": version["versionNumber"],
            }


async def test_an_unset_tag_is_not_found(vendor: Vendor) -> None:
    workflow_id = await vendor.register()
    refused(await vendor.send("GET", f"/workflows/{workflow_id}/tags/$LIVE"), 404, "NotFoundError")


@pytest.mark.parametrize("tag", ["LIVE", "$live", "$", "$LIVE2", "$LIVE-X", "%24LIVE%20", "$LIVE%2FX"])
async def test_a_tag_has_a_form(vendor: Vendor, tag: str) -> None:
    workflow_id = await vendor.register()
    version = await vendor.add_version(workflow_id, GATE)
    path = f"/workflows/{workflow_id}/tags/{tag}"
    invalid(await vendor.send("PUT", path, {"versionId": version["versionId"]}), "tag")
    invalid(await vendor.send("GET", path), "tag")


async def test_a_tag_points_to_a_version_of_its_workflow_only(vendor: Vendor) -> None:
    workflow_id, other = await vendor.register("one"), await vendor.register("two")
    foreign = (await vendor.add_version(other, GATE))["versionId"]
    path = f"/workflows/{workflow_id}/tags/$LIVE"
    for version_id in (foreign, str(uuid.uuid4()), "1", workflow_id):
        refused(await vendor.send("PUT", path, {"versionId": version_id}), 404, "NotFoundError")
    invalid(await vendor.send("PUT", path, {}), "$.versionId")


@pytest.mark.parametrize("workflow_id", ["6d2e6d75-e001-4ca8-b625-ae5043c87f82", "nothing", "x" * 3000, "%00", "a%2Fb"])
async def test_an_unknown_workflow_is_not_found(vendor: Vendor, workflow_id: str) -> None:
    expected = (400, "ValidationError") if workflow_id == "%00" else (404, "NotFoundError")
    definition = {"definition": json.dumps(GATE)}
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/versions", None),
        ("GET", f"/versions/{uuid.uuid4()}", None),
        ("POST", "/versions", definition),
        ("POST", "/versions/validate", definition),
        ("GET", "/tags/$LIVE", None),
        ("PUT", "/tags/$LIVE", {"versionId": str(uuid.uuid4())}),
    ):
        refused(await vendor.send(method, f"/workflows/{workflow_id}{path}", body), *expected)
