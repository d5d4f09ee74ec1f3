"""Workflows that are published from files, beside the API; routes are not."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.conformance.fastgen.conftest import SECRET_KEY, keyed
from tests.conformance.fastgen.samples import returns, variable
from tests.conformance.fastgen.vendor import Json, Vendor, action, vendor_of
from tests.conformance.stack import adapter
from tidegate import definitions_folder
from tidegate.errors import CommandError
from worker.client import TidegateClient


def write(folder: Path, project: str, kind: str, name: str, body: Json) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"project": project, kind: {"name": name, **body}}))


async def test_the_api_goes_on_with_a_workflow_of_a_file(temporal_client: Client, tmp_path: Path) -> None:
    project = f"files-{uuid.uuid4().hex[:8]}"
    body: Json = {"event": "e", "actions": [variable("Seen", "file")]}
    write(tmp_path / "org-393", project, "workflow", "W", body)
    async with (
        adapter(temporal_client, settings=keyed()) as stack,
        stack.worker(secret_keys=(SECRET_KEY,)),
        vendor_of(stack.address, "fg_393", project) as vendor,
    ):
        found = definitions_folder.read(tmp_path)
        await definitions_folder.publish(found, TidegateClient(temporal_client, stack.queue), lambda text: None)
        assert await seen(vendor) == "file"
        read = await vendor.ok("GET", "/workflows/W")
        assert (read["active"], read["version"], read["deployedVersion"]) == (True, 1, 1)
        await vendor.switch("workflows", "W", False)
        assert (await vendor.publish("e"))["started"] == []
        await vendor.switch("workflows", "W", True)
        saved = await vendor.ok("PUT", "/workflows/W", body | {"actions": [variable("Seen", "api")]})
        assert (saved["version"], saved["deployedVersion"]) == (2, 1)
        assert await seen(vendor) == "file"
        await vendor.deploy("workflows", "W")
        assert await seen(vendor) == "api"
        await vendor.ok("DELETE", "/workflows/W")
        assert (await vendor.publish("e"))["started"] == []


async def seen(vendor: Vendor) -> str:
    [run] = (await vendor.publish("e"))["started"]
    output: str = action(await vendor.ended(run), "Seen")["output"]
    return output


def test_a_route_of_a_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "shop", "route", "R", {"method": "GET", "path": "/", "actions": [returns(1)]})
    with pytest.raises(CommandError, match="route-api-only"):
        definitions_folder.read(tmp_path)
