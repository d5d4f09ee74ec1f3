"""What prepares a Temporal service for us, run against a real one."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from definitions.contract import SEARCH_ATTRIBUTES
from tests.repo.sources import ROOT
from tidegate.temporal_server import FAST, find_executable

REGISTER = ROOT / "deploy" / "temporal" / "register.sh"


async def register(address: str, namespace: str) -> tuple[int, str]:
    environ = {
        "PATH": f"{Path(find_executable()).parent}:{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
    }
    done = await asyncio.create_subprocess_exec(
        "/bin/sh", str(REGISTER), env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await done.communicate()
    assert done.returncode is not None
    return done.returncode, output.decode()


async def test_register_makes_the_namespace_and_our_search_attributes_once(
    temporal_client: Client, temporal_address: str
) -> None:
    namespace = f"registered-{uuid.uuid4()}"
    for _ in range(2):  # a second time, as when the containers are started again
        code, output = await register(temporal_address, namespace)
        assert code == 0, output
    found = await temporal_client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    ours = {name: kind for name, kind in found.custom_attributes.items() if name.startswith("Tidegate")}
    assert {name: _name(kind) for name, kind in ours.items()} == SEARCH_ATTRIBUTES
    described = await temporal_client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    assert described.config.workflow_execution_retention_ttl.ToSeconds() == 30 * 24 * 3600


def _name(kind: int) -> str:
    """KeywordList for INDEXED_VALUE_TYPE_KEYWORD_LIST."""
    words = IndexedValueType.Name(IndexedValueType.ValueType(kind)).removeprefix("INDEXED_VALUE_TYPE_")
    return "".join(word.capitalize() for word in words.split("_"))


def test_register_names_every_search_attribute_of_the_contract() -> None:
    named = re.findall(r"--name (\w+) --type (\w+)", REGISTER.read_text())
    assert dict(named) == SEARCH_ATTRIBUTES


def test_the_servers_of_compose_poll_as_fast_as_the_one_of_dev() -> None:
    text = (ROOT / "deploy" / "temporal" / "dynamic-config.yaml").read_text()
    set_there = {name: int(value) for name, value in re.findall(r"^([\w.]+):\n  - value: (\d+)$", text, re.MULTILINE)}
    # One partition for each task queue is for one worker only, so it is for `dev` alone.
    assert set_there == {name: value for name, value in FAST.items() if not name.startswith("matching.")}
